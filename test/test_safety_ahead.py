# SPDX-License-Identifier: Apache-2.0
"""What lies ahead: singularities, and collisions of the arm with itself and its surroundings."""

import dataclasses

import numpy as np
import pytest
from safety_arms import PERIOD_NS, PERIOD_S, PlanarArm, config, state, velocity, wrench

from robot_rl.control.kinematics import Kinematics, inverse, rotation_from_rpy
from robot_rl.control.robot import load_robot
from robot_rl.errors import InputError
from robot_rl.planning.config import Obstacle
from robot_rl.safety.ahead import surroundings_of
from robot_rl.safety.conditioning import condition, well_conditioned
from robot_rl.safety.config import LookAhead
from robot_rl.safety.filter import SafetyFilter
from robot_rl.task import load_task
from robot_rl.types import JointState, Wrench

ARM = PlanarArm()
ROBOT = load_robot('sawyer')
SAWYER = Kinematics(ROBOT)
HOME = np.array(ROBOT.home)
DOWN = rotation_from_rpy(np.array([np.pi, 0.0, 0.0]))
STILL = np.zeros(7)
#: Nothing but what is tested shall act.
WIDE = {'sphere_radius': 3.0, 'tool_speed': 2.0}


def bent(condition_number):
    """A planar posture with this condition number; the elbow's way to the stretched one."""
    low, high = -1.2, -0.05
    for _ in range(60):
        elbow = (low + high) / 2
        number = condition(ARM.evaluate(np.array([0.0, elbow, 0.5])).jacobian)
        low, high = (elbow, high) if number < condition_number else (low, elbow)
    return np.array([0.0, elbow, 0.5])


def passed(value, position, **changes):
    arm_filter = SafetyFilter(config(**WIDE | changes), ARM, PERIOD_S)
    return arm_filter.filter(velocity(value), state(position), wrench(), 0)


STRETCH = np.array([0.0, 1.0, 0.0])


@pytest.mark.fault(36)
@pytest.mark.parametrize(('number', 'share'), [(16.9, 1.0), (23.5, 0.5), (28.7, 0.1), (31, 0.0)])
def test_towards_a_singularity_a_share_of_the_speed_is_left(number, share):
    """1 rad/s is allowed of the elbow elsewhere."""
    result = passed(STRETCH, bent(number))
    np.testing.assert_allclose(result.command.value, share * STRETCH, atol=1e-6)
    assert result.reason == ('' if share == 1 else 'singularity')
    slowly = passed(0.9 * share * STRETCH, bent(number))
    assert slowly.reason == ''


@pytest.mark.fault(36)
@pytest.mark.parametrize('number', [18.0, 29.0, 60.0, 1000.0])
def test_the_way_out_of_a_singularity_is_free(number):
    assert passed(-STRETCH, bent(number)).reason == ''
    assert passed(-0.01 * STRETCH, bent(number)).reason == ''


@pytest.mark.fault(36)
def test_a_stretched_sawyer_can_be_brought_back_and_not_stretched_again():
    """Driven up and away until it stands, then back home, at every control period."""
    task = load_task('usb_insertion')
    limits = dataclasses.replace(
        task.safety, sphere_center=(0.0, 0.0, 0.3), sphere_radius=2.0, look_ahead=None
    )
    arm_filter = SafetyFilter(limits, SAWYER, PERIOD_S)
    position, numbers, now_ns = HOME.copy(), [], 0

    def drive(direction, periods):
        nonlocal position, now_ns
        for _ in range(periods):
            now_ns += PERIOD_NS
            linear = SAWYER.evaluate(position).jacobian[:3]
            command = velocity(np.linalg.lstsq(linear, direction, rcond=None)[0], now_ns)
            result = arm_filter.filter(
                command, JointState(now_ns, position, STILL), touch(now_ns), now_ns
            )
            position = position + result.command.value * PERIOD_S
            numbers.append(condition(SAWYER.evaluate(position).jacobian))

    drive(np.array([0.3, 0.0, 0.0]), 200)
    assert arm_filter.counts['singularity'] > 10
    assert 17.0 < max(numbers) < 32.0
    drive(np.array([-0.1, 0.0, 0.0]), 100)
    assert numbers[-1] < 17.0


def test_without_thresholds_there_is_no_such_limit():
    free = {'condition_slow': None, 'condition_stop': None}
    assert passed(STRETCH, bent(100.0), **free).reason == ''
    for wrong in ({'condition_slow': None}, {'condition_stop': None}):
        with pytest.raises(ValueError, match='condition_stop: expected null exactly where'):
            config(**wrong)
    with pytest.raises(ValueError, match='condition_stop: expected above condition_slow, 17'):
        config(condition_stop=12.0)


def test_the_cheap_bound_never_calls_a_bad_posture_good():
    rng = np.random.default_rng(0)
    lower, upper = SAWYER.position_limits.T
    cheap, numbers = [], []
    for position in rng.uniform(lower, upper, (2000, 7)):
        jacobian = SAWYER.evaluate(position).jacobian
        numbers.append(np.linalg.cond(jacobian))
        assert condition(jacobian) == pytest.approx(numbers[-1], rel=1e-6)
        gripping = np.column_stack((jacobian, np.zeros(6)))
        assert condition(gripping, gripping=True) == pytest.approx(numbers[-1], rel=1e-6)
        cheap.append(well_conditioned(jacobian, gripping=False, limit=17.0))
        assert cheap[-1] == well_conditioned(gripping, gripping=True, limit=17.0)
    assert max(np.array(numbers)[cheap]) < 17.0
    assert np.mean(cheap) > 0.7 * np.mean(np.array(numbers) < 17.0)


