# SPDX-License-Identifier: Apache-2.0
"""Base controllers by hand, and the way from an action to joint velocities."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from robot_rl.control.base import BASES, BaseConfig
from robot_rl.control.controller import ActionConfig, Controller, ControllerConfig
from robot_rl.control.kinematics import Kinematics, inverse, rotation_from_rpy
from robot_rl.control.robot import load_robot
from robot_rl.errors import InputError
from robot_rl.types import Action, JointState, Observation

ROBOT = load_robot('sawyer')
ARM = Kinematics(ROBOT)
HOME = np.array(ROBOT.home)
DOWN = (math.pi, 0.0, 0.0)
GOAL = np.array([0.6, 0.0, 0.1])
P = BaseConfig('p_controller', gain=(1.0, 0.5, 0.3))
SPRING = BaseConfig(
    'impedance', stiffness=(100.0, 200.0, 50.0), damping=(40.0, 50.0, 80.0), force_limit=10.0
)
CONFIG = ControllerConfig(
    action=ActionConfig(('x', 'y', 'z'), (0.0015, 0.0015, 0.003)),
    base=P,
    goal_rpy=DOWN,
    action_hz=10.0,
    control_hz=20.0,
)
# Tool pointing down 5 cm above the goal: far from limits and singularities.
ABOVE = inverse(ARM, HOME, GOAL + np.array([0, 0, 0.05]), rotation_from_rpy(np.array(DOWN)))

numbers = st.floats(-1, 1)
triples = st.tuples(numbers, numbers, numbers).map(np.array)


def controller(**changes):
    return Controller(dataclasses.replace(CONFIG, **changes), ARM, ROBOT)


def state(position=ABOVE, stamp_ns=0):
    return JointState(stamp_ns, np.array(position), np.zeros(7))


def observation(position=ABOVE, goal=GOAL, force=(0.0, 0.0, 0.0), stamp_ns=0):
    entries = {
        'achieved_goal': ARM.evaluate(np.array(position)).position_xyz,
        'desired_goal': np.asarray(goal),
        'tool_wrench': np.array([*force, 0, 0, 0], dtype=np.float64),
    }
    return Observation(stamp_ns, 'test', 0, 0, entries)


def answer(driver, values, position=ABOVE, **rest):
    """The command to an action taken in a posture."""
    driver.set_action(observation(position, **rest), Action(0, np.array(values)), state(position))
    return driver.command(state(position), 0).value


# ---- base controllers ------------------------------------------------------------------------


def test_p_controller_by_hand():
    """u = -k_p (x - x*): 2, -4 and 10 cm of error times 1, 0.5 and 0.3."""
    base = BASES['p_controller'](P, 0.1)
    tool = GOAL + np.array([0.02, -0.04, 0.10])
    move = base.displacement(tool, GOAL, np.array([5.0, 5.0, 5.0]))
    np.testing.assert_allclose(move, [-0.02, 0.02, -0.03], rtol=0, atol=1e-15)


def test_no_base_does_not_move():
    base = BASES['none'](BaseConfig('none'), 0.1)
    np.testing.assert_array_equal(base.displacement(GOAL + 1, GOAL, np.ones(3)), np.zeros(3))


def test_impedance_in_free_space_by_hand():
    """K e = (2, -4, 2.5) N is below the limit; v = F / D, u = v T with T = 0.1 s."""
    base = BASES['impedance'](SPRING, 0.1)
    move = base.displacement(GOAL - np.array([0.02, -0.02, 0.05]), GOAL, np.zeros(3))
    np.testing.assert_allclose(move, [0.005, -0.008, 0.003125], rtol=0, atol=1e-15)


def test_impedance_pull_is_bounded_by_hand():
    """K e = (30, 0, -40) N has 50 N, so a fifth of it is left: (6, 0, -8) N."""
    base = BASES['impedance'](SPRING, 0.1)
    move = base.displacement(GOAL - np.array([0.3, 0, -0.8]), GOAL, np.zeros(3))
    np.testing.assert_allclose(move, [0.015, 0.0, -0.01], rtol=0, atol=1e-15)


def test_impedance_rests_where_the_contact_balances_the_pull():
    base = BASES['impedance'](SPRING, 0.1)
    tool = GOAL + np.array([0.0, 0.0, 1.0])
    np.testing.assert_allclose(
        base.displacement(tool, GOAL, np.array([0.0, 0.0, 10.0])), np.zeros(3), atol=1e-15
    )
    assert base.displacement(tool, GOAL, np.array([0.0, 0.0, 11.0]))[2] > 0


def test_impedance_at_the_goal_yields_to_a_push():
    base = BASES['impedance'](SPRING, 0.1)
    move = base.displacement(GOAL, GOAL, np.array([4.0, 0.0, 0.0]))
    np.testing.assert_allclose(move, [0.01, 0.0, 0.0], rtol=0, atol=1e-15)


@given(triples, triples)
def test_impedance_pull_never_exceeds_its_limit(tool, goal):
    base = BASES['impedance'](SPRING, 0.1)
    force = base.displacement(tool, goal, np.zeros(3)) / 0.1 * np.array(SPRING.damping)
    assert np.linalg.norm(force) <= 10.0 * (1 + 1e-12)


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'kind': 'p_controller'}, 'needs gain'),
        ({'kind': 'none', 'gain': (1.0, 1.0, 1.0)}, 'does not take gain'),
        ({'kind': 'p_controller', 'gain': (1.0, math.nan, 1.0)}, 'negative'),
        ({'kind': 'impedance', 'stiffness': (1.0, 1.0, 1.0)}, 'needs damping'),
        (
            dataclasses.asdict(SPRING) | {'damping': (0.0, 1.0, 1.0)},
            'damping and force_limit must be above 0',
        ),
        (
            dataclasses.asdict(SPRING) | {'force_limit': 0.0},
            'damping and force_limit must be above 0',
        ),
    ],
)
def test_bad_base_settings_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        BaseConfig(**values)


# ---- action ----------------------------------------------------------------------------------


def test_an_action_moves_along_its_axes():
    config = ActionConfig(('z', 'x'), (0.003, 0.002))
    assert config.size == 2
    assert config.scaled(np.array([1.0, -0.5])) == {'z': 0.003, 'x': -0.001}


@pytest.mark.parametrize(
    ('axes', 'scale', 'message'),
    [
        ((), (), 'distinct axes'),
        (('x', 'x'), (1.0, 1.0), 'distinct axes'),
        (('x', 'y'), (1.0,), 'expected 2 values'),
        (('x',), (-1.0,), 'negative'),
        (('x',), (math.nan,), 'negative'),
    ],
)
def test_bad_actions_are_refused(axes, scale, message):
    with pytest.raises(ValueError, match=message):
        ActionConfig(axes, scale)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'action_hz': 40.0}, 'action_hz <= control_hz'),
        ({'action_hz': math.nan}, 'action_hz <= control_hz'),
        ({'damping': 0.0}, 'damping'),
        ({'orientation_gain': -1.0}, 'gains'),
        ({'posture_gain': math.nan}, 'gains'),
    ],
)
def test_bad_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(CONFIG, **changes)


@settings(max_examples=50)
@given(triples, st.sampled_from([P, SPRING, BaseConfig('none')]), triples)
def test_without_residual_the_command_is_the_bases_to_the_bit(values, base, force):
    mute = ActionConfig(('x', 'y', 'z'), (0.0, 0.0, 0.0))
    zero_scale = answer(controller(base=base, action=mute), values, force=force * 20)
    zero_action = answer(controller(base=base), np.zeros(3), force=force * 20)
    driver = controller(base=base)
    tool = ARM.evaluate(ABOVE)
    law = BASES[base.kind](base, 0.1)
    move = law.displacement(tool.position_xyz, GOAL, tool.rotation @ (force * 20))
    alone = driver.drive(state(), move * 10.0).value
    np.testing.assert_array_equal(zero_scale, alone)
    np.testing.assert_array_equal(zero_action, alone)


@settings(max_examples=50)
@given(triples)
def test_the_residual_adds_to_the_base(values):
    """u = pi_H + scale a (Nair 2022, eq. 28), and joint velocities are linear in u."""
    with_base = answer(controller(), values)
    base = answer(controller(), np.zeros(3))
    alone = answer(controller(base=BaseConfig('none')), values)
    still = answer(controller(base=BaseConfig('none')), np.zeros(3))
    np.testing.assert_allclose(with_base - base, alone - still, atol=1e-9)


@settings(max_examples=50)
@given(triples)
def test_the_tool_moves_as_commanded(values):
    """J dq is the velocity scale a / T; the damping of the least squares costs below 2 %."""
    value = answer(controller(base=BaseConfig('none')), values)
    twist = ARM.evaluate(ABOVE).jacobian @ value
    wanted = 10.0 * np.array([0.0015, 0.0015, 0.003]) * values
    assert np.linalg.norm(twist[:3] - wanted) <= 0.02 * np.linalg.norm(wanted) + 1e-5
    assert np.abs(twist[3:]).max() < 1e-3


def test_the_wrench_is_turned_into_the_base_frame():
    """The tool points down: a force along its +z pushes the tool down."""
    driver = controller(base=SPRING)
    tool = ARM.evaluate(ABOVE).position_xyz
    value = answer(driver, np.zeros(3), goal=tool, force=(0.0, 0.0, 8.0))
    linear = (ARM.evaluate(ABOVE).jacobian @ value)[:3]
    np.testing.assert_allclose(linear, [0, 0, -8.0 / 80.0], atol=3e-3)


# ---- time ------------------------------------------------------------------------------------


def test_stands_still_without_an_action_and_after_a_reset():
    driver = controller()
    np.testing.assert_array_equal(driver.command(state(), 0).value, np.zeros(7))
    assert answer(driver, np.ones(3)).any()
    driver.reset()
    np.testing.assert_array_equal(driver.command(state(), 0).value, np.zeros(7))


def test_an_action_expires_one_control_period_after_its_own():
    driver = controller()
    assert answer(driver, np.ones(3)).any()
    assert driver.command(state(), 149_999_999).value.any()
    np.testing.assert_array_equal(driver.command(state(), 150_000_000).value, np.zeros(7))


def test_a_command_answers_its_joint_state():
    driver = controller()
    answer(driver, np.ones(3))
    command = driver.command(state(stamp_ns=123), 130)
    assert (command.stamp_ns, command.mode) == (123, 'velocity')


# ---- arm -------------------------------------------------------------------------------------


def follow(driver, position, seconds, period=0.01):
    """Integrates commands for a tool that shall stand still."""
    position = np.array(position)
    for _ in range(round(seconds / period)):
        position = position + period * driver.drive(state(position), np.zeros(3)).value
    return position


def test_the_orientation_is_corrected():
    tilted = rotation_from_rpy(np.array([math.pi - 0.2, 0.1, 0.15]))
    start = inverse(ARM, HOME, GOAL + np.array([0, 0, 0.05]), tilted)
    end = ARM.evaluate(follow(controller(), start, 3.0))
    wanted = rotation_from_rpy(np.array(DOWN))
    np.testing.assert_allclose(end.rotation, wanted, atol=1e-3)
    np.testing.assert_allclose(end.position_xyz, GOAL + np.array([0, 0, 0.05]), atol=1e-3)


def test_the_posture_is_drawn_home_without_moving_the_tool():
    jacobian = ARM.evaluate(ABOVE).jacobian
    free = np.linalg.svd(jacobian)[2][-1]
    away = ABOVE + 0.2 * free
    goal = ARM.evaluate(away).position_xyz
    driver = controller()
    value = driver.drive(state(away), np.zeros(3)).value
    turned = jacobian_of(away) @ value
    assert np.abs(turned[:3]).max() < 1e-3
    end = follow(driver, away, 10.0)
    np.testing.assert_allclose(ARM.evaluate(end).position_xyz, goal, atol=2e-3)
    assert np.linalg.norm(end - HOME) < np.linalg.norm(away - HOME)


def jacobian_of(position):
    return ARM.evaluate(position).jacobian


@settings(max_examples=50)
@given(triples, st.floats(-0.02, 0.02))
def test_near_a_singular_posture_joint_speeds_stay_bounded(direction, bend):
    """Damped least squares gain at most 1 / (2 damping): no blow-up in a stretched arm."""
    stretched = np.array([0.0, 0.0, 0.0, bend, 0.0, 0.0, 0.0])
    assert np.linalg.svd(jacobian_of(stretched), compute_uv=False)[-1] < 0.01
    driver = controller(orientation_gain=0.0, posture_gain=0.0)
    value = driver.drive(state(stretched), 0.25 * direction).value
    assert np.linalg.norm(value) <= 0.25 * np.linalg.norm(direction) / (2 * 0.01) + 1e-9


@pytest.mark.fault(2)
@pytest.mark.parametrize('size', [0, 2, 4])
def test_an_action_of_the_wrong_size_is_refused_and_moves_nothing(size: int) -> None:
    driver = controller()
    before = driver.command(state(HOME), 0).value
    with pytest.raises(InputError, match=rf'expected 3 values, got shape \({size},\)'):
        driver.set_action(observation(), Action(0, np.ones(size)), state(HOME))
    np.testing.assert_array_equal(driver.command(state(HOME), 0).value, before)
    assert not before.any()


# ---- other axes ------------------------------------------------------------------------------

FETCH = load_robot('fetch').with_gripper()
FETCH_ARM = Kinematics(FETCH)
AXES = ActionConfig(('x', 'y', 'yaw', 'gripper'), (0.01, 0.01, 0.1, 0.001))


def fetch_driver(axes=AXES, rpy=DOWN):
    config = dataclasses.replace(CONFIG, action=axes, base=BaseConfig('none'), goal_rpy=rpy)
    return Controller(config, FETCH_ARM, FETCH)


def fetch_answer(driver, values, position, step=0):
    entries = {'achieved_goal': GOAL, 'desired_goal': GOAL, 'tool_wrench': np.zeros(6)}
    now = JointState(0, position, np.zeros(8))
    driver.set_action(Observation(0, 'test', 0, step, entries), Action(0, np.array(values)), now)
    return driver.command(now, 0).value


@pytest.fixture
def fetch_down():
    goal = np.array([0.65, 0.0, 0.75])
    return inverse(FETCH_ARM, np.array(FETCH.home), goal, rotation_from_rpy(np.array(DOWN)))


def test_yaw_turns_the_tool_about_the_bases_z_and_nothing_else(fetch_down):
    value = fetch_answer(fetch_driver(), [0, 0, 0.5, 0], fetch_down)
    twist = FETCH_ARM.evaluate(fetch_down).jacobian @ value
    np.testing.assert_allclose(twist, [0, 0, 0, 0, 0, 0.5 * 0.1 * 10.0], atol=5e-3)
    assert value[-1] == 0.0


@pytest.mark.parametrize('yaw', [0.7, -2.5])
def test_a_heading_that_the_action_may_turn_is_kept_as_it_is(yaw):
    goal, turned = np.array([0.65, 0.0, 0.75]), np.array([math.pi, 0.0, yaw])
    position = inverse(FETCH_ARM, np.array(FETCH.home), goal, rotation_from_rpy(turned))
    value = fetch_answer(fetch_driver(), [0, 0, 0, 0], position)
    np.testing.assert_allclose(FETCH_ARM.evaluate(position).jacobian @ value, 0.0, atol=1e-4)


def test_the_gripper_opens_and_stops_at_its_ends(fetch_down):
    half_open = np.array([*fetch_down[:-1], 0.03])
    assert fetch_answer(fetch_driver(), [0, 0, 0, 1], half_open)[-1] == pytest.approx(0.01)
    assert fetch_answer(fetch_driver(), [0, 0, 0, -0.5], half_open)[-1] == pytest.approx(-0.005)
    nearly = np.array([*fetch_down[:-1], 0.0499])
    speed = fetch_answer(fetch_driver(), [0, 0, 0, 1], nearly)[-1]
    assert speed == pytest.approx((0.05 - 0.0499) * CONFIG.control_hz)


def test_an_axis_that_the_action_lacks_stays_where_the_episode_began(fetch_down):
    driver = fetch_driver()
    fetch_answer(driver, [0, 0, 0, 0], fetch_down)
    tool = FETCH_ARM.evaluate(fetch_down)
    lower = tool.position_xyz - np.array([0.0, 0.0, 0.01])
    sunk = inverse(FETCH_ARM, fetch_down, lower, tool.rotation)
    value = fetch_answer(driver, [1, 0, 0, 0], sunk, step=1)
    velocity = (FETCH_ARM.evaluate(sunk).jacobian @ value)[:3]
    np.testing.assert_allclose(velocity, [0.1, 0.0, 0.04], atol=2e-3)


def test_an_action_of_joints_moves_them_and_no_other():
    axes = ActionConfig(('elbow_flex_joint', 'gripper'), (0.05, 0.001))
    value = fetch_answer(fetch_driver(axes), [-1, 0], np.array(FETCH.home))
    expected = np.zeros(8)
    expected[FETCH.joints.index('elbow_flex_joint')] = -0.05 * CONFIG.action_hz
    np.testing.assert_allclose(value, expected)


def test_axes_of_the_tool_and_joints_do_not_mix():
    with pytest.raises(ValueError, match=r"'elbow_flex_joint' is none of the tool"):
        ActionConfig(('x', 'elbow_flex_joint'), (0.1, 0.1))
