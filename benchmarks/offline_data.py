# SPDX-License-Identifier: Apache-2.0
"""Tasks and data sets of the offline benchmark, made by agents of this package.

As in the sets that Nair 2022, table 1, uses: `random` are actions drawn uniformly; `expert` is a
SAC policy at the end of its training and `medium` that look at the same training
whose return is nearest to half way, both acting with their noise. A mix holds half of each.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from benchmarks.arm_reach import ArmReach
from robot_rl.agents import Agent
from robot_rl.agents.sac import SAC, SACConfig
from robot_rl.arrays import State
from robot_rl.learning.config import LearnerConfig
from robot_rl.learning.learner import Learner, RunInfo
from robot_rl.replay.step_file import write_steps
from robot_rl.types import Action, FloatArray, Observation, Step
from sim_bridge.direct import evaluate, train_episode
from sim_bridge.gym_host import GymHost

SETS = {
    'random': ('random',),
    'medium': ('medium',),
    'expert': ('expert',),
    'medium-expert': ('medium', 'expert'),
    'random-expert': ('random', 'expert'),
}
MIXED = ('medium-expert', 'random-expert')
EVALUATION_SEED = 1_000_007
_DATA_SEED = 2_000_003
_EPISODES = 20

Env = gymnasium.Env[Any, Any]


@dataclass(frozen=True)
class Task:
    """One environment.

    Attributes:
        make: gives it.
        expert_steps: of the expert's training.
        every: steps between two looks at it, one of which becomes `medium`.
        offline_updates: of each run of the benchmark before its first online step.
    """

    make: Callable[[], Env]
    expert_steps: int
    every: int
    offline_updates: int


def _arm() -> Env:
    return ArmReach(horizon=50)


def _pendulum() -> Env:
    """Balancing two poles on a cart; falling terminates. Rewards of about 1 a step."""
    env = gymnasium.make('InvertedDoublePendulum-v5', max_episode_steps=200)
    return gymnasium.wrappers.TransformReward(env, lambda reward: 0.1 * float(reward))


TASKS = {
    'sawyer-reach': Task(_arm, 8_000, 500, 3_000),
    'double-pendulum': Task(_pendulum, 10_000, 500, 8_000),
}


@dataclass(frozen=True)
class Scale:
    """What is 0 and what is 100 in the normalised score of a task.

    Attributes:
        random: mean return of random actions.
        expert: mean return of the expert without its noise.
        medium: the same of the medium policy, for information.
    """

    random: float
    expert: float
    medium: float

    def score(self, mean_return: float) -> float:
        """100 (R - random) / (expert - random), as in Nair 2022, table 1."""
        return 100 * (mean_return - self.random) / (self.expert - self.random)


def make_data(task: Task, folder: Path, steps: int, seed: int) -> Scale:
    """Trains an expert and writes every data set of `SETS` as `<folder>/<name>.npz`.

    Args:
        task: what is played.
        folder: made where it is missing.
        steps: of each set.
        seed: of the training and the data.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with closing(task.make()) as env:
        host = GymHost(env, seed)
        agent = SAC(_SAC, host.spec, seed)
        looks = _train(task, host, agent, seed)
        random = _mean_return(env, None, seed)
        expert = looks[-1][0]
        half_way = (random + expert) / 2
        half = min(looks, key=lambda look: abs(look[0] - half_way))
        policies = {'random': None, 'medium': half[1], 'expert': looks[-1][1]}
        played = {n: _play(env, agent, p, steps, seed) for n, p in policies.items()}
    for name, parts in SETS.items():
        share = steps // len(parts)
        mixed = [_from(part, step) for part in parts for step in played[part][:share]]
        write_steps(folder / f'{name}.npz', mixed)
    return Scale(random, expert, half[0])


_SAC = SACConfig(
    hidden=(64, 64), learning_rate=1e-3, mean_init_scale=1.0, gamma=0.98, device='cpu'
)


def learn(
    task: Task, host: GymHost, agent: Agent, steps: int, seed: int
) -> Iterator[tuple[int, float]]:
    """Trains an agent so many steps long; steps so far and mean return at every look."""
    config = LearnerConfig(batch_size=128, warmup_steps=500, capacity=steps + 1000)
    learner = Learner(config, agent, host.spec, RunInfo('', '', '', '', seed, 20.0, ''))
    due = task.every
    with closing(task.make()) as testing:
        while learner.statistics.env_steps < steps:
            train_episode(host, agent, learner, seed)
            if learner.statistics.env_steps >= due:
                due += task.every
                found = evaluate(GymHost(testing, EVALUATION_SEED), agent, _EPISODES)
                yield learner.statistics.env_steps, found.mean_return


def _train(task: Task, host: GymHost, agent: SAC, seed: int) -> list[tuple[float, State]]:
    """Return and policy at every look at the training."""
    looks: list[tuple[float, State]] = []
    for steps, mean_return in learn(task, host, agent, task.expert_steps, seed):
        looks.append((mean_return, agent.policy_state()))
        print(f'  expert: {steps} steps, {mean_return:.1f}')
    # The best look is the expert: training is short, and its last step may be a bad one.
    best = max(range(len(looks)), key=lambda i: looks[i][0])
    return looks[: best + 1]


def _mean_return(env: Env, policy: None, seed: int) -> float:
    host, rng, returns = GymHost(env, EVALUATION_SEED), np.random.default_rng(seed), []
    for _ in range(_EPISODES):
        host.reset()
        total = 0.0
        while not host.over:
            host.act(Action(host.observation.stamp_ns, _uniform(rng, host)))
            total += host.reward.value
        returns.append(total)
    return float(np.mean(returns))


def _play(env: Env, agent: SAC, policy: State | None, steps: int, seed: int) -> list[Step]:
    """Steps of whole episodes, at least so many."""
    host, rng, kept = GymHost(env, _DATA_SEED + seed), np.random.default_rng(seed), []
    if policy is not None:
        agent.load_policy_state(policy)
    while len(kept) < steps:
        seen = host.reset()
        agent.reseed(seen.episode)
        while not host.over:
            seen = host.act(Action(seen.stamp_ns, _choose(agent, policy, seen, rng, host)))
        kept += host.take_steps()
    return kept


def _choose(
    agent: SAC, policy: State | None, seen: Observation, rng: np.random.Generator, host: GymHost
) -> FloatArray:
    return _uniform(rng, host) if policy is None else agent.act(seen.entries, explore=True)


def _uniform(rng: np.random.Generator, host: GymHost) -> FloatArray:
    return rng.uniform(-1, 1, host.spec.action_size)


def _from(part: str, step: Step) -> Step:
    """The step with the behaviour as its collector, so that no two streams mix."""
    return replace(step, observation=replace(step.observation, collector=part))
