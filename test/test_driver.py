# SPDX-License-Identifier: Apache-2.0
"""The last hop: what it obeys, when it holds, and what it sends."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from robot_rl import config as configuration
from robot_rl.control.admission import Watchdog
from robot_rl.control.driver import Driver
from robot_rl.control.driver_config import DriverConfig
from robot_rl.errors import InputError
from robot_rl.types import JointCommand

MS = 1_000_000
JOINTS = ('shoulder', 'elbow')
SAFETY, ROGUE = b'\x01' * 24, b'\x02' * 24
HOME = np.array([0.5, -0.5])
CONFIG = DriverConfig(
    kind='velocity_array',
    command_topic='arm/commands',
    state_topic='joint_states',
    rate_hz=100.0,
    deceleration=(5.0, 10.0),
)


class Clocked:
    """A driver with its clocks: monotonic time, and stamps on a clock of their own."""

    def __init__(self, **changes):
        self.driver = Driver(dataclasses.replace(CONFIG, **changes), JOINTS)
        self.now_ns = 77 * MS
        self.clock_ns = 5_000_000 * MS
        self.driver.trust(SAFETY)

    def wait(self, ms):
        self.now_ns += ms * MS
        self.clock_ns += ms * MS

    def send(self, value, late_ms=0, publisher=SAFETY, mode='velocity'):
        command = JointCommand(self.clock_ns - late_ms * MS, mode, np.array(value))
        age_s = (self.clock_ns - command.stamp_ns) * 1e-9
        return self.driver.accept(command, publisher, age_s, self.now_ns)

    def tick(self, measured=None):
        return self.driver.tick(self.now_ns, measured)


def armed(**changes):
    it = Clocked(**changes)
    it.driver.arm(HOME, it.now_ns)
    return it


def test_it_comes_up_disarmed_and_sends_nothing():
    it = Clocked()
    assert it.tick() is None
    assert not it.send([1.0, 0.0])
    assert 'disarmed' in it.driver.refusal
    assert it.tick() is None


def test_an_accepted_command_is_executed_at_the_drivers_own_rate():
    it = armed()
    assert it.send([1.0, -0.5])
    for _ in range(5):
        it.wait(10)
        sent = it.tick()
        assert (sent.state, sent.reason) == ('armed', '')
        np.testing.assert_array_equal(sent.velocity, [1.0, -0.5])
    np.testing.assert_allclose(sent.position, HOME + np.array([0.05, -0.025]))


def test_silence_of_100_ms_decelerates_and_holds():
    it = armed()
    it.send([1.0, -0.5])
    speeds = []
    for _ in range(40):
        it.wait(10)
        sent = it.tick()
        speeds.append(sent.velocity)
    speeds = np.array(speeds)
    np.testing.assert_array_equal(speeds[:9], np.tile([1.0, -0.5], (9, 1)))  # to 90 ms
    assert speeds[9, 0] == pytest.approx(0.95)  # 5 rad/s^2 for 10 ms, at 100 ms
    assert (np.diff(speeds[:, 0]) >= -0.05 - 1e-9).all()
    np.testing.assert_allclose(speeds[:, 1], -0.5 * speeds[:, 0])  # along the path
    np.testing.assert_array_equal(speeds[29], [0.0, 0.0])  # 100 ms and 1 / 5 s
    assert sent.state == 'holding'
    assert 'no command for 0.100 s' in sent.reason


def test_after_a_short_silence_the_next_command_continues():
    it = armed()
    it.send([1.0, 0.0])
    it.wait(500)
    assert it.tick().state == 'holding'
    assert it.send([0.5, 0.0])
    assert it.tick().state == 'armed'


@pytest.mark.parametrize('ticks', [True, False])
def test_after_a_second_of_silence_it_must_be_armed_again(ticks):
    """Also where the driver itself was paused, and the command arrives before its timer."""
    it = armed()
    it.send([1.0, 0.0])
    it.wait(1001)
    if ticks:
        it.tick()
    assert not it.send([0.5, 0.0])
    assert it.driver.state == 'disarmed'
    np.testing.assert_array_equal(it.tick().velocity, [0.0, 0.0])
    it.driver.arm(HOME, it.now_ns)
    it.wait(1)
    assert it.send([0.5, 0.0])


def test_the_backlog_of_a_paused_publisher_is_never_executed():
    """Forty commands that were meant for the last 2 s arrive in one instant."""
    it = armed(rearm_s=10.0)
    it.send([1.0, 0.0])
    it.wait(2000)
    taken = [it.send([9.0, 0.0], late_ms=late) for late in range(1950, 100, -50)]
    assert not any(taken)
    assert it.driver.refused['expired'] == len(taken)
    np.testing.assert_array_equal(it.tick().velocity, [0.0, 0.0])


@pytest.mark.fault(16)
def test_out_of_order_and_double_commands_are_dropped():
    it = armed()
    it.wait(100)
    assert it.send([0.1, 0.0], late_ms=20)
    assert not it.send([0.9, 0.0], late_ms=20)
    assert not it.send([0.9, 0.0], late_ms=40)
    assert it.driver.refused['order'] == 2
    assert 'is not newer than' in it.driver.refusal
    np.testing.assert_array_equal(it.tick().velocity, [0.1, 0.0])
    assert it.send([0.2, 0.0], late_ms=10)


def test_a_refused_command_does_not_feed_the_watchdog():
    it = armed()
    it.send([1.0, 0.0])
    for _ in range(11):
        it.wait(10)
        it.send([1.0, np.nan])
        sent = it.tick()
    assert sent.state == 'holding'


@pytest.mark.parametrize(
    'value', [[np.nan, 0.0], [0.0, np.inf], [1e300, 0.0], [101.0, 0.0], [0.0], [0.0] * 3, []]
)
def test_an_unfit_command_is_refused(value):
    it = armed()
    assert not it.send(value)
    assert it.driver.refused['invalid'] == 1
    assert 'expected 2 values within 100' in it.driver.refusal


@pytest.mark.fault(17)
@pytest.mark.parametrize(
    ('late_ms', 'cause'), [(100, ''), (101, 'expired'), (-100, ''), (-101, 'future')]
)
def test_the_age_of_a_command(late_ms, cause):
    it = armed()
    assert it.send([0.1, 0.0], late_ms=late_ms) == (not cause)
    assert ('0.101 s' in it.driver.refusal) == bool(cause)


@pytest.mark.fault(15)
@pytest.mark.parametrize('jump_ms', [3_600_000, -3_600_000])
def test_a_stamp_clock_that_is_set_changes_no_motion(jump_ms):
    it = armed()
    for _ in range(4):
        it.wait(50)
        assert it.send([0.5, 0.0])
    it.clock_ns += jump_ms * MS
    for _ in range(4):
        it.wait(50)
        assert it.send([0.5, 0.0])
        np.testing.assert_array_equal(it.tick().velocity, [0.5, 0.0])


def test_another_publisher_is_ignored_and_latches_a_stop_that_names_it():
    it = armed()
    it.send([0.5, 0.0])
    assert not it.send([-0.5, 0.0], publisher=ROGUE)
    sent = it.tick()
    assert sent.state == 'stopped'
    assert ROGUE.hex() in sent.reason
    it.wait(50)
    assert not it.send([0.5, 0.0])
    with pytest.raises(InputError, match='reset the stop first'):
        it.driver.arm(HOME, it.now_ns)
    it.wait(500)
    np.testing.assert_array_equal(it.tick().velocity, [0.0, 0.0])


def test_resetting_a_stop_and_arming_are_two_acts():
    it = armed()
    it.driver.stop('operator')
    it.driver.stop('another')
    it.driver.disarm()
    assert it.driver.reason == 'operator'
    it.driver.reset_stop()
    assert it.driver.state == 'disarmed'
    assert not it.send([0.5, 0.0])
    it.driver.arm(HOME, it.now_ns)
    it.wait(1)
    assert it.send([0.5, 0.0])


def test_arming_needs_a_known_publisher_and_a_measured_position():
    driver = Driver(CONFIG, JOINTS)
    with pytest.raises(InputError, match='publisher of safe commands is not known'):
        driver.arm(HOME, 0)
    driver.trust(SAFETY)
    for position in ([0.0, np.nan], [0.0], [0.0] * 3):
        with pytest.raises(InputError, match='expected 2 finite positions'):
            driver.arm(np.array(position), 0)
    driver.arm(HOME, 0)
    driver.trust(SAFETY)
    assert driver.state == 'holding'
    driver.trust(ROGUE)
    assert driver.state == 'disarmed'


def test_a_set_point_does_not_run_away_from_a_blocked_joint():
    it = armed()
    for _ in range(100):
        it.send([1.0, 0.0])
        it.wait(10)
        sent = it.tick(HOME)
    np.testing.assert_allclose(sent.position, HOME + np.array([0.1, 0.0]))
    np.testing.assert_allclose(it.tick(np.array([np.nan, 0.0])).position, sent.position)


def test_position_commands_hold_their_last_set_point():
    it = armed(kind='joint_trajectory')
    goal = HOME + 0.02
    assert it.send(goal, mode='position')
    it.wait(300)
    sent = it.tick()
    assert (sent.state, sent.mode) == ('holding', 'position')
    np.testing.assert_array_equal(sent.position, goal)
    np.testing.assert_array_equal(sent.velocity, [0.0, 0.0])
    assert it.send([0.0, 0.0])  # the hold of the safety filter
    it.wait(10)
    np.testing.assert_array_equal(it.tick().position, goal)


def test_an_adapter_that_takes_no_positions_refuses_them():
    it = armed()
    assert not it.send(HOME, mode='position')
    assert it.driver.refused['mode'] == 1


steps = st.lists(
    st.tuples(
        st.integers(0, 300),
        st.sampled_from([SAFETY, SAFETY, SAFETY, ROGUE]),
        st.integers(-200, 2500),
        st.lists(st.floats() | st.floats(-1, 1), min_size=1, max_size=3),
        st.sampled_from(['send', 'arm', 'reset_stop', 'nothing', 'nothing']),
    ),
    max_size=25,
)


@settings(max_examples=300, derandomize=True)
@given(steps)
def test_whatever_comes_it_moves_only_on_a_fresh_command_of_the_right_publisher(sequence):
    it, allowed_until = armed(), 0
    before = np.zeros(2)
    for wait_ms, publisher, late_ms, value, act in sequence:
        it.wait(wait_ms)
        if act == 'reset_stop':
            it.driver.reset_stop()
        if act == 'arm' and it.driver.state != 'stopped':
            it.driver.arm(HOME, it.now_ns)
        if act == 'send' and it.send(value, late_ms, publisher):
            assert publisher == SAFETY
            assert -100 <= late_ms <= 100
            allowed_until, before = it.now_ns + 100 * MS, np.array(value)
        sent = it.tick()
        assert np.isfinite(sent.velocity).all()
        assert np.isfinite(sent.position).all()
        if it.now_ns > allowed_until:
            assert (np.abs(sent.velocity) <= np.abs(before)).all()
            assert sent.state != 'armed'
        before = sent.velocity


def test_the_watchdog():
    watchdog = Watchdog(0.1)
    assert watchdog.expired(0)
    assert watchdog.silence_s(0) == np.inf
    watchdog.feed(1000 * MS)
    assert not watchdog.expired(1100 * MS)
    assert watchdog.expired(1101 * MS)


YAML = {
    'kind': 'velocity_array',
    'command_topic': 'arm/commands',
    'state_topic': 'joint_states',
    'rate_hz': 100.0,
    'deceleration': [5.0, 10.0],
}


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'kind': 'telepathy'}, 'kind: expected one of joint_trajectory, velocity_array'),
        ({'watchdog_s': 5.0}, r'watchdog_s: expected a number in \(0, 0.5\] s, got 5 s'),
        ({'deceleration': [5.0, 0.0]}, r'deceleration: .* got 0 rad/s\^2'),
        ({'rearm_s': 0.05}, 'rearm_s: expected more than watchdog_s'),
        ({'rate_hz': 5.0}, 'rate_hz: expected at least 20 Hz, got 5 Hz'),
        ({'names': {'a': 'x', 'b': 'x'}}, 'two joints are given the same name'),
        ({'watchdog': 0.1}, "unknown key 'watchdog'"),
    ],
)
def test_a_bad_configuration_is_refused_by_name(change, words):
    assert configuration.parse(DriverConfig, YAML, 'arm.yaml') == CONFIG
    with pytest.raises(InputError, match=f'arm.yaml: .*{words}'):
        configuration.parse(DriverConfig, YAML | change, 'arm.yaml')


def test_a_configuration_for_another_arm_is_refused():
    with pytest.raises(InputError, match='deceleration: expected 3 values, got 2'):
        Driver(CONFIG, ('a', 'b', 'c'))
    with pytest.raises(InputError, match="no joint 'wrist'"):
        Driver(dataclasses.replace(CONFIG, names={'wrist': 'w'}), JOINTS)


@pytest.mark.fault(44)
def test_a_joint_that_stays_behind_latches_a_stop_that_names_it():
    it = armed(tracking_error=0.08)
    blocked, stopped_ms = HOME.copy(), None
    for ms in range(0, 1000, 10):
        it.send([0.0, 1.0])
        it.tick(blocked)
        if it.driver.state == 'stopped':
            stopped_ms = ms
            break
        it.wait(10)
    behind_ms = 90  # 0.08 rad at 1 rad/s, seen at the next tick
    assert stopped_ms is not None
    assert stopped_ms - behind_ms <= 110
    assert 'elbow is 0.1' in it.driver.reason
    assert not it.send([0.0, 1.0])


def test_a_joint_that_follows_late_for_a_moment_goes_on():
    it = armed(tracking_error=0.08)
    measured = HOME
    for period in range(100):
        it.send([0.0, 1.0])
        setpoint = it.tick(measured)
        assert setpoint is not None
        if period % 15 == 14:  # it moves with a jerk every 150 ms
            measured = setpoint.position
        it.wait(10)
    assert it.driver.state == 'armed'


def test_a_tracking_error_beyond_the_lead_is_refused():
    with pytest.raises(ValueError, match=r'tracking_error: expected less than lead, 0\.1 rad'):
        dataclasses.replace(CONFIG, tracking_error=0.2)
