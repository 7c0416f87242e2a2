# SPDX-License-Identifier: Apache-2.0
"""Boxes that the tool stays in or out of, and the limit of the joints' acceleration."""

import dataclasses

import numpy as np
import pytest
from safety_arms import HOME, PERIOD_NS, PERIOD_S, PlanarArm, config, state, velocity, wrench

from robot_rl.safety.config import Box
from robot_rl.safety.filter import SafetyFilter

ARM = PlanarArm()
TOOL = ARM.evaluate(HOME)
HERE = TOOL.position_xyz
WIDE = {'sphere_radius': 3.0}


def box(low, high):
    """A box by its corners, seen from the tool."""
    return Box(tuple((HERE + low).tolist()), tuple((HERE + high).tolist()))


def joints_for(tool_xyz):
    twist = np.array([*tool_xyz, 0.0, 0.0, 0.0])
    return np.linalg.lstsq(TOOL.jacobian, twist, rcond=None)[0]


def moved(tool_xyz, **changes):
    """The tool's velocity that is left of one, and the acting rule."""
    arm_filter = SafetyFilter(config(**WIDE | changes), ARM, PERIOD_S)
    result = arm_filter.filter(velocity(joints_for(tool_xyz)), state(), wrench(), 0)
    return TOOL.jacobian[:3] @ result.command.value, result.reason


def test_a_motion_through_a_face_slides_along_it_and_is_led_back():
    near = box([-0.3, -0.3, -0.3], [0.002, 0.3, 0.3])
    left, reason = moved([0.08, 0.06, 0.0], keep_in=near)
    assert reason == 'box'
    assert left[0] == pytest.approx(0.002 / PERIOD_S - 0.05, abs=0.002)
    assert left[1] == pytest.approx(0.06, abs=0.002)


@pytest.mark.parametrize('tool_xyz', [[-0.1, 0.0, 0.0], [0.0, 0.1, 0.0], [0.03, 0.0, 0.0]])
def test_motion_within_the_box_and_beside_another_is_free(tool_xyz):
    inside = box([-0.3, -0.3, -0.3], [0.002, 0.3, 0.3])
    beside = box([0.002, -0.05, -0.05], [0.1, 0.05, 0.05])
    assert moved(tool_xyz, keep_in=inside)[1] == ''
    assert moved(tool_xyz, keep_out=(beside,))[1] == ''


def test_a_box_that_is_kept_out_is_not_entered():
    ahead = box([0.004, -0.05, -0.05], [0.1, 0.05, 0.05])
    left, reason = moved([0.2, 0.0, 0.0], keep_out=(ahead,))
    assert reason == 'box'
    assert left[0] == pytest.approx(0.004 / PERIOD_S - 0.05, abs=0.002)


@pytest.mark.parametrize(
    'changes',
    [
        {'keep_in': box([0.1, -0.3, -0.3], [0.5, 0.3, 0.3])},
        {'keep_out': (box([-0.3, -0.2, -0.2], [0.01, 0.2, 0.2]),)},
    ],
)
def test_on_the_wrong_side_only_the_way_back_is_left_and_slowly(changes):
    assert moved([0.03, 0.0, 0.0], **changes)[1] == ''
    fled, reason = moved([-0.2, 0.0, 0.0], **changes)
    assert reason == 'box'
    assert fled[0] == pytest.approx(0.05, abs=0.003)
    hurried, reason = moved([0.2, 0.0, 0.0], **changes)
    assert reason == 'box'
    assert np.linalg.norm(hurried) == pytest.approx(0.05, abs=1e-6)


def test_where_box_and_sphere_leave_no_way_the_arm_stands_still():
    """The ball wants the tool back along -x, a box that is kept out stands right there."""
    behind = box([-0.2, -0.2, -0.2], [-1e-6, 0.2, 0.2])
    center = tuple((HERE - [0.2, 0.0, 0.0]).tolist())
    changes = {'sphere_center': center, 'sphere_radius': 0.19, 'keep_out': (behind,)}
    left, _ = moved([0.1, 0.0, 0.0], **changes)
    np.testing.assert_array_equal(left, 0.0)


