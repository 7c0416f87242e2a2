# SPDX-License-Identifier: Apache-2.0
"""What the safety filter believes of its inputs, and when it stops."""

import math

import numpy as np
import pytest
from safety_arms import (
    CONFIG,
    HOME,
    PERIOD_NS,
    PERIOD_S,
    PlanarArm,
    config,
    state,
    velocity,
    wrench,
)

from robot_rl.errors import InputError
from robot_rl.safety.filter import SafetyFilter
from robot_rl.safety.latch import StopFile
from robot_rl.types import JointCommand, JointState, Wrench

ARM = PlanarArm()
MS = 1_000_000
NO_SENSOR = dict.fromkeys(('force', 'torque', 'stop_force', 'stop_torque'))


def make(**changes):
    return SafetyFilter(config(**changes), ARM, PERIOD_S)


UNUSABLE = {
    'nan': np.array([0.0, np.nan, 0.0]),
    'infinite': np.array([0.0, np.inf, 0.0]),
    'short': np.zeros(2),
    'long': np.zeros(4),
    'empty': np.zeros(0),
    'table': np.zeros((3, 1)),
    'integers': np.zeros(3, dtype=np.int64),
    'half': np.zeros(3, dtype=np.float16),
    'words': np.array(['a', 'b', 'c']),
}


@pytest.mark.fault(1)
@pytest.mark.parametrize('value', UNUSABLE.values(), ids=UNUSABLE)
def test_an_unusable_command_holds_and_the_third_in_a_row_stops(value):
    arm_filter = make()
    for k in range(3):
        bad = JointCommand(k * PERIOD_NS, 'velocity', value)
        now_ns = k * PERIOD_NS
        result = arm_filter.filter(bad, state(stamp_ns=now_ns), wrench(stamp_ns=now_ns), now_ns)
        assert result.reason == 'bad_command'
        np.testing.assert_array_equal(result.command.value, np.zeros(3))
        assert result.command.stamp_ns == now_ns
        assert result.stopped == (k == 2)
    assert 'expected 3 finite float64' in arm_filter.detail
    assert np.isnan(result.requested).all()


def test_a_good_command_in_between_starts_the_count_again():
    arm_filter = make()
    for k in range(12):
        now_ns = k * PERIOD_NS
        value = np.full(3, 0.0 if k % 3 == 2 else np.nan)
        command = JointCommand(now_ns, 'velocity', value)
        result = arm_filter.filter(
            command, state(stamp_ns=now_ns), wrench(stamp_ns=now_ns), now_ns
        )
    assert not result.stopped
    assert arm_filter.counts['bad_command'] == 8


def test_each_input_is_counted_by_itself():
    arm_filter, bad = make(), JointCommand(0, 'velocity', np.full(3, np.nan))
    for k, command in enumerate([bad, bad, velocity(np.zeros(3), 2), bad, bad], start=0):
        seen = None if k == 2 else state()
        result = arm_filter.filter(command, seen, wrench(), k)
    assert (result.reason, result.stopped) == ('bad_command', False)


def test_an_unknown_mode_is_refused():
    command = JointCommand(0, 'effort', np.zeros(3))
    assert make().filter(command, state(), wrench(), 0).reason == 'bad_command'


@pytest.mark.fault(17)
@pytest.mark.parametrize(
    ('age_ms', 'reason'),
    [(0, ''), (100, ''), (101, 'stale_command'), (-100, ''), (-101, 'future_command')],
)
def test_the_age_of_a_command(age_ms, reason):
    arm_filter, now_ns = make(), 10_000 * MS
    inputs = state(stamp_ns=now_ns), wrench(stamp_ns=now_ns)
    command = velocity([0.1, 0.0, 0.0], now_ns - age_ms * MS)
    result = arm_filter.filter(command, *inputs, now_ns)
    assert result.reason == reason
    if reason:
        assert '0.101 s' in arm_filter.detail
        np.testing.assert_array_equal(result.command.value, np.zeros(3))
        linear = ARM.evaluate(HOME).jacobian[:3]
        np.testing.assert_allclose(result.tool_delta_xyz, -linear @ command.value)


@pytest.mark.fault(8)
@pytest.mark.parametrize(
    ('kind', 'age_ms', 'reason'),
    [
        ('state', 101, 'stale_state'),
        ('state', -101, 'future_state'),
        ('wrench', 101, 'stale_wrench'),
        ('wrench', -101, 'future_wrench'),
    ],
)
def test_a_sensor_that_is_late_or_early_holds(kind, age_ms, reason):
    now_ns = 10_000 * MS
    stamps = {'state': now_ns, 'wrench': now_ns, kind: now_ns - age_ms * MS}
    result = make().filter(
        velocity([0.1, 0, 0], now_ns),
        state(stamp_ns=stamps['state']),
        wrench(stamp_ns=stamps['wrench']),
        now_ns,
    )
    assert result.reason == reason
    assert not result.stopped
    np.testing.assert_array_equal(result.command.value, np.zeros(3))


