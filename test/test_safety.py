# SPDX-License-Identifier: Apache-2.0
"""Each rule and each check of the safety filter, one at a time."""

import dataclasses
import math

import numpy as np
import pytest
from safety_arms import (
    CONFIG,
    HOME,
    PERIOD_NS,
    PERIOD_S,
    PlanarArm,
    angle,
    complaints,
    config,
    state,
    velocity,
    wrench,
)

from robot_rl import config as configuration, resources
from robot_rl.errors import InputError
from robot_rl.safety.config import RANGES, SafetyConfig
from robot_rl.safety.filter import SafetyFilter
from robot_rl.safety.latch import StopFile
from robot_rl.types import JointCommand, JointState, Wrench

ARM = PlanarArm()
TOOL = ARM.evaluate(HOME).position_xyz
STRETCHED = np.array([0.2, 0.0, 0.0])


def make(**changes):
    return SafetyFilter(config(**changes), ARM, PERIOD_S)


def once(value, position=HOME, **changes):
    """What a new filter makes of one velocity command."""
    return make(**changes).filter(velocity(value), state(position), wrench(), 0)


def settings():
    return configuration.read_yaml(resources.find('config/tasks', 'usb_insertion'))['safety']


def test_the_task_file_gives_every_limit():
    assert configuration.parse(SafetyConfig, settings(), 'usb').tool_speed == 0.25


@pytest.mark.parametrize('key', [field.name for field in dataclasses.fields(SafetyConfig)])
def test_a_missing_limit_is_refused_by_name(key):
    values = settings()
    del values[key]
    with pytest.raises(InputError, match=f'usb.yaml: missing key {key!r}'):
        configuration.parse(SafetyConfig, values, 'usb.yaml')


@pytest.mark.parametrize('key', RANGES)
@pytest.mark.parametrize('wrong', [math.nan, math.inf, -math.inf, -5.0, 700.0])
def test_a_limit_out_of_range_is_refused_with_number_and_range(key, wrong):
    value = (0.0, wrong, 0.0) if key == 'sphere_center' else wrong
    with pytest.raises(ValueError, match=key) as error:
        config(**{key: value})
    assert f'{wrong:g}' in str(error.value)
    assert str(RANGES[key]) in str(error.value)


def test_zero_radius_and_contradicting_speeds_are_refused():
    with pytest.raises(ValueError, match=r'sphere_radius: expected a number in \(0, 3\] m'):
        config(sphere_radius=0.0)
    with pytest.raises(ValueError, match='sphere_return_speed: expected at most tool_speed'):
        config(sphere_return_speed=0.1, tool_speed=0.05)


def test_an_arm_that_cannot_be_limited_is_refused():
    arm = PlanarArm()
    arm.velocity_limits = np.array([2.0, np.inf, 4.0])
    with pytest.raises(InputError, match='joint 1: the URDF gives no velocity limit'):
        SafetyFilter(CONFIG, arm, PERIOD_S)
    arm = PlanarArm()
    arm.position_limits[1] = [-0.05, 0.05]
    with pytest.raises(InputError, match=r'joint_margin: 0\.1 leaves joint 1 no range'):
        SafetyFilter(CONFIG, arm, PERIOD_S)
    with pytest.raises(InputError, match='control period'):
        SafetyFilter(CONFIG, ARM, math.nan)


@pytest.mark.parametrize('mode', ['velocity', 'position'])
def test_a_command_that_breaks_nothing_passes_as_the_same_object(mode):
    value = np.array([0.1, -0.1, 0.05])
    command = JointCommand(0, mode, value if mode == 'velocity' else HOME + value * PERIOD_S)
    result = make().filter(command, state(), wrench(), 0)
    assert result.command is command
    assert result.reason == ''
    assert not result.stopped
    np.testing.assert_array_equal(result.tool_delta_xyz, np.zeros(3))


def test_joint_speed_scales_all_joints_alike():
    """1 rad/s is allowed of the first two joints, 2 rad/s of the last."""
    result = once([2.0, -1.0, 1.0], tool_speed=2.0)
    np.testing.assert_allclose(result.command.value, [1.0, -0.5, 0.5])
    assert result.reason == 'joint_speed'


def test_tool_speed_keeps_the_direction_and_reports_the_difference():
    wanted = np.array([0.9, 0.1, 0.2])
    result = once(wanted)
    linear = ARM.evaluate(HOME).jacobian[:3]
    assert result.reason == 'tool_speed'
    assert angle(result.command.value, wanted) < 1e-6
    assert np.linalg.norm(linear @ result.command.value) == pytest.approx(0.25)
    np.testing.assert_allclose(result.tool_delta_xyz, linear @ (result.command.value - wanted))
    np.testing.assert_array_equal(result.requested, wanted)