def test_a_joint_gains_speed_slowly_and_loses_it_at_once():
    arm_filter = SafetyFilter(config(**WIDE, joint_acceleration=1.0), ARM, PERIOD_S)
    asked = [0.12, 0.12, 0.12, 0.0, -0.12, -0.12]
    passed = []
    for k, speed in enumerate(asked):
        now_ns = k * PERIOD_NS
        command = velocity([0.0, speed, 0.0], now_ns)
        result = arm_filter.filter(
            command, state(stamp_ns=now_ns), wrench(stamp_ns=now_ns), now_ns
        )
        passed.append(result.command.value[1])
    np.testing.assert_allclose(passed, [0.05, 0.10, 0.12, 0.0, -0.05, -0.10])
    assert arm_filter.counts == {'joint_acceleration': 4}


def test_after_a_hold_speed_is_gained_from_rest():
    arm_filter = SafetyFilter(config(**WIDE, joint_acceleration=1.0), ARM, PERIOD_S)
    for now_ns, expected in ((0, 0.05), (PERIOD_NS, 0.0), (2 * PERIOD_NS, 0.05)):
        command = velocity([0.0, 0.3, 0.0], now_ns) if expected else None
        sensors = state(stamp_ns=now_ns), wrench(stamp_ns=now_ns)
        result = arm_filter.filter(command, *sensors, now_ns)
        assert result.command.value[1] == pytest.approx(expected)


@pytest.mark.parametrize(
    ('low', 'high', 'message'),
    [
        ((0.5, 0.0, 0.0), (0.2, 1.0, 1.0), r'high: x: expected at least 0\.02 m above low, 0\.5'),
        ((0.0, 0.0, 0.0), (700.0, 1.0, 1.0), r'high: expected a number in \[-3, 3\] m, got 700'),
        ((0.0, float('nan'), 0.0), (1.0, 1.0, 1.0), 'low: expected a number'),
        ((0.0, 0.0, 0.0), (0.01, 1.0, 1.0), 'high: x'),
    ],
)
def test_corners_out_of_range_or_swapped_are_refused_with_the_numbers(low, high, message):
    with pytest.raises(ValueError, match=message):
        Box(low, high)


def test_boxes_that_leave_the_ball_no_room_are_refused():
    far = Box((-3.0, -3.0, -3.0), (-2.0, -2.0, -2.0))
    with pytest.raises(ValueError, match=r'keep_in: .* m from the centre of the sphere'):
        config(keep_in=far)
    around = Box((-3.0, -3.0, -3.0), (3.0, 3.0, 3.0))
    with pytest.raises(ValueError, match='keep_out: no room is left'):
        config(keep_out=(around,))
    assert dataclasses.asdict(config(keep_in=around))['keep_in']['low'] == (-3.0, -3.0, -3.0)


def test_margins_are_the_distances_to_the_limits():
    near = box([-0.3, -0.3, -0.3], [0.03, 0.3, 0.3])
    arm_filter = SafetyFilter(config(keep_in=near), ARM, PERIOD_S)
    assert arm_filter.margins() == {}
    asked = joints_for([0.1, 0.0, 0.0])
    arm_filter.filter(velocity(asked), state(), wrench([0.0, 50.0, 0.0]), 0)
    told = arm_filter.margins()
    away = np.linalg.norm(HERE - np.array(config().sphere_center))
    assert told['sphere'] == pytest.approx(0.3 - away)
    assert told['tool_speed'] == pytest.approx(0.15)
    assert told['box'] == pytest.approx(0.03)
    assert told['force'] == pytest.approx(10.0)
    assert told['joint_position'] == pytest.approx(1.4)  # 1 rad of 2.5 less 0.1
    assert told['joint_speed'] == pytest.approx(1 - np.abs(asked / [1.0, 1.0, 2.0]).max())
    arm_filter.filter(velocity(asked), None, wrench(), 0)
    assert arm_filter.margins() == {}
