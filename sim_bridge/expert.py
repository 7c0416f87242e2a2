# SPDX-License-Identifier: Apache-2.0
"""Plays a task's scripted expert, on privileged state, through controller and safety."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from robot_rl.episodes.episode import Limits
from robot_rl.errors import InputError
from robot_rl.learning.weights import data_settings
from robot_rl.ranges import at_least_one, non_negative
from robot_rl.replay.starts import WORLD_STATE
from robot_rl.replay.step_file import write_steps
from robot_rl.report.video import Frame, overlay, write_video
from robot_rl.task import TaskConfig, load_task, robot_of
from robot_rl.types import Action, FloatArray, Step
from sim_bridge.experts import EXPERTS
from sim_bridge.experts.view import View
from sim_bridge.host import DirectHost

HEIGHT, WIDTH = 480, 640


@dataclass
class Played:
    """What an expert did.

    Attributes:
        film: whether pictures are wanted.
        states: whether each step is to hold the simulation's state, to begin episodes in.
        success: whether each episode ended solved.
        first: action at which each solved episode was solved for the first time.
        steps: of the replay stream.
        frames: pictures of all episodes.
        settings: JSON of what shapes the steps.
    """

    film: bool = False
    states: bool = False
    success: list[bool] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    settings: str = ''

    def keep_state(self, host: DirectHost) -> None:
        """Adds the present state to the observation."""
        if self.states:
            host.observation.entries[WORLD_STATE] = host.world.world_state()


def actions(task: TaskConfig, host: DirectHost) -> Iterator[FloatArray]:
    """The expert's actions [A] from the present state on; it holds still where its script ends.

    Raises:
        InputError: the scene has no expert.
    """
    if task.scene not in EXPERTS:
        raise InputError(f'scene {task.scene!r} has no expert; there are {", ".join(EXPERTS)}')
    view = View(task, host)
    yield from EXPERTS[task.scene](view)
    while True:
        yield view.action()


def play(
    task: TaskConfig, episodes: int, seed: int, film: bool = False, states: bool = False
) -> Played:
    """Plays episodes of the expert."""
    robot = robot_of(task)
    host = DirectHost(task, robot, Limits(task.horizon), seed, 'expert')
    played = Played(film, states, settings=data_settings(task, robot))
    try:
        for _ in range(episodes):
            _play_one(task, host, played)
    finally:
        host.close()
    return played


def _play_one(task: TaskConfig, host: DirectHost, played: Played) -> None:
    observation, solved_at = host.reset(), 0
    played.keep_state(host)
    script = actions(task, host)
    while not host.over:
        if played.film:
            played.frames.append(_picture(host, len(played.success), None))
        observation = host.act(Action(observation.stamp_ns, next(script), 'script'))
        played.keep_state(host)
        solved_at = solved_at or observation.step * host.reward.success
    played.success.append(host.reward.success)
    if host.reward.success:
        played.first.append(solved_at)
    played.steps += host.take_steps()
    if played.film:
        last = _picture(host, len(played.success) - 1, host.reward.success)
        played.frames += [last] * round(task.rates.action_hz / 2)


def _picture(host: DirectHost, episode: int, solved: bool | None) -> Frame:
    picture = host.world.render('closeup', HEIGHT, WIDTH)
    reward = f'step {host.observation.step}  reward {host.reward.value:.2f}'
    return overlay(picture, [f'expert, episode {episode}', reward], solved)


def main(argv: list[str]) -> int:
    """The command; with `--json` the last line is one object."""
    parser = argparse.ArgumentParser(prog='robot-rl expert', description=__doc__)
    parser.add_argument('task', help='name in config/tasks, or a file')
    parser.add_argument('--episodes', type=at_least_one, default=50)
    parser.add_argument('--seed', type=non_negative, default=0)
    parser.add_argument('--video', type=Path, help='MP4 to write')
    parser.add_argument('--demonstrations', type=Path, help='.npz file to write the steps to')
    parser.add_argument('--json', action='store_true', help='one JSON object')
    options = parser.parse_args(argv)
    task = load_task(options.task)
    played = play(
        task, options.episodes, options.seed, bool(options.video), bool(options.demonstrations)
    )
    if options.demonstrations:
        write_steps(options.demonstrations, played.steps, played.settings)
    if options.video:
        write_video(options.video, played.frames, task.rates.action_hz)
    report = {
        'task': task.name,
        'episodes': options.episodes,
        'seed': options.seed,
        'success_rate': float(np.mean(played.success)),
        'mean_steps': float(np.mean(played.first)) if played.first else None,
    }
    shown = '  '.join(f'{key} {value}' for key, value in report.items())
    print(json.dumps(report) if options.json else shown)
    return 0
