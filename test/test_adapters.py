# SPDX-License-Identifier: Apache-2.0
"""Set-points as the vendors' messages, and joints mapped by name."""

import dataclasses
import json

import numpy as np
import pytest

from robot_rl.control.adapters import (
    Fingers,
    by_name,
    efforts,
    intera_gripper,
    joint_trajectory,
    kinova_degrees,
)
from robot_rl.control.driver import Setpoint
from robot_rl.control.driver_config import DriverConfig, GripperDriver
from robot_rl.errors import InputError
from robot_rl.types import JointState

MS = 1_000_000
JOINTS = ('shoulder', 'elbow')
HOME = np.array([0.5, -0.5])
CONFIG = DriverConfig(
    kind='joint_trajectory',
    command_topic='arm/joint_trajectory',
    state_topic='joint_states',
    rate_hz=100.0,
    deceleration=(5.0, 10.0),
    horizon_s=0.05,
    names={'elbow': 'vendor_elbow'},
)


def setpoint(position, velocity):
    return Setpoint('armed', '', 'velocity', np.array(position), np.array(velocity))


def test_a_trajectory_leads_to_where_the_joints_are_in_a_moment():
    point = joint_trajectory(CONFIG, JOINTS, setpoint(HOME, [1.0, -1.0]))
    assert point.joint_names == ['shoulder', 'vendor_elbow']
    np.testing.assert_allclose(point.positions, HOME + np.array([0.05, -0.05]))
    assert point.time_from_start_ns == 50 * MS


def test_efforts_pull_to_the_setpoint_within_the_limits():
    config = dataclasses.replace(
        CONFIG, kind='effort_array', stiffness=(100.0, 10.0), damping=(2.0, 1.0)
    )
    state = JointState(0, HOME - 0.1, np.array([0.5, 0.5]))
    wanted = setpoint(HOME, [1.0, -1.0])
    free, bound = (efforts(config, wanted, state, np.full(2, limit)) for limit in (np.inf, 5.0))
    np.testing.assert_allclose(free, [11.0, -0.5])
    np.testing.assert_allclose(bound, [5.0, -0.5])


def test_kinova_takes_degrees_of_seven_joints():
    degrees = kinova_degrees(setpoint(HOME, [np.pi, -np.pi / 2]))
    np.testing.assert_allclose(degrees, [180.0, -90.0, 0.0, 0.0, 0.0, 0.0, 0.0])


def test_the_arguments_of_sawyers_gripper_are_json():
    signal = json.loads(intera_gripper(0.03))['signals']['position_m']
    assert signal == {'format': {'type': 'float'}, 'data': [0.03]}


def test_fingers_are_told_what_is_new_and_not_more_often_than_they_can_take():
    fingers = Fingers(GripperDriver('position_array', 'gripper', scale=2.0, step=0.01, offset=1.0))
    assert fingers.due(0.1, 1000 * MS) == pytest.approx(1.2)
    assert fingers.due(0.104, 2000 * MS) is None  # 0.008 is less than a step
    assert fingers.due(0.2, 1050 * MS) is None  # too soon
    assert fingers.due(0.2, 1100 * MS) == pytest.approx(1.4)


def test_a_position_is_sent_as_it_is():
    held = dataclasses.replace(setpoint(HOME, [0.0, 0.0]), mode='position')
    assert joint_trajectory(CONFIG, JOINTS, held).positions == HOME.tolist()


def test_joints_are_mapped_by_name():
    ordered = by_name(['elbow', 'shoulder'], np.array([2.0, 1.0]), JOINTS, 'command')
    np.testing.assert_array_equal(ordered, [1.0, 2.0])


@pytest.mark.parametrize(
    ('names', 'count', 'words'),
    [
        (['elbow'], 1, "expected joint 'shoulder' once"),
        (['elbow', 'elbow', 'shoulder'], 3, "expected joint 'elbow' once"),
        (['elbow', 'shoulder', 'wrist'], 3, "unknown joint 'wrist'; known:"),
        (['elbow', 'shoulder'], 3, '2 names but 3 values'),
    ],
)
def test_missing_double_and_extra_joints_are_refused(names, count, words):
    with pytest.raises(InputError, match=f'^command: {words}'):
        by_name(names, np.zeros(count), JOINTS, 'command')