@pytest.mark.parametrize('huge', [1e9, 1e200, -1.7e308])
@pytest.mark.parametrize('mode', ['velocity', 'position'])
def test_a_huge_finite_command_is_cut_to_the_limits(huge, mode):
    arm_filter = make()
    command = JointCommand(0, mode, np.full(3, huge))
    result = arm_filter.filter(command, state(), wrench(), 0)
    assert complaints(result.command, HOME, ARM, CONFIG) == []
    assert np.isfinite(result.tool_delta_xyz).all()
    assert arm_filter.counts['joint_speed'] == 1


@pytest.mark.parametrize('joint', [0, 1])
@pytest.mark.parametrize('side', [-1.0, 1.0])
def test_at_a_joint_limit_only_the_way_out_is_free(joint, side):
    position = np.zeros(3)
    position[joint] = side * (ARM.position_limits[joint, 1] - 0.05)  # inside the margin of 0.1
    wide = {'sphere_radius': 3.0}
    value = np.full(3, 0.05)
    value[joint] = side * 0.05
    into = once(value, position, **wide)
    assert into.reason == 'joint_position'
    assert into.command.value[joint] == 0
    np.testing.assert_array_equal(np.delete(into.command.value, joint), [0.05, 0.05])
    value[joint] = -side * 0.05
    assert once(value, position, **wide).reason == ''


def test_a_joint_arrives_at_its_margin_and_not_beyond():
    position = np.array([1.89, 0.0, 0.0])
    result = once([0.5, 0.0, 0.0], position, sphere_radius=3.0, tool_speed=2.0)
    assert position[0] + result.command.value[0] * PERIOD_S == pytest.approx(1.9)


def test_a_joint_without_limits_turns_freely():
    assert once([0.0, 0.0, 0.5], [0.0, 0.0, 50.0], sphere_radius=3.0).reason == ''


def at_surface(direction, distance=0.0):
    """Limits in which the tool lies on the sphere's surface, seen from the centre."""
    unit = np.array(direction) / np.linalg.norm(direction)
    center = TOOL - unit * (0.2 + distance)
    return {'sphere_center': tuple(center.tolist()), 'sphere_radius': 0.2}, unit


def joints_for(tool_xyz):
    """Joint velocity that moves the tool so without turning it."""
    twist = np.array([*tool_xyz, 0.0, 0.0, 0.0])
    return np.linalg.lstsq(ARM.evaluate(HOME).jacobian, twist, rcond=None)[0]


def executed(result):
    return ARM.evaluate(HOME).jacobian[:3] @ result.command.value


def test_outward_motion_slides_along_the_sphere_and_is_pushed_inward():
    """Gu et al. 2016, section IV-B: the projection, plus a velocity towards the centre."""
    limits, outward = at_surface([1.0, 0.0, 0.0])
    tangent = np.array([0.0, 1.0, 0.0])
    result = once(joints_for(0.08 * outward + 0.06 * tangent), **limits)
    moved = executed(result)
    assert result.reason == 'sphere'
    assert moved @ tangent == pytest.approx(0.06, rel=0.05)
    assert moved @ outward == pytest.approx(-0.05, abs=0.002)
    assert ARM.evaluate(HOME).jacobian[5] @ result.command.value == pytest.approx(0, abs=0.01)


def test_inward_motion_and_motion_inside_the_sphere_are_free():
    limits, outward = at_surface([1.0, 0.0, 0.0])
    assert once(joints_for(-0.1 * outward), **limits).reason == ''
    assert once(joints_for(0.1 * outward)).reason == ''


def test_a_step_that_would_cross_the_surface_ends_before_it():
    limits, outward = at_surface([1.0, 0.0, 0.0], distance=-0.005)
    result = once(joints_for(0.2 * outward), **limits)
    assert result.reason == 'sphere'
    assert executed(result) @ outward == pytest.approx(
        0.05, abs=0.004
    )  # 5 mm less 2.5 mm in 50 ms


@pytest.mark.parametrize('direction', [[1, 0, 0], [0, 1, 0], [-1, 1, 0]])
def test_outside_the_sphere_the_tool_comes_back_slowly(direction):
    limits, outward = at_surface(direction, distance=0.1)
    fled = executed(once(joints_for(0.2 * outward), **limits))
    assert fled @ outward == pytest.approx(-0.05, abs=0.002)  # damping takes some
    hurried = executed(once(joints_for(-0.2 * outward), **limits))
    assert hurried @ outward == pytest.approx(-0.05, abs=1e-6)
    assert once(joints_for(-0.03 * outward), **limits).reason == ''
    assert once(np.zeros(3), **limits).reason == ''


def test_where_the_arm_cannot_come_back_it_stands_still():
    """Stretched along x, no joint moves the tool towards a centre that lies on the same line."""
    center = tuple((ARM.evaluate(STRETCHED).position_xyz * 0.5).tolist())
    result = once([0.1, 0.0, 0.0], STRETCHED, sphere_center=center, sphere_radius=0.2)
    assert result.reason == 'sphere'
    np.testing.assert_array_equal(result.command.value, np.zeros(3))


