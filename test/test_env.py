# SPDX-License-Identifier: Apache-2.0
"""The Gymnasium environment: the API's own checker, and what it refuses."""

import math
import subprocess
import sys
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from robot_rl import environments, resources
from robot_rl.errors import InputError
from sim_bridge.env import RobotEnv


@pytest.fixture
def env():
    result = RobotEnv()
    yield result
    result.close()


def test_passes_gymnasiums_checker(env):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        check_env(env, skip_render_check=True)
    texts = [str(w.message) for w in caught]
    # Raw sensor values have no bound, and a checked environment comes without a registry's spec.
    known = ('infinity', 'spec', 'render')
    assert [t for t in texts if not any(k in t for k in known)] == []


def rollout(env, seed, steps=5):
    env.action_space.seed(0)
    observation, info = env.reset(seed=seed)
    found = [*observation.values(), info['desired_goal']]
    for _ in range(steps):
        observation, reward, *_ = env.step(env.action_space.sample())
        found += [*observation.values(), np.array([reward])]
    return np.concatenate([np.ravel(a) for a in found])


def test_a_seed_repeats(env):
    expected = rollout(env, 3)
    np.testing.assert_array_equal(rollout(env, 3), expected)
    assert (rollout(env, 4) != expected).any()
    other = RobotEnv(seed=9)
    np.testing.assert_array_equal(rollout(other, 3), expected)
    other.close()


def test_episodes_of_one_seed_differ(env):
    first, _ = env.reset(seed=3)
    second, _ = env.reset()
    assert any((first[k] != second[k]).any() for k in first)


def test_info_holds_what_the_docstring_says(env):
    expected = {
        'success',
        'is_success',
        'interventions',
        'reason',
        'achieved_goal',
        'desired_goal',
        'tool_wrench',
    }
    observation, info = env.reset(seed=0)
    assert info.pop('dynamics') == info.pop('looks') == {}
    assert set(info) == expected
    assert set(observation) == set(env.observation_space.spaces) == {'tool_position', 'wrench'}
    *_, info = env.step(np.zeros(3, np.float32))
    assert set(info) == expected
    assert info['success'] is False
    assert (info['interventions'], info['reason']) == (0, '')


def test_an_episode_ends_by_success_or_by_its_horizon(env):
    """The base controller alone, or held up by a residual against it."""
    ends = set()
    for values in ([0, 0, 0], [0, 0, 1]):
        env.reset(seed=1)
        count, terminated, truncated = 0, False, False
        while not (terminated or truncated):
            count += 1
            _, reward, terminated, truncated, info = env.step(np.array(values, np.float32))
            assert not (terminated and truncated)
            assert terminated == info['success'] == (reward > 0)
        ends.add((terminated, truncated))
        assert truncated == (count == 50 and not terminated)
    assert (False, True) in ends


def test_a_step_after_the_end_is_refused(env):
    env.reset(seed=1)
    done = False
    while not done:
        _, _, terminated, truncated, _ = env.step(np.array([0, 0, 1], np.float32))
        done = terminated or truncated
    with pytest.raises(InputError, match='the episode is over'):
        env.step(np.zeros(3, np.float32))


def test_a_step_before_the_first_reset_is_refused(env):
    with pytest.raises(InputError, match='reset'):
        env.step(np.zeros(3, np.float32))


@pytest.mark.parametrize(
    'action', [np.zeros(2), np.zeros((3, 1)), np.full(3, 1.01), np.full(3, math.nan)]
)
def test_bad_actions_are_refused(env, action):
    env.reset(seed=0)
    with pytest.raises(InputError, match='action: expected'):
        env.step(action)


def test_an_unknown_task_is_refused():
    with pytest.raises(InputError, match=r'usb_insertion'):
        RobotEnv('moon')


def test_renders():
    env = RobotEnv(render_mode='rgb_array')
    env.reset(seed=0)
    picture = env.render()
    env.close()
    assert (picture.shape, picture.dtype) == ((480, 640, 3), np.uint8)


def test_every_task_has_a_name_in_gymnasium(env):
    names = [environments.identity(task) for task in resources.names('config/tasks')]
    assert set(names) <= set(gymnasium.registry)
    made = gymnasium.make('robot_rl/UsbInsertion-v0')
    np.testing.assert_array_equal(rollout(made, 3), rollout(env, 3))
    made.close()


def test_naming_the_tasks_does_not_import_the_simulation():
    code = 'import gymnasium, sys, robot_rl; gymnasium.spec("robot_rl/FetchPick-v0"); '
    code += 'assert not {"mujoco", "sim_bridge", "torch"} & set(sys.modules)'
    subprocess.run([sys.executable, '-c', code], check=True)


def test_a_task_with_a_goal_of_its_own_speaks_of_goals():
    env = RobotEnv('fetch_pick')
    observation, _ = env.reset(seed=0)
    assert set(observation) == {'observation', 'achieved_goal', 'desired_goal'}
    assert observation in env.observation_space
    found, rewards = [], []
    for _ in range(5):
        observation, reward, *_ = env.step(np.zeros(4, np.float32))
        found.append((observation['achieved_goal'], observation['desired_goal']))
        rewards.append(reward)
    achieved, desired = map(np.array, zip(*found, strict=True))
    np.testing.assert_array_equal(env.compute_reward(achieved, desired, {}), rewards)
    np.testing.assert_array_equal(env.compute_reward(achieved, achieved, {}), np.zeros(5))
    env.close()


def test_a_reward_that_is_not_of_goals_is_not_computed_from_them(env):
    assert not hasattr(env, 'compute_reward')
    with pytest.raises(AttributeError, match='usb_insertion: reward electrical'):
        _ = env.compute_reward


def test_an_episode_begins_in_a_state(env):
    env.reset(seed=0)
    *_, left = env.step(np.full(3, 0.5, np.float32))
    state = env.world_state()
    env.reset(seed=1)
    _, found = env.reset(options={'state': state})
    np.testing.assert_array_equal(found['achieved_goal'], left['achieved_goal'])
    with pytest.raises(InputError, match='options: expected state, got speed'):
        env.reset(options={'speed': 2})
