# SPDX-License-Identifier: Apache-2.0
"""Each limit on motion, one at a time."""

import dataclasses
import math

import numpy as np
import pytest
from safety_arms import (
    CONFIG,
    HOME,
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
from robot_rl.safety.motion import check_reach
from robot_rl.types import JointCommand

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


#: Volumes, acceleration and look-ahead are there where they are configured.
REQUIRED = [f.name for f in dataclasses.fields(SafetyConfig) if f.default is dataclasses.MISSING]


@pytest.mark.parametrize('key', REQUIRED)
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
    assert once([1.001, 0.0, 0.0], tool_speed=2.0).command.value[0] == pytest.approx(1.0, abs=1e-9)


def test_tool_speed_keeps_the_direction_and_reports_the_difference():
    wanted = np.array([0.9, 0.1, 0.2])
    result = once(wanted)
    linear = ARM.evaluate(HOME).jacobian[:3]
    assert result.reason == 'tool_speed'
    assert angle(result.command.value, wanted) < 1e-6
    assert np.linalg.norm(linear @ result.command.value) == pytest.approx(0.25)
    np.testing.assert_allclose(result.tool_delta_xyz, linear @ (result.command.value - wanted))
    np.testing.assert_array_equal(result.requested, wanted)


@pytest.mark.fault(3)
@pytest.mark.parametrize('huge', [1e9, 1e200, -1.7e308])
@pytest.mark.parametrize('mode', ['velocity', 'position'])
def test_a_huge_finite_command_is_cut_to_the_limits(huge, mode):
    arm_filter = make()
    command = JointCommand(0, mode, np.full(3, huge))
    result = arm_filter.filter(command, state(), wrench(), 0)
    assert complaints(result.command, HOME, ARM, CONFIG) == []
    assert np.isfinite(result.tool_delta_xyz).all()
    assert arm_filter.counts['joint_speed'] == 1


@pytest.mark.fault(37)
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
    position = np.array([1.89, -1.0, 0.5])
    result = once([0.5, 0.0, 0.0], position, sphere_radius=3.0, tool_speed=2.0)
    assert position[0] + result.command.value[0] * PERIOD_S == pytest.approx(1.9)


def test_a_joint_without_limits_turns_freely():
    assert once([0.0, 0.0, 0.5], [0.0, -1.0, 50.0], sphere_radius=3.0).reason == ''


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


@pytest.mark.fault(38)
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
    stuck = make(joint_margin=0.0).filter(
        JointCommand(0, 'position', np.array([2.1, 0.0, 0.0])),
        state([2.0, 0.0, 0.0]),
        wrench(),
        0,
    )
    np.testing.assert_array_equal(stuck.command.value, np.zeros(3))
    assert stuck.command.mode == 'velocity'  # a hold keeps the set-point, not the sagging arm


@pytest.mark.fault(39)
def test_a_ball_out_of_reach_is_refused_with_the_numbers():
    with pytest.raises(InputError, match=r'sphere_center: 2\.00 m from the base.* reaches 0\.'):
        check_reach(config(sphere_center=(2.0, 0.0, 0.0)), PlanarArm())
    check_reach(config(sphere_center=(1.0, 0.0, 0.0)), PlanarArm())
    for wrong in ({'sphere_radius': 0.0}, {'sphere_radius': math.nan}):
        with pytest.raises(ValueError, match='sphere_radius'):
            config(**wrong)
