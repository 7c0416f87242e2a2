# SPDX-License-Identifier: Apache-2.0
"""Every robot in torque mode, and commands in a mode that a robot does not understand."""

import mujoco
import numpy as np
import pytest
from robot_stage import ROBOTS, make, quiet

from robot_rl.control.kinematics import Kinematics
from robot_rl.errors import InputError
from robot_rl.types import JointCommand


@pytest.fixture(params=ROBOTS)
def name(request):
    return request.param


def test_torques_go_straight_to_the_joints(name):
    """The arm's weight as a torque holds it; a joint's own effort is all that it gets."""
    robot = quiet(name, command_mode='torque')
    world = make(robot)
    world.reset(0)
    data, dofs = world.data, world._dofs
    before = world.joint_state().position
    for _ in range(10):
        weight = data.qfrc_bias[dofs] - data.qfrc_gravcomp[dofs]
        world.apply(JointCommand(0, 'torque', weight))
        world.step()
    np.testing.assert_allclose(world.joint_state().position, before, atol=0.02)
    effort = Kinematics(robot).effort_limits
    world.apply(JointCommand(0, 'torque', 10.0 * effort))
    world.step()
    np.testing.assert_allclose(data.qfrc_actuator[dofs], effort)
    world.step()
    np.testing.assert_array_equal(data.qfrc_actuator[dofs], 0.0)


def test_a_torque_accelerates_as_the_mass_matrix_says(name):
    world = make(quiet(name, command_mode='torque'))
    world.reset(0)
    model, data = world.model, world.data
    torque = 0.05 * Kinematics(quiet(name)).effort_limits
    matrix = np.zeros((model.nv, model.nv))
    mujoco.mj_fullM(model, data, matrix)
    weight = data.qfrc_bias - data.qfrc_gravcomp
    expected = np.linalg.solve(matrix, torque - weight)
    data.ctrl[:] = torque
    mujoco.mj_forward(model, data)
    np.testing.assert_allclose(data.qacc, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ('mode', 'given', 'message'),
    [
        ('velocity', 'torque', "robot fetch expects mode velocity or position, got 'torque'"),
        ('torque', 'velocity', "robot fetch expects mode torque, got 'velocity'"),
    ],
)
def test_a_command_in_another_mode_is_refused(mode, given, message):
    world = make(quiet('fetch', command_mode=mode))
    with pytest.raises(InputError, match=message):
        world.apply(JointCommand(0, given, np.zeros(7)))
