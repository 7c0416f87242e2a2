# SPDX-License-Identifier: Apache-2.0
"""The simulated motors in real time obey the same driver core as a real arm's."""

import dataclasses

import numpy as np
import pytest

from robot_rl.control.robot import load_robot
from robot_rl.task import load_task
from robot_rl.types import JointCommand, Wrench
from sim_bridge.last_hop import LastHop, divisions
from sim_bridge.wrist import WrenchMean

MS = 1_000_000
TASK, ROBOT = load_task('usb_insertion'), load_robot('sawyer')
VELOCITY = np.array([0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.2])


class Clocked:
    """A last hop with its monotonic clock, which the test moves on."""

    def __init__(self, robot=ROBOT):
        self.hop = LastHop(TASK, robot)
        self.hop.reset(1)
        self.now_ns = 0

    def send(self, value=VELOCITY, late_s=0.0):
        command = JointCommand(self.hop.world.stamp_ns - round(late_s * 1e9), 'velocity', value)
        return self.hop.accept(command, late_s, self.now_ns)

    def run(self, ticks):
        """Measured joint velocities after each of so many periods of 10 ms."""
        found = []
        for _ in range(ticks):
            self.now_ns += round(self.hop.period_s * 1e9)
            self.hop.tick(self.now_ns)
            found.append(self.hop.world.joint_state().velocity)
        return np.array(found)


def armed(robot=ROBOT):
    it = Clocked(robot)
    it.hop.arm(it.now_ns)
    return it


def test_nothing_moves_before_it_is_armed():
    it = Clocked()
    assert 'disarmed' in it.send()
    assert np.abs(it.run(20)).max() < 1e-3
    it.hop.arm(it.now_ns)
    assert it.send() == ''
    assert it.run(8)[-1][6] == pytest.approx(0.2, rel=0.1)


@pytest.mark.parametrize('known', [True, False])
def test_without_a_command_for_100_ms_it_slows_down_and_holds(known):
    it = armed(ROBOT if known else dataclasses.replace(ROBOT, driver=None))
    it.send()
    speeds = it.run(30)[:, 6]
    assert (speeds[5:9] > 0.18).all()
    assert np.abs(speeds[15:]).max() < 0.01
    position = it.hop.world.joint_state().position
    it.run(20)
    assert np.abs(it.hop.world.joint_state().position - position).max() < 1e-4


def test_late_commands_are_refused_and_a_second_of_silence_disarms():
    it = armed()
    assert 'old' in it.send(late_s=0.2)
    it.send()
    it.run(50)
    assert it.send() == ''
    it.run(102)
    assert 'disarmed' in it.send()
    it.hop.arm(it.now_ns)
    it.run(1)
    assert it.send() == ''


def test_arming_forgets_the_motion_before():
    it = armed()
    it.send()
    it.run(5)
    it.hop.reset(2)
    it.hop.arm(it.now_ns)
    assert np.abs(it.run(5)).max() < 1e-3


def test_a_control_period_is_complete_after_its_parts_and_the_wrench_is_their_mean():
    it = armed()
    assert it.hop.period_s == pytest.approx(0.01)
    complete, forces = [], []
    for _ in range(10):
        it.now_ns += 10 * MS
        complete.append(it.hop.tick(it.now_ns))
        forces.append(it.hop.world.wrench().force_xyz)
    assert complete == [False] * 4 + [True] + [False] * 4 + [True]
    np.testing.assert_allclose(it.hop.wrench().force_xyz, np.mean(forces[5:], axis=0))
    assert it.hop.wrench().stamp_ns == it.hop.world.stamp_ns


@pytest.mark.parametrize(
    ('period_ms', 'parts'), [(50, 5), (100, 10), (25, 5), (10, 1), (7, 1), (40, 4)]
)
def test_a_period_is_divided_into_whole_milliseconds(period_ms, parts):
    assert divisions(period_ms) == parts


def test_the_sensor_tells_the_mean_of_a_control_period():
    mean = WrenchMean(2)
    first, second, third = (Wrench(n, np.full(3, 10.0 * n), np.full(3, n)) for n in (1, 2, 3))
    assert mean.add(first).force_xyz == pytest.approx([10.0] * 3)
    assert mean.add(second).force_xyz == pytest.approx([15.0] * 3)
    third_mean = mean.add(third)
    assert third_mean.force_xyz == pytest.approx([25.0] * 3)
    assert third_mean.torque_xyz == pytest.approx([2.5] * 3)
    assert third_mean.stamp_ns == 3
    mean.clear()
    assert mean.add(third).force_xyz == pytest.approx([30.0] * 3)
