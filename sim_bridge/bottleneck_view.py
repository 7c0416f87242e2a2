# SPDX-License-Identifier: Apache-2.0
"""What an actor's bottleneck reads off its pictures, beside the true state (Pinto et al. 2017)."""

import io
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from robot_rl import arrays
from robot_rl.agents import Agent
from robot_rl.episodes.episode import Limits
from robot_rl.errors import InputError
from robot_rl.learning.build import make_agent
from robot_rl.learning.checkpoint import load_latest
from robot_rl.report.video import Frame
from robot_rl.task import TaskConfig, robot_of
from robot_rl.types import Action, FloatArray
from sim_bridge.host import DirectHost

ACROSS = 3  # plots side by side
TRUE, PREDICTED = '#0b5fa5', '#c0392b'


@dataclass
class Reconstruction:
    """States of played episodes, one after the other.

    Attributes:
        true: by entry and axis, a value a step.
        predicted: the same, as the bottleneck says.
        ends: steps at which an episode ends.
    """

    true: dict[str, list[float]] = field(default_factory=dict)
    predicted: dict[str, list[float]] = field(default_factory=dict)
    ends: list[int] = field(default_factory=list)

    def add(self, true: dict[str, Any], predicted: dict[str, Any]) -> None:
        """Takes one step: the observation's entries and what was predicted of them."""
        for name, values in predicted.items():
            for i, (told, known) in enumerate(
                zip(np.ravel(values), np.ravel(true[name]), strict=True)
            ):
                key = f'{name}[{i}]'
                self.predicted.setdefault(key, []).append(float(told))
                self.true.setdefault(key, []).append(float(known))

    def error(self, key: str) -> float:
        """Root mean square of the error of one value."""
        return float(np.sqrt(np.mean(np.square(self._of(self.true, key) - self._predicted(key)))))

    def _predicted(self, key: str) -> FloatArray:
        return self._of(self.predicted, key)

    def _of(self, values: dict[str, list[float]], key: str) -> FloatArray:
        return np.array(values[key])


def restored(run: Path, task: TaskConfig) -> Agent:
    """The agent of a run's newest checkpoint, statistics included.

    Raises:
        InputError: no checkpoint there, or one of another agent.
    """
    agent = make_agent(task, robot_of(task), 0)
    found, _ = load_latest(run)
    agent.load_state_dict(arrays.part(found.files['learner'], 'agent'))
    return agent


def reconstruct(task: TaskConfig, agent: Agent, episodes: int, seed: int) -> Reconstruction:
    """Plays the policy and asks its bottleneck at each step.

    Raises:
        InputError: the agent has no bottleneck.
    """
    read, found = getattr(agent, 'reconstruct', None), Reconstruction()
    with closing(DirectHost(task, robot_of(task), Limits(task.horizon), seed)) as host:
        for _ in range(episodes):
            observation = host.reset()
            while True:
                predicted = read(observation.entries) if read else {}
                if not predicted:
                    raise InputError(f'agent {task.agent}: has no bottleneck')
                found.add(observation.entries, predicted)
                if host.over:
                    break
                values = agent.act(observation.entries, explore=False)
                observation = host.act(Action(observation.stamp_ns, values))
            found.ends.append(len(next(iter(found.true.values()))))
    return found


def plot(found: Reconstruction, title: str) -> Frame:
    """A line for what is true and one for what is predicted, a small plot for each value."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    keys = list(found.true)
    rows = -(-len(keys) // ACROSS)
    figure = Figure(figsize=(4 * ACROSS, 2 * rows + 0.6), dpi=90, layout='constrained')
    FigureCanvasAgg(figure)
    plots = figure.subplots(rows, ACROSS, squeeze=False).ravel()
    for axes in plots[len(keys) :]:
        axes.axis('off')
    for axes, key in zip(plots, keys, strict=False):
        axes.plot(found.true[key], color=TRUE, label='true')
        axes.plot(found.predicted[key], color=PREDICTED, linewidth=1, label='bottleneck')
        axes.set_title(f'{key}, rms error {found.error(key):.3g}', fontsize=9)
        for end in found.ends[:-1]:
            axes.axvline(end, color='0.7', linewidth=0.6)
    plots[0].legend(fontsize=8)
    figure.suptitle(title, fontsize=10)
    file = io.BytesIO()
    figure.savefig(file, format='png')
    image = cv2.imdecode(np.frombuffer(file.getvalue(), np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(image, np.uint8)[..., ::-1]
