# SPDX-License-Identifier: Apache-2.0
"""Other people's environments as a source of steps, and training on them by plain calls."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from robot_rl.agents.sac import SAC, SACConfig
from robot_rl.errors import InputError
from robot_rl.learning.config import LearnerConfig
from robot_rl.learning.learner import Learner, RunInfo
from robot_rl.types import Action
from sim_bridge.direct import evaluate, train_episode
from sim_bridge.gym_host import GymHost

HORIZON = 8


class Line(gymnasium.Env[Any, Any]):
    """A point on a line that is to reach a goal; actions of 0 to 10 stand for -1 to 1."""

    action_space = spaces.Box(0, 10, (1,))
    observation_space = spaces.Dict(
        {'place': spaces.Box(-9, 9, (1,)), 'desired_goal': spaces.Box(-9, 9, (1,))}
    )

    def __init__(self, ends: bool = False) -> None:
        self._ends = ends

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.place, self.goal = self.np_random.uniform(-1, 1, 2)
        self.steps = 0
        return self._see(), {}

    def step(self, action: Any) -> Any:
        self.place += 0.5 * (action[0] - 5) / 5
        self.steps += 1
        near = abs(self.place - self.goal) < 0.1
        info = {'is_success': near}
        return (
            self._see(),
            -abs(self.place - self.goal),
            self._ends and near,
            self.steps >= 8,
            info,
        )

    def _see(self) -> dict[str, Any]:
        return {'place': np.array([self.place]), 'desired_goal': np.array([self.goal])}


def play(host: GymHost, value: float = 0.5) -> list[Any]:
    host.reset()
    while not host.over:
        host.act(Action(host.observation.stamp_ns, np.array([value])))
    return host.take_steps()


def test_steps_pair_each_state_with_what_was_done_in_it() -> None:
    host = GymHost(Line(), 0)
    steps = play(host) + play(host)
    assert [s.sequence for s in steps] == list(range(2 * (HORIZON + 1)))
    assert [s.observation.step for s in steps[: HORIZON + 1]] == list(range(HORIZON + 1))
    assert [s.truncated for s in steps[: HORIZON + 1]] == [False] * HORIZON + [True]
    assert {s.observation.episode for s in steps[HORIZON + 1 :]} == {1}
    assert (np.diff([s.observation.stamp_ns for s in steps]) > 0).all()
    one, two = steps[2], steps[3]
    moved = two.observation.entries['place'] - one.observation.entries['place']
    assert moved == pytest.approx(0.25, abs=1e-6)
    distance = two.observation.entries['place'] - two.observation.entries['desired_goal']
    assert two.reward == pytest.approx(-abs(distance[0]), abs=1e-6)


def test_an_episode_follows_from_its_seed_and_number() -> None:
    one, two = GymHost(Line(), 3), GymHost(Line(), 3)
    play(one)
    play(two, 0.0)
    np.testing.assert_array_equal(one.reset().entries['place'], two.reset().entries['place'])


def test_a_task_that_ends_is_terminated_and_not_truncated() -> None:
    host = GymHost(Line(ends=True), 0)
    host.reset()
    while not host.over:
        entries = host.observation.entries
        wanted = (entries['desired_goal'] - entries['place']) / 0.5
        host.act(Action(host.observation.stamp_ns, np.clip(wanted.astype(float), -1, 1)))
    last = host.take_steps()[-1]
    assert (last.success, last.terminated, last.truncated) == (True, True, False)


def test_no_action_after_the_end() -> None:
    host = GymHost(Line(), 0)
    with pytest.raises(InputError, match='reset before'):
        host.act(Action(0, np.zeros(1)))


def test_other_spaces_are_refused_by_name() -> None:
    env = Line()
    env.observation_space = spaces.Dict({'kind': spaces.Discrete(3)})
    with pytest.raises(InputError, match="observation 'kind': expected a box"):
        GymHost(env, 0)
    env = Line()
    env.action_space = spaces.Box(-np.inf, np.inf, (1,))
    with pytest.raises(InputError, match='action space: expected a bounded box'):
        GymHost(env, 0)


@pytest.mark.learning
def test_an_agent_learns_the_line() -> None:
    host = GymHost(Line(), 0)
    names = ('place', 'desired_goal')
    config = SACConfig(names, names, hidden=(32, 32), learning_rate=3e-3, gamma=0.9)
    agent = SAC(config, host.spec, 0)
    run = RunInfo('', 'line', '', 'sac', 0, 10.0, '')
    learner = Learner(LearnerConfig(batch_size=64, warmup_steps=50), agent, host.spec, run)
    before = evaluate(GymHost(Line(), 9), agent, 20)
    for _ in range(70):
        train_episode(host, agent, learner, 0)
    after = evaluate(GymHost(Line(), 9), agent, 20)
    assert after.mean_return > before.mean_return / 2
    assert after.success_rate >= 0.9
    assert learner.statistics.env_steps == 70 * HORIZON