def test_position_commands_are_judged_by_the_motion_they_imply():
    result = make(sphere_radius=3.0, tool_speed=2.0).filter(
        JointCommand(0, 'position', HOME + np.array([1.0, 0.0, 0.0])), state(), wrench(), 0
    )
    assert result.command.mode == 'position'
    np.testing.assert_allclose(result.command.value - HOME, [0.05, 0.0, 0.0])
    outside = config(sphere_center=(-2.0, 0.0, 0.0))
    cut = SafetyFilter(outside, ARM, PERIOD_S).filter(
        JointCommand(0, 'position', HOME + np.array([0.1, 0.0, 0.0])), state(), wrench(), 0
    )
    assert complaints(cut.command, HOME, ARM, outside) == []


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


def test_an_unknown_mode_is_refused():
    command = JointCommand(0, 'effort', np.zeros(3))
    assert make().filter(command, state(), wrench(), 0).reason == 'bad_command'


MS = 1_000_000


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
    silent = make(force=None, torque=None)
    assert silent.filter(velocity([0.1, 0, 0]), state(), None, 0).reason == ''


def run(arm_filter, stamps_ms, now_ms):
    """Reasons for commands with these stamps, with fresh sensors."""
    reasons = []
    for stamp, now in zip(stamps_ms, now_ms, strict=True):
        sensors = state(stamp_ns=now * MS), wrench(stamp_ns=now * MS)
        command = velocity([0.1, 0.0, 0.0], stamp * MS)
        reasons.append(arm_filter.filter(command, *sensors, now * MS).reason)
    return reasons


def test_commands_that_are_not_newer_are_dropped():
    reasons = run(make(), [0, 50, 50, 40, 60], [0, 50, 55, 60, 65])
    assert reasons == ['', '', 'old_command', 'old_command', '']


def test_a_backlog_is_never_executed():
    """Commands of 2 s that arrive at once after a pause."""
    reasons = run(make(), range(50, 2000, 50), [2000] * 39)
    assert reasons[:36] == ['stale_command'] * 36
    assert run(make(), [0], [2000]) == ['stale_command']


@pytest.mark.parametrize('jump_ms', [3_600_000, -3_600_000])
def test_a_clock_that_is_set_costs_nothing(jump_ms):
    start = 10_000_000
    times = [start, start + 50, start + 100 + jump_ms, start + 150 + jump_ms]
    assert run(make(), times, times) == [''] * 4


def test_a_jump_of_the_joints_is_rejected_and_the_third_stops():
    """3 x 2 rad/s x 50 ms = 0.3 rad is the most that the first joint can move."""
    arm_filter = make(sphere_radius=3.0, force=None, torque=None)
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


def test_an_angle_may_wrap_where_the_joint_has_no_limits():
    arm_filter = make(sphere_radius=3.0, force=None, torque=None)
    arm_filter.filter(velocity(np.zeros(3)), state([0, 0, math.pi - 0.01]), None, 0)
    wrapped = state([0, 0, -math.pi + 0.01], PERIOD_NS)
    result = arm_filter.filter(velocity(np.zeros(3), PERIOD_NS), wrapped, None, PERIOD_NS)
    assert result.reason == ''


def test_a_reset_allows_a_simulated_arm_to_be_put_elsewhere():
    arm_filter = make(sphere_radius=3.0)
    arm_filter.filter(velocity(np.zeros(3), PERIOD_NS), state(), wrench(), PERIOD_NS)
    arm_filter.reset()
    result = arm_filter.filter(velocity(np.zeros(3)), state(np.zeros(3)), wrench(), 0)
    assert result.reason == ''


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
        ((0, 0, 59), (0, 0, 0), False),
        ((40, 40, 40), (0, 0, 0), True),
        ((0, 0, -61), (0, 0, 0), True),
        ((0, 0, 0), (0, 9.9, 0), False),
        ((0, 0, 0), (-8, 8, 0), True),
        ((1e308, 1e308, 0), (0, 0, 0), True),
    ],
)
def test_a_wrench_above_a_limit_latches(force, torque, stops):
    arm_filter = make()
    result = arm_filter.filter(velocity([0.1, 0, 0]), state(), wrench(force, torque), 0)
    assert result.stopped == stops
    assert result.reason == ('wrench' if stops else '')
    after = arm_filter.filter(velocity([0.1, 0, 0], 1), state(), wrench(), 1)
    assert after.stopped == stops
    assert ('is above' in arm_filter.detail) == stops


def test_an_unusable_wrench_holds_and_then_stops():
    arm_filter = make()
    results = [
        arm_filter.filter(velocity([0.1, 0, 0], k), state(), wrench((np.nan, 0, 0)), k)
        for k in range(3)
    ]
    assert [r.reason for r in results] == ['bad_wrench'] * 3
    assert results[-1].stopped


def test_the_tool_weight_is_taken_off():
    arm_filter = make(force=20.0)
    arm_filter.tare(wrench((0, 0, -15)))
    pushed = arm_filter.filter(velocity(np.zeros(3)), state(), wrench((0, 0, -34)), 0)
    assert not pushed.stopped
    assert arm_filter.filter(velocity(np.zeros(3), 1), state(), wrench((0, 0, 6)), 1).stopped


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
