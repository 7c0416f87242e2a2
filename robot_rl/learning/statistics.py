# SPDX-License-Identifier: Apache-2.0
"""What the stream of steps says about the training: episodes, success, safety."""

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from robot_rl.types import Step


@dataclass(slots=True)
class Episode:
    """One episode, finished or still going on.

    Attributes:
        number: counted over the whole run.
        length: actions executed.
        score: sum of its rewards.
        success: whether a state solved the task.
        interventions: control periods in which safety changed the command.
        version: number of updates behind the policy that acted last.
    """

    number: int
    length: int = 0
    score: float = 0.0
    success: bool = False
    interventions: int = 0
    version: int = -1


class Statistics:
    """Counters over all steps received.

    Attributes:
        env_steps: actions executed.
        episodes: episodes finished.
        last_episode: number of the last one finished, -1 before.
        interventions: control periods in which safety changed a command.
    """

    def __init__(self, window: int = 20) -> None:
        """Starts at zero; `window` episodes make the success rate."""
        self.env_steps = self.episodes = self.interventions = 0
        self.last_episode = -1
        self._open: dict[str, Episode] = {}
        self._recent: deque[bool] = deque(maxlen=window)

    @property
    def success_rate(self) -> float | None:
        """Share of the last episodes that succeeded; None before the first."""
        return sum(self._recent) / len(self._recent) if self._recent else None

    def add(self, step: Step) -> Episode | None:
        """Counts one step; the episode, where it ended here."""
        observation = step.observation
        if observation.collector not in self._open or observation.first:
            self._open[observation.collector] = Episode(observation.episode)
        episode = self._open[observation.collector]
        if not observation.first:
            self.env_steps += 1
            episode.length = observation.step
            episode.score += step.reward
        episode.success |= step.success
        episode.version = max(episode.version, step.version)
        episode.interventions += step.interventions
        self.interventions += step.interventions
        return self._finish(step) if step.last else None

    def state(self) -> dict[str, Any]:
        """JSON values that `restore` takes."""
        state = {k: getattr(self, k) for k in _COUNTERS}
        running = {name: asdict(episode) for name, episode in self._open.items()}
        return state | {'open': running, 'recent': list(self._recent)}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on where `state` was taken."""
        for key in _COUNTERS:
            setattr(self, key, state[key])
        self._open = {name: Episode(**values) for name, values in state['open'].items()}
        self._recent.clear()
        self._recent.extend(state['recent'])

    def _finish(self, step: Step) -> Episode:
        episode = self._open.pop(step.observation.collector)
        self.episodes += 1
        self.last_episode = max(self.last_episode, episode.number)
        self._recent.append(episode.success)
        return episode


_COUNTERS = ('env_steps', 'episodes', 'last_episode', 'interventions')
