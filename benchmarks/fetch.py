# SPDX-License-Identifier: Apache-2.0
"""The Fetch tasks of gymnasium-robotics, sparse rewards, learned by the agents of this package.

Needs `pip install -r requirements/bench.txt`. Each seed is added to the file of results as soon
as it is done, so a table may grow run by run. The last line is one JSON object.
"""

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import gymnasium
import numpy as np

from benchmarks import curves
from benchmarks.curves import Curve
from benchmarks.fetch_expert import pick_and_place
from robot_rl.errors import InputError
from robot_rl.learning.config import AgentConfig, DemonstrationConfig, LearnerConfig, load_agent
from robot_rl.learning.learner import Learner, RunInfo
from robot_rl.models.training import configure_process
from robot_rl.ranges import non_negative
from robot_rl.replay.step_file import write_steps
from robot_rl.types import Action
from sim_bridge.direct import evaluate, train_episode
from sim_bridge.gym_host import GymHost

ACTION_HZ = 25.0
EVALUATION_SEED = 1_000_007
CHECK_SEED = 3_000_017
CHECK_EPISODES = 200
DEMONSTRATION_SEED = 2_000_003


@dataclass(frozen=True)
class Task:
    """One environment and what is to be reached.

    Attributes:
        env: name in Gymnasium's registry.
        steps: environment steps of training.
        success: rate to reach within them.
        every: steps between two evaluations.
        demonstrated: steps and success where there are demonstrations.
    """

    env: str
    steps: int
    success: float
    every: int
    demonstrated: tuple[int, float] | None = None


TASKS = {
    'reach': Task('FetchReach-v4', 5_000, 0.99, 500),
    'push': Task('FetchPush-v4', 300_000, 0.95, 10_000),
    'pick_and_place': Task('FetchPickAndPlace-v4', 500_000, 0.9, 10_000, (200_000, 0.95)),
}


@contextmanager
def host(task: Task, seed: int) -> Iterator[GymHost]:
    """The task's environment."""
    try:
        import gymnasium_robotics  # noqa: PLC0415
    except ImportError as error:
        raise InputError(f'bench fetch: {error}; pip install -r requirements/bench.txt') from error
    gymnasium.register_envs(gymnasium_robotics)
    with closing(gymnasium.make(task.env)) as env:
        yield GymHost(env, seed)


def record(task: Task, episodes: int, path: Path) -> None:
    """Writes episodes of the scripted expert to a file."""
    steps, solved = [], 0
    with host(task, DEMONSTRATION_SEED) as played:
        for _ in range(episodes):
            observation = played.reset()
            while not played.over:
                values = pick_and_place(observation.entries)
                observation = played.act(Action(observation.stamp_ns, values, 'script'))
            solved += played.reward.success
            steps += played.take_steps()
    write_steps(path, steps)
    print(f'{path}: {episodes} episodes of the expert, {solved} solved')


@dataclass(frozen=True)
class Length:
    """How long a seed is trained.

    Attributes:
        steps: environment steps at most.
        episodes: of each evaluation.
        stop: whether a seed is done before, once two evaluations running and then a check in
            further episodes reach the task's rate.
    """

    steps: int
    episodes: int
    stop: bool


def train(
    task: Task, config: AgentConfig, learning: LearnerConfig, seed: int, length: Length
) -> Curve:
    """Trains one seed, evaluating without exploration on the way."""
    more = ' with demonstrations' if learning.demonstrations else ''
    curve = Curve(f'{task.env} {config.name}{more}', seed)
    started = time.monotonic()
    with (
        host(task, seed) as training,
        host(task, EVALUATION_SEED + seed) as testing,
        host(task, CHECK_SEED + seed) as checking,
    ):
        agent = config.make(training.spec, seed)
        run = RunInfo('', task.env, 'fetch', config.name, seed, ACTION_HZ, '')
        learner = Learner(learning, agent, training.spec, run)
        while not over(curve, length, task.success):
            train_episode(training, agent, learner, seed)
            due = task.every * (len(curve.steps) + 1)
            if learner.statistics.env_steps >= min(due, length.steps):
                curve.steps.append(learner.statistics.env_steps)
                curve.success.append(evaluate(testing, agent, length.episodes).success_rate)
                if over(curve, replace(length, stop=False), 0) or steady(curve, task.success):
                    curve.checked = evaluate(checking, agent, CHECK_EPISODES).success_rate
                    curve.checked_episodes = CHECK_EPISODES
                curve.wall_s = round(time.monotonic() - started, 1)
                tell(curve, learner)
    return curve