def test_silence_holds():
    assert make().filter(None, state(), wrench(), 0).reason == 'no_command'
    assert make().filter(velocity([0.1, 0, 0]), None, wrench(), 0).reason == 'no_state'
    assert make().filter(velocity([0.1, 0, 0]), state(), None, 0).reason == 'no_wrench'
    silent = make(**NO_SENSOR)
    assert silent.filter(velocity([0.1, 0, 0]), state(), None, 0).reason == ''


def run(arm_filter, stamps_ms, now_ms):
    """Reasons for commands with these stamps, with fresh sensors."""
    reasons = []
    for stamp, now in zip(stamps_ms, now_ms, strict=True):
        sensors = state(stamp_ns=now * MS), wrench(stamp_ns=now * MS)
        command = velocity([0.1, 0.0, 0.0], stamp * MS)
        reasons.append(arm_filter.filter(command, *sensors, now * MS).reason)
    return reasons


@pytest.mark.fault(16)
def test_commands_that_are_not_newer_are_dropped():
    reasons = run(make(), [0, 50, 50, 40, 60], [0, 50, 55, 60, 65])
    assert reasons == ['', '', 'old_command', 'old_command', '']


def test_a_backlog_is_never_executed():
    """Commands of 2 s that arrive at once after a pause."""
    reasons = run(make(), range(50, 2000, 50), [2000] * 39)
    assert reasons[:36] == ['stale_command'] * 36
    assert run(make(), [0], [2000]) == ['stale_command']


@pytest.mark.fault(15)
@pytest.mark.parametrize('jump_ms', [3_600_000, -3_600_000])
def test_a_clock_that_is_set_costs_nothing(jump_ms):
    start = 10_000_000
    times = [start, start + 50, start + 100 + jump_ms, start + 150 + jump_ms]
    assert run(make(), times, times) == [''] * 4


@pytest.mark.fault(9)
def test_a_jump_of_the_joints_is_rejected_and_the_third_stops():
    """3 x 2 rad/s x 50 ms = 0.3 rad is the most that the first joint can move."""
    arm_filter = make(sphere_radius=3.0, **NO_SENSOR)
    assert arm_filter.filter(velocity(np.zeros(3)), state(), None, 0).reason == ''
    near, far = HOME + np.array([0.29, 0, 0]), HOME + np.array([3.0, 0, 0])
    reasons = []
    for k, position in enumerate([near, far, near, far, far, far], start=1):
        now_ns = k * PERIOD_NS
        reasons.append(
            arm_filter.filter(
                velocity(np.zeros(3), now_ns), state(position, now_ns), None, now_ns
            ).reason
        )
    assert reasons == ['', 'state_jump', '', 'state_jump', 'state_jump', 'state_jump']
    assert arm_filter.stopped
    assert 'joint 0 moved 2.71 rad' in arm_filter.detail


@pytest.mark.parametrize(('step', 'reason'), [(0.299, ''), (0.301, 'state_jump')])
def test_the_largest_step_of_a_joint(step, reason):
    arm_filter = make(sphere_radius=3.0, **NO_SENSOR)
    for k, position in enumerate([HOME, HOME + np.array([step, 0, 0])]):
        now_ns = k * PERIOD_NS
        command = velocity(np.zeros(3), now_ns)
        result = arm_filter.filter(command, state(position, now_ns), None, now_ns)
    assert result.reason == reason


def test_a_rejected_joint_state_leaves_no_trace():
    """After it, two periods have passed since the last good one, so that 0.5 rad are possible."""
    arm_filter, reasons = make(sphere_radius=3.0, **NO_SENSOR), []
    for k, step in enumerate([0.0, 1.0, 0.5]):
        now_ns, position = k * PERIOD_NS, HOME + np.array([step, 0, 0])
        command = velocity(np.zeros(3), now_ns)
        reasons.append(arm_filter.filter(command, state(position, now_ns), None, now_ns).reason)
    assert reasons == ['', 'state_jump', '']


def test_an_angle_may_wrap_where_the_joint_has_no_limits():
    arm_filter = make(sphere_radius=3.0, **NO_SENSOR)
    arm_filter.filter(velocity(np.zeros(3)), state([0, 0, math.pi - 0.01]), None, 0)
    wrapped = state([0, 0, -math.pi + 0.01], PERIOD_NS)
    result = arm_filter.filter(velocity(np.zeros(3), PERIOD_NS), wrapped, None, PERIOD_NS)
    assert result.reason == ''


def test_a_reset_allows_a_simulated_arm_to_be_put_elsewhere():
    arm_filter = make(sphere_radius=3.0)
    later = state(stamp_ns=PERIOD_NS), wrench(stamp_ns=PERIOD_NS)
    arm_filter.filter(velocity(np.zeros(3), PERIOD_NS), *later, PERIOD_NS)
    arm_filter.reset()
    result = arm_filter.filter(velocity(np.zeros(3)), state(np.zeros(3)), wrench(), 0)
    assert result.reason == ''


