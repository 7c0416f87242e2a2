# SPDX-License-Identifier: Apache-2.0
"""The contract of every task in config/tasks: one suite for all."""

import json
from collections.abc import Iterator
from contextlib import closing

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from robot_rl import resources
from robot_rl.episodes.episode import Limits
from robot_rl.errors import InputError
from robot_rl.learning.build import make_learner
from robot_rl.task import data_spec, load_task, robot_of
from robot_rl.types import Action
from sim_bridge import catalogue
from sim_bridge.env import RobotEnv
from sim_bridge.expert import play
from sim_bridge.experts import EXPERTS
from sim_bridge.host import DirectHost

TASKS = resources.names('config/tasks')
STEPS = 12
SINK_M = 0.001  # deepest overlap of anything at a start


class Stage:
    """A task in the direct host."""

    def __init__(self, name: str) -> None:
        self.task = load_task(name)
        self.limits = Limits(self.task.horizon)
        self.host = DirectHost(self.task, robot_of(self.task), self.limits, seed=0)
        self.close = self.host.close


@pytest.fixture(scope='module', params=TASKS)
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with closing(Stage(request.param)) as made:
        yield made


def random_steps(stage: Stage) -> list[np.ndarray]:
    """Physics states of the first episode with random actions."""
    host, rng, states = stage.host, np.random.default_rng(1), []
    host.start_over(stage.limits, 0)
    observation = host.reset()
    size = stage.task.action.size
    while not host.over and len(states) < STEPS:
        observation = host.act(Action(observation.stamp_ns, rng.uniform(-1, 1, size)))
        states.append(host.world.save_state()['physics'])
        for name, entry in observation.entries.items():
            assert np.isfinite(entry).all(), name
        assert np.isfinite(host.reward.value)
    return states


def test_starts_are_free_of_overlap_and_not_solved(stage: Stage) -> None:
    host = stage.host
    for _ in range(5):
        host.reset()
        assert not host.reward.success
        contacts = host.world.data.contact
        assert not len(contacts) or contacts.dist.min() > -SINK_M


def test_random_actions_leave_finite_states_that_repeat_bit_for_bit(stage: Stage) -> None:
    first = random_steps(stage)
    assert not any(w.number for w in stage.host.world.data.warning)
    for one, other in zip(first, random_steps(stage), strict=True):
        np.testing.assert_array_equal(one[1:], other[1:])  # all but the time


def test_a_saved_state_goes_on_as_before(stage: Stage) -> None:
    random_steps(stage)
    world = stage.host.world
    told = world.scene_state()
    saved = world.save_state()

    def go_on() -> np.ndarray:
        for _ in range(3):
            world.step()
        return np.asarray(world.save_state()['physics'])

    expected = go_on()
    world.reset(99)
    world.load_state(saved)
    for name, vector in world.scene_state().items():
        np.testing.assert_array_equal(vector, told[name], name)
    np.testing.assert_array_equal(go_on(), expected)


@pytest.mark.parametrize('name', TASKS)
@pytest.mark.filterwarnings('ignore:.*observation space:UserWarning')
def test_gymnasium_is_content(name: str) -> None:
    with closing(RobotEnv(name)) as env:
        check_env(env, skip_render_check=True, skip_close_check=True)
        spec = data_spec(load_task(name), robot_of(load_task(name)))
        assert env.action_space.shape == (spec.action_size,)


@pytest.mark.parametrize('name', TASKS)
def test_its_agent_can_learn_from_it(name: str) -> None:
    task = load_task(name)
    make_learner(task, robot_of(task), 0, 'run')


def test_an_episode_that_is_over_wants_a_reset() -> None:
    with closing(Stage('fetch_pick')) as stage:
        host, still = stage.host, np.zeros(4)
        observation = host.reset()
        while not host.over:
            observation = host.act(Action(observation.stamp_ns, still))
        with pytest.raises(InputError, match='the episode is over'):
            host.act(Action(observation.stamp_ns, still))


def test_every_task_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert catalogue.main(['--json']) == 0
    listed = json.loads(capsys.readouterr().out.splitlines()[-1])['tasks']
    assert [row['name'] for row in listed] == TASKS
    assert all(row['expert'] for row in listed)


def test_experts_solve_their_tasks() -> None:
    """One episode each; `robot-rl expert TASK` measures the rates of docs/tasks.md."""
    scenes = {load_task(name).scene: name for name in TASKS}
    assert set(scenes) == set(EXPERTS)
    solved = {name: play(load_task(name), 1, seed=0).success[0] for name in scenes.values()}
    assert np.mean(list(solved.values())) >= 0.8, solved


@pytest.mark.parametrize('name', ['FetchPick-v0', 'UsbInsertion-v0'])
def test_gymnasium_makes_tasks_by_name(name: str) -> None:
    with closing(gymnasium.make(f'robot_rl/{name}')) as env:
        env.reset(seed=1)
        env.step(env.action_space.sample())