def touch(stamp_ns):
    return Wrench(stamp_ns, np.zeros(3), np.zeros(3))


def looking(obstacles=(), tool_may_touch=False, **changes):
    """A filter that looks 0.2 s ahead."""
    look = LookAhead(0.2, 0.01, tool_may_touch)
    limits = dataclasses.replace(
        load_task('usb_insertion').safety,
        sphere_center=(0.6, 0.0, 0.3),
        sphere_radius=2.0,
        look_ahead=look,
        **changes,
    )
    surroundings = surroundings_of(limits, ROBOT, obstacles)
    return SafetyFilter(limits, SAWYER, PERIOD_S, surroundings=surroundings)


def at(xyz):
    return inverse(SAWYER, HOME, np.array(xyz), DOWN)


def press(arm_filter, position, direction, periods=60):
    """Drives the tool in one direction; where it ends, and how often it was held up."""
    for k in range(periods):
        now_ns = k * PERIOD_NS
        jacobian = SAWYER.evaluate(position).jacobian
        joints = np.linalg.lstsq(jacobian, np.array([*direction, 0, 0, 0]), rcond=None)[0]
        current = JointState(now_ns, position, STILL)
        result = arm_filter.filter(velocity(joints, now_ns), current, touch(now_ns), now_ns)
        position = position + result.command.value * PERIOD_S
    return SAWYER.evaluate(position).position_xyz, arm_filter.counts['collision']


TABLE = Obstacle('table', (0.7, 0.0, -0.2), (0.3, 0.5, 0.2))


def test_the_hand_slows_down_and_stops_above_the_table_and_leaves_it_freely():
    arm_filter = looking([TABLE])
    end, held = press(arm_filter, at([0.6, 0.0, 0.25]), [0.0, 0.0, -0.2])
    assert held > 10
    assert 0.0 < end[2] < 0.06
    assert arm_filter._limits.surroundings.near(at(end)) == {}
    up, held = press(looking([TABLE]), at(end), [0.0, 0.0, 0.2], 10)
    assert held == 0
    assert up[2] == pytest.approx(end[2] + 0.1, abs=0.01)


def test_what_the_tool_may_touch_does_not_stop_it():
    end, held = press(looking([TABLE], tool_may_touch=True), at([0.6, 0.0, 0.1]), [0, 0, -0.1], 20)
    assert held == 0
    assert end[2] == pytest.approx(0.0, abs=0.01)


def test_the_forearm_does_not_run_into_what_stands_beside_it():
    """A post beside the elbow, far from the tool."""
    elbow = np.array([0.3, -0.5, 0.4])
    post = Obstacle('post', tuple(elbow.tolist()), (0.05, 0.05, 0.6))
    arm_filter, position = looking([post], tool_may_touch=True), HOME.copy()
    swing = np.array([-0.3, 0, 0, 0, 0, 0, 0])
    for k in range(200):
        now_ns = k * PERIOD_NS
        current = JointState(now_ns, position, STILL)
        result = arm_filter.filter(velocity(swing, now_ns), current, touch(now_ns), now_ns)
        position = position + result.command.value * PERIOD_S
    assert arm_filter.counts['collision'] > 0
    bare = looking([post], tool_may_touch=True)._limits.surroundings
    assert all(distance > 0 for distance in bare.near(position).values())
    assert position[0] < HOME[0] - 0.05


def test_the_arm_does_not_fold_into_itself():
    rng, lower, upper = np.random.default_rng(4), *SAWYER.position_limits.T
    touched = 0
    for _ in range(30):
        arm_filter, position = looking(condition_slow=None, condition_stop=None), HOME.copy()
        model, goal = arm_filter._limits.surroundings, rng.uniform(lower, upper)
        for k in range(60):
            now_ns = k * PERIOD_NS
            current = JointState(now_ns, position, STILL)
            command = velocity((goal - position) * 2.0, now_ns)
            result = arm_filter.filter(command, current, touch(now_ns), now_ns)
            position = position + result.command.value * PERIOD_S
            assert all(distance > 0 for distance in model.near(position).values())
        touched += bool(arm_filter.counts['collision'])
    assert touched > 2


def test_limit_and_model_go_together():
    limits = load_task('usb_insertion').safety
    assert limits.look_ahead is not None
    with pytest.raises(InputError, match='look_ahead: '):
        SafetyFilter(limits, SAWYER, PERIOD_S)
    without = dataclasses.replace(limits, look_ahead=None)
    assert surroundings_of(without, ROBOT) is None
    with pytest.raises(InputError, match='look_ahead: '):
        SafetyFilter(without, SAWYER, PERIOD_S, surroundings=surroundings_of(limits, ROBOT))


@pytest.mark.parametrize(('seconds', 'margin'), [(0.0, 0.01), (5.0, 0.01), (0.2, 0.0), (0.2, 1.0)])
def test_a_look_ahead_out_of_range_is_refused(seconds, margin):
    with pytest.raises(ValueError, match='expected a number in'):
        LookAhead(seconds, margin)


def test_two_obstacles_with_one_name_are_refused():
    task = load_task('usb_insertion')
    with pytest.raises(
        ValueError, match=r"obstacles: a name is used twice in \['table', 'table'\]"
    ):
        dataclasses.replace(task, obstacles=task.obstacles * 2)