@pytest.mark.fault(9)
@pytest.mark.parametrize('wrong', [np.nan, np.inf, 101.0, -1e300])
def test_joint_states_that_cannot_be_hold_and_then_stop(wrong):
    arm_filter = make()
    reasons = [
        arm_filter.filter(
            velocity([0.1, 0, 0], k), JointState(k, np.array([0, 0, wrong]), HOME), wrench(), k
        )
        for k in range(3)
    ]
    assert [r.reason for r in reasons] == ['bad_state'] * 3
    assert [r.stopped for r in reasons] == [False, False, True]
    np.testing.assert_array_equal(reasons[0].tool_delta_xyz, np.zeros(3))


@pytest.mark.parametrize(
    ('force', 'torque', 'stops'),
    [
        ((0, 0, 119), (0, 0, 0), False),
        ((80, 80, 80), (0, 0, 0), True),
        ((0, 0, -121), (0, 0, 0), True),
        ((0, 0, 0), (0, 19.9, 0), False),
        ((0, 0, 0), (-16, 16, 0), True),
        ((1e308, 1e308, 0), (0, 0, 0), True),
    ],
)
def test_a_wrench_above_a_limit_that_stops_latches(force, torque, stops):
    arm_filter = make()
    result = arm_filter.filter(velocity([0.1, 0, 0]), state(), wrench(force, torque), 0)
    assert result.stopped == stops
    assert result.reason == ('wrench' if stops else '')
    after = arm_filter.filter(velocity([0.1, 0, 0], 1), state(), wrench(), 1)
    assert after.stopped == stops
    assert ('is above' in arm_filter.detail) == stops


def test_a_late_wrench_above_a_limit_that_stops_latches_all_the_same():
    now_ns = 1000 * MS
    result = make().filter(
        velocity([0.1, 0, 0], now_ns), state(stamp_ns=now_ns), wrench((0, 0, 130)), now_ns
    )
    assert result.stopped


def test_an_unusable_wrench_holds_and_then_stops():
    arm_filter = make()
    results = [
        arm_filter.filter(velocity([0.1, 0, 0], k), state(), wrench((np.nan, 0, 0)), k)
        for k in range(3)
    ]
    assert [r.reason for r in results] == ['bad_wrench'] * 3
    assert results[-1].stopped


def test_the_tool_weight_is_taken_off():
    arm_filter = make(force=20.0, stop_force=30.0)
    arm_filter.tare(wrench((0, 0, -15)))
    pushed = arm_filter.filter(velocity(np.zeros(3)), state(), wrench((0, 0, -44)), 0)
    assert not pushed.stopped
    assert arm_filter.filter(velocity(np.zeros(3), 1), state(), wrench((0, 0, 16)), 1).stopped


def test_a_bias_cannot_hide_a_contact():
    with pytest.raises(InputError, match='force 70 N is above 60 N'):
        make().tare(wrench((0, 0, 70)))
    with pytest.raises(InputError, match='refused as bias'):
        make().tare(Wrench(0, np.array([np.nan, 0, 0]), np.zeros(3)))


def test_a_stop_is_latched_and_resetting_and_arming_are_two_acts():
    arm_filter = make()
    moving = [velocity([0.1, 0, 0], k) for k in range(10)]
    arm_filter.stop('operator')
    arm_filter.stop('another')
    result = arm_filter.filter(moving[0], state(), wrench(), 0)
    assert (result.reason, result.stopped) == ('operator', True)
    arm_filter.arm()
    arm_filter.reset()
    assert arm_filter.filter(moving[1], state(), wrench(), 1).stopped
    arm_filter.reset_stop()
    result = arm_filter.filter(moving[2], state(), wrench(), 2)
    assert (result.reason, result.stopped) == ('disarmed', False)
    np.testing.assert_array_equal(result.command.value, np.zeros(3))
    arm_filter.arm()
    assert arm_filter.filter(moving[3], state(), wrench(), 3).command is moving[3]


def test_a_stop_survives_a_restart(tmp_path):
    file = StopFile(tmp_path / 'state' / 'stop')
    assert file.read() == ''
    file.write('wrench')
    again = SafetyFilter(
        CONFIG, ARM, PERIOD_S, stop_reason=StopFile(tmp_path / 'state/stop').read()
    )
    assert again.filter(velocity([0.1, 0, 0]), state(), wrench(), 0).stopped
    file.clear()
    assert file.read() == ''


def test_a_stop_file_that_cannot_be_read_is_a_stop(tmp_path):
    (tmp_path / 'folder').mkdir()
    assert 'folder' in StopFile(tmp_path / 'folder').read()
    (tmp_path / 'empty').touch()
    assert StopFile(tmp_path / 'empty').read() == 'stop'
    with pytest.raises(InputError, match='empty'):
        StopFile(tmp_path / 'empty' / 'below').write('x')
