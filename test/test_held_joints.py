# SPDX-License-Identifier: Apache-2.0
"""Fingers that a task blocks, and fingers that hold something from the start."""

from dataclasses import replace

import numpy as np
import pytest

from robot_rl.errors import InputError
from robot_rl.task import load_task, robot_of
from sim_bridge.env import RobotEnv
from sim_bridge.tasks.objects import scatter

FINGER = 'r_gripper_finger_joint'


def test_a_task_blocks_the_fingers():
    assert robot_of(load_task('fetch_push')).held[FINGER] == 0.0


@pytest.mark.parametrize(
    ('held', 'message'),
    [
        ({'no_such_joint': 0.0}, "held: 'no_such_joint' is not held"),
        ({FINGER: 0.2}, f'joint {FINGER} at 0.2: expected within the limits'),
        ({FINGER: float('nan')}, f'joint {FINGER} at nan'),
    ],
)
def test_joints_that_cannot_be_held_are_refused(held, message):
    with pytest.raises(InputError, match=message):
        robot_of(replace(load_task('fetch_push'), held=held))


def test_a_block_that_starts_in_the_gripper_comes_along():
    env = RobotEnv(task='fetch_pick_grasped')
    for seed in range(20):
        observation, _ = env.reset(seed=seed)
        tool, block = env._host.world.privileged()['tool_xyz'], observation['achieved_goal']
        if np.linalg.norm(tool - block) < 0.03:
            break
    for _ in range(15):
        lifted = env.step(np.array([0.0, 0.0, 0.4, 0.0], np.float32))[0]
    rise = env._host.world.privileged()['tool_xyz'] - tool
    np.testing.assert_allclose(lifted['achieved_goal'] - block, rise, atol=0.005)
    assert rise[2] > 0.1
    env.close()


def test_objects_find_places_where_there_is_little_room():
    low, high = np.zeros(2), np.array([0.2, 0.4])
    for seed in range(30):
        places = scatter(np.random.default_rng(seed), [0.053] * 6, low, high)
        apart = [np.hypot(*(a - b)) for i, a in enumerate(places) for b in places[:i]]
        assert min(apart) > 0.106
