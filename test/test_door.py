# SPDX-License-Identifier: Apache-2.0
"""The door of the arm's tasks: latch, spring, and where its lever is."""

import mujoco
import numpy as np
import pytest
from robot_stage import play, quiet

from robot_rl.rewards.goal import goal_reward
from robot_rl.task import load_task
from sim_bridge.build import make_world
from sim_bridge.tasks.door_parts import STAND, THICK


@pytest.fixture
def world():
    result = make_world(load_task('door_pull'), quiet('sawyer'))
    result.reset(3)
    return result


def turn_and_pull(world, handle, moment):
    """Holds the lever at an angle, rad, with a moment, N m, on the door; the door's angle."""
    model, data = world.model, world.data
    dofs = {name: int(model.joint(name).dofadr[0]) for name in ('door', 'handle')}
    for _ in range(1000):
        off = handle - data.joint('handle').qpos[0]
        data.qfrc_applied[dofs['handle']] = 40.0 * off - 2.0 * data.joint('handle').qvel[0]
        data.qfrc_applied[dofs['door']] = moment
        mujoco.mj_step(model, data)
    data.qfrc_applied[:] = 0.0
    return float(data.joint('door').qpos[0])


@pytest.mark.parametrize('moment', [-12.0, 12.0])
def test_the_latch_holds_until_the_lever_is_turned_by_sixty_degrees(world, moment):
    """Against a pull or push of 20 N at the lever, either way."""
    assert abs(turn_and_pull(world, np.radians(55.0), moment)) < np.radians(0.5)
    assert turn_and_pull(world, np.radians(66.0), moment) * np.sign(moment) > np.radians(10.0)


def test_the_spring_closes_the_door_as_far_as_the_bolt_lets_it(world):
    turn_and_pull(world, np.radians(80.0), -12.0)
    opened = world.scene_state()['angles'][0]
    play(world, 15.0)
    angle, handle = world.scene_state()['angles']
    assert opened < np.radians(-12.0)
    assert np.radians(-4.0) < angle < 0.0
    assert abs(handle) < np.radians(1.0)


def test_a_lever_point_is_where_the_lever_is(world):
    world.data.joint('door').qpos[0], world.data.joint('handle').qpos[0] = -0.3, 0.7
    mujoco.mj_kinematics(world.model, world.data)
    handle = world.data.body('handle')
    local = np.array([-THICK / 2 - STAND, 0.09, 0.0])
    expected = handle.xpos + handle.xmat.reshape(3, 3) @ local
    point, upper, through = world.task.lever_point(-0.3, 0.7, 0.09)
    np.testing.assert_allclose(point, expected, atol=1e-12)
    np.testing.assert_allclose(upper, handle.xmat.reshape(3, 3)[:, 2], atol=1e-12)
    np.testing.assert_allclose(through, handle.xmat.reshape(3, 3)[:, 0], atol=1e-12)


def test_the_goal_is_a_door_that_is_open_by_ten_degrees_the_right_way(world):
    reward = load_task('door_pull').reward
    assert reward.goal is not None
    for degrees, solved in ((-9.9, False), (-10.1, True), (-60.0, True), (12.0, False)):
        world.data.joint('door').qpos[0] = np.radians(degrees)
        told = world.scene_state()
        told = goal_reward(told['achieved_goal'], told['desired_goal'], reward.goal)
        assert told[1] == solved