def over(curve: Curve, length: Length, wanted: float) -> bool:
    """Whether a seed is done."""
    reached = curve.checked is not None and curve.checked >= wanted
    all_done = bool(curve.steps) and curve.steps[-1] >= length.steps
    return all_done or (length.stop and reached and steady(curve, wanted))


def steady(curve: Curve, wanted: float) -> bool:
    """Whether the last two evaluations reached the rate."""
    return len(curve.success) > 1 and min(curve.success[-2:]) >= wanted


def tell(curve: Curve, learner: Learner) -> None:
    """One line of progress."""
    parts = [
        f'{curve.label} seed {curve.seed}: {curve.steps[-1]} steps',
        f'success {curve.success[-1]:.0%}',
        f'{curve.steps[-1] / curve.wall_s:.0f} steps/s',
        f'{learner.updates} updates',
    ]
    if curve.checked is not None:
        parts.append(f'last check {curve.checked:.1%} of {curve.checked_episodes}')
    parts += [f'{name} {value:.3g}' for name, value in learner.metrics.items()]
    print(', '.join(parts), flush=True)


def main(argv: list[str]) -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(prog='robot-rl bench fetch', description=__doc__)
    parser.add_argument('--task', choices=TASKS, default='reach')
    parser.add_argument('--agent', default='sac_her', help='name in config/agents, or a file')
    parser.add_argument('--seeds', type=non_negative, nargs='*', default=[0, 1, 2, 3, 4])
    parser.add_argument('--record', type=int, default=0, help='demonstrations to write first')
    parser.add_argument('--demonstrations', type=Path, help='.npz file to learn from')
    parser.add_argument('--share', type=float, default=0.25, help='of demonstrations in a batch')
    parser.add_argument('--steps', type=int, default=0, help="default: the task's own")
    parser.add_argument('--episodes', type=int, default=50, help='of each evaluation')
    parser.add_argument('--stop', action='store_true', help='train no longer than is needed')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--out', type=Path, default=Path('fetch.jsonl'), help='file of results')
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    configure_process(options.threads)
    task = TASKS[options.task]
    config = load_agent(options.agent)
    learner = config.learner
    if not isinstance(learner, LearnerConfig):
        raise InputError(f'bench fetch: --agent: expected one with replay, got {config.algorithm}')
    if options.demonstrations:
        if options.record:
            record(task, options.record, options.demonstrations)
        from_disk = DemonstrationConfig(str(options.demonstrations), options.share)
        learner = replace(learner, demonstrations=from_disk)
        if task.demonstrated:
            task = replace(task, steps=task.demonstrated[0], success=task.demonstrated[1])
    for seed in options.seeds:
        length = Length(options.steps or task.steps, options.episodes, options.stop)
        curves.append(options.out, train(task, config, learner, seed, length))
    found = [c for c in curves.read(options.out, Curve) if c.label.startswith(task.env)]
    if not found:
        raise InputError(f'{options.out}: no result of {task.env} yet; name --seeds')
    print(curves.table(found, task.success))
    curves.draw(options.out.with_name(f'fetch_{options.task}.png'), found, task.env)
    value = float(np.min([c.success[-1] for c in found]))
    result = {'name': f'fetch_{options.task}', 'value': value, 'unit': 'success, worst seed'}
    print(json.dumps(result))
    return 0
