# SPDX-License-Identifier: Apache-2.0
"""Plays a policy in the direct host and counts: `robot-rl evaluate`."""

import argparse
import dataclasses
import json
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TypeVar

import numpy as np

from robot_rl.episodes.episode import Limits
from robot_rl.errors import InputError
from robot_rl.learning.build import deployed, make_player, read_saved
from robot_rl.learning.player import How
from robot_rl.ranges import at_least_one, non_negative
from robot_rl.task import TaskConfig, load_task, robot_of
from sim_bridge.host import DirectHost

Job = TypeVar('Job')
Done = TypeVar('Done')

#: Seed of evaluation episodes; training seeds are small, so the episodes are new to the policy.
EVALUATION_SEED = 1_000_007


@dataclass(frozen=True)
class Plan:
    """What to play.

    Attributes:
        checkpoint: folder of the policy; empty plays the base controller alone.
        task: with the robot and the agent that it is to have.
        how: by a sample, by the mean, or with zeros.
        episodes: how many.
        seed: of start states, goals and noise.
    """

    checkpoint: str
    task: TaskConfig
    how: How
    episodes: int
    seed: int


@dataclass(frozen=True)
class Result:
    """What was counted.

    Attributes:
        success: per episode.
        actions: per episode.
        interventions: control periods in which safety changed the command, over all episodes.
        action_hz: actions a second.
    """

    success: list[bool]
    actions: list[int]
    interventions: int
    action_hz: float

    @property
    def success_rate(self) -> float:
        """Share of episodes solved."""
        return float(np.mean(self.success))

    @property
    def mean_cycle_s(self) -> float | None:
        """Mean duration of the solved episodes on the robot's clock, s."""
        solved = [n for n, good in zip(self.actions, self.success, strict=True) if good]
        return float(np.mean(solved)) / self.action_hz if solved else None


def play(plan: Plan) -> Result:
    """Plays the plan's episodes."""
    task, robot = plan.task, robot_of(plan.task)
    player = make_player(task, robot, plan.how, plan.seed, plan.checkpoint)
    success, actions, interventions = [], [], 0
    with closing(DirectHost(task, robot, Limits(task.horizon), plan.seed)) as host:
        for _ in range(plan.episodes):
            observation = host.reset()
            while not host.over:
                action = player.act(observation)
                assert action is not None
                observation = host.act(action)
                interventions += sum(bool(r.reason) for r in host.results)
            success.append(host.reward.success)
            actions.append(observation.step)
    return Result(success, actions, interventions, task.rates.action_hz)


def two_at_a_time(work: Callable[[Job], Done], jobs: Sequence[Job]) -> list[Done]:
    """What a function of a module gives for each job, from two fresh processes.

    Raises:
        InputError: one of them was ended from outside.
    """
    fresh = get_context('spawn')  # a fork would hang where this process has drawn a picture
    with ProcessPoolExecutor(min(2, len(jobs)), fresh, _end_at_once) as pool:
        try:
            return list(pool.map(work, jobs))
        except BrokenProcessPool as error:
            raise InputError(f'{work.__qualname__}: a process was ended from outside') from error


def _end_at_once() -> None:
    """Lets Ctrl-C end a worker in silence."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def main(argv: list[str]) -> int:
    """The command; prints a line, or with `--json` one object."""
    arguments = _parse(argv)
    checkpoint, noise = arguments.checkpoint, arguments.goal_noise
    task = _load(arguments.task, checkpoint)
    if noise is not None:
        goal = dataclasses.replace(task.goal, noise=(noise, noise, 0.0))
        task = dataclasses.replace(task, goal=goal)
    plan = Plan(
        checkpoint=checkpoint,
        task=task,
        how=(arguments.policy or deployed(checkpoint)) if checkpoint else 'zero',
        episodes=arguments.episodes,
        seed=arguments.seed,
    )
    result = play(plan)
    report = {
        'task': task.name,
        'policy': plan.how,
        'episodes': plan.episodes,
        'seed': plan.seed,
        'success_rate': result.success_rate,
        'mean_cycle_s': result.mean_cycle_s,
        'mean_steps': float(np.mean(result.actions)),
        'safety_interventions': result.interventions,
    }
    if arguments.json:
        print(json.dumps(report))
    else:
        print('  '.join(f'{key} {value}' for key, value in report.items()))
    return 0


def _load(name: str, checkpoint: str) -> TaskConfig:
    """The task of this name, or a checkpoint's own; with the checkpoint's robot and agent."""
    if not checkpoint:
        return load_task(name or 'usb_insertion')
    saved = read_saved(checkpoint)
    return load_task(name or saved.task, saved.robot, saved.agent)


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='robot-rl evaluate', description=__doc__)
    parser.add_argument('--checkpoint', default='', help='folder; none: base controller alone')
    parser.add_argument('--task', default='', help="default: the checkpoint's own")
    parser.add_argument('--policy', choices=('sample', 'mean', 'zero'))
    parser.add_argument('--episodes', type=at_least_one, default=50)
    parser.add_argument('--seed', type=non_negative, default=EVALUATION_SEED)
    parser.add_argument('--goal-noise', type=float, default=None, help='m in x and y')
    parser.add_argument('--json', action='store_true', help='one JSON object')
    return parser.parse_args(argv)
