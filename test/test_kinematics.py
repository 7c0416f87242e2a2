# SPDX-License-Identifier: Apache-2.0
"""Forward kinematics against the vendor's numbers, Jacobian against differences, inverse."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from robot_rl.control.kinematics import (
    Kinematics,
    inverse,
    least_squares,
    rotation_from_rpy,
    rotation_vector,
)
from robot_rl.control.robot import load_robot
from robot_rl.errors import InputError

# Sawyer, from the vendor's description: origin xyz (m), rpy (rad), limits (rad), rad/s, N m.
JOINTS = (
    ((0, 0, 0.08), (0, 0, 0), (-3.0503, 3.0503), 1.74, 80),
    ((0.081, 0.05, 0.237), (-1.5708, 1.5708, 0), (-3.8095, 2.2736), 1.328, 80),
    ((0, -0.14, 0.1425), (1.5708, 0, 0), (-3.0426, 3.0426), 1.957, 40),
    ((0, -0.042, 0.26), (-1.5708, 0, 0), (-3.0439, 3.0439), 1.957, 40),
    ((0, -0.125, -0.1265), (1.5708, 0, 0), (-2.9761, 2.9761), 3.485, 9),
    ((0, 0.031, 0.275), (-1.5708, 0, 0), (-2.9761, 2.9761), 3.485, 9),
    ((0, -0.11, 0.1053), (-1.5708, -0.17453, 3.1416), (-4.7124, 4.7124), 4.545, 9),
)
HAND = ((0, 0, 0.0245), (0, 0, 1.5708))
TOOL = ((0, 0, 0.109), (0, 0, 0))

ARM = Kinematics(load_robot('sawyer'))
HOME = np.array(load_robot('sawyer').home)
LOWER, UPPER = ARM.position_limits.T


def turn(axis, angle):
    """Rotation about a coordinate axis."""
    c, s = math.cos(angle), math.sin(angle)
    rows = {
        'x': [[1, 0, 0], [0, c, -s], [0, s, c]],
        'y': [[c, 0, s], [0, 1, 0], [-s, 0, c]],
        'z': [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    }
    return np.array(rows[axis], dtype=np.float64)


def transform(xyz, rpy, angle=0.0):
    """T(xyz) Rz(yaw) Ry(pitch) Rx(roll) Rz(angle), shape [4, 4]."""
    result = np.eye(4)
    result[:3, :3] = turn('z', rpy[2]) @ turn('y', rpy[1]) @ turn('x', rpy[0]) @ turn('z', angle)
    result[:3, 3] = xyz
    return result


def by_hand(position):
    pose = np.eye(4)
    for (xyz, rpy, *_), angle in zip(JOINTS, position, strict=True):
        pose = pose @ transform(xyz, rpy, angle)
    return pose @ transform(*HAND) @ transform(*TOOL)


def configurations(count, seed=0):
    return np.random.default_rng(seed).uniform(LOWER, UPPER, (count, 7))


def test_pose_is_that_of_the_vendors_numbers():
    for position in configurations(50):
        tool, pose = ARM.evaluate(position), by_hand(position)
        np.testing.assert_allclose(tool.position_xyz, pose[:3, 3], rtol=0, atol=1e-9)
        np.testing.assert_allclose(tool.rotation, pose[:3, :3], rtol=0, atol=1e-9)


def test_jacobian_is_the_derivative_of_the_pose():
    step = 1e-6
    for position in configurations(20, seed=1):
        tool = ARM.evaluate(position)
        for joint in range(7):
            shift = step * np.eye(7)[joint]
            ahead, behind = ARM.evaluate(position + shift), ARM.evaluate(position - shift)
            linear = (ahead.position_xyz - behind.position_xyz) / (2 * step)
            angular = rotation_vector(ahead.rotation @ behind.rotation.T) / (2 * step)
            np.testing.assert_allclose(tool.jacobian[:3, joint], linear, rtol=0, atol=1e-7)
            np.testing.assert_allclose(tool.jacobian[3:, joint], angular, rtol=0, atol=1e-7)


def test_limits_are_the_vendors():
    np.testing.assert_array_equal(ARM.position_limits, [j[2] for j in JOINTS])
    np.testing.assert_array_equal(ARM.velocity_limits, [j[3] for j in JOINTS])
    np.testing.assert_array_equal(ARM.effort_limits, [j[4] for j in JOINTS])


def test_results_are_the_callers_own():
    first = ARM.evaluate(HOME)
    kept = first.position_xyz.copy(), first.rotation.copy(), first.jacobian.copy()
    ARM.evaluate(HOME + 0.3)
    np.testing.assert_array_equal(first.position_xyz, kept[0])
    np.testing.assert_array_equal(first.rotation, kept[1])
    np.testing.assert_array_equal(first.jacobian, kept[2])


@pytest.mark.parametrize('seed', range(10))
def test_inverse_reaches_poses_around_the_socket(seed):
    rng = np.random.default_rng(seed)
    goal = np.array([0.6, 0.0, 0.15]) + rng.uniform(-0.08, 0.08, 3)
    rotation = rotation_from_rpy(np.array([math.pi, 0, 0]) + rng.uniform(-0.2, 0.2, 3))
    found = inverse(ARM, HOME, goal, rotation)
    tool = ARM.evaluate(found)
    np.testing.assert_allclose(tool.position_xyz, goal, rtol=0, atol=1e-8)
    np.testing.assert_allclose(tool.rotation, rotation, rtol=0, atol=1e-8)
    assert (found >= LOWER).all()
    assert (found <= UPPER).all()


@pytest.mark.parametrize('goal', [(2.0, 0.0, 0.3), (0.0, 0.0, 3.0)])
def test_inverse_refuses_what_is_out_of_reach(goal):
    with pytest.raises(InputError, match=rf'{goal[0]}.*{goal[2]}.* m'):
        inverse(ARM, HOME, np.array(goal), rotation_from_rpy(np.array([math.pi, 0, 0])))


angles = st.floats(-math.pi, math.pi)


@given(angles, st.floats(-1.5, 1.5), angles)
def test_rotation_from_rpy_is_the_product_of_three_turns(roll, pitch, yaw):
    expected = turn('z', yaw) @ turn('y', pitch) @ turn('x', roll)
    np.testing.assert_allclose(
        rotation_from_rpy(np.array([roll, pitch, yaw])), expected, atol=1e-12
    )


@given(st.lists(st.floats(-1.7, 1.7), min_size=3, max_size=3).map(np.array))
def test_rotation_vector_undoes_rodrigues_formula(vector):
    angle = float(np.linalg.norm(vector))
    x, y, z = vector
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    # sin(a) / a and (1 - cos(a)) / a^2, the latter without cancellation.
    rotation = np.eye(3) + np.sinc(angle / math.pi) * cross
    rotation = rotation + 0.5 * np.sinc(angle / 2 / math.pi) ** 2 * cross @ cross
    np.testing.assert_allclose(rotation_vector(rotation), vector, atol=1e-7)


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.floats(1e-3, 1.0))
def test_least_squares_minimises_error_and_motion(seed, damping):
    """Zero gradient of |J x - t|^2 + d^2 |x|^2."""
    rng = np.random.default_rng(seed)
    jacobian, twist = rng.standard_normal((6, 7)), rng.standard_normal(6)
    x = least_squares(jacobian, twist, damping)
    gradient = jacobian.T @ (jacobian @ x - twist) + damping**2 * x
    np.testing.assert_allclose(gradient, 0.0, atol=1e-6)
