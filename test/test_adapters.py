# SPDX-License-Identifier: Apache-2.0
"""Set-points as the vendors' messages, and joints mapped by name."""

import dataclasses

import numpy as np
import pytest

from robot_rl.control.adapters import by_name, joint_trajectory, velocity_array
from robot_rl.control.driver import Setpoint
from robot_rl.control.driver_config import DriverConfig
from robot_rl.errors import InputError

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


def test_a_velocity_array_is_the_velocity():
    assert velocity_array(setpoint(HOME, [1.0, -1.0])) == [1.0, -1.0]


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
