# SPDX-License-Identifier: Apache-2.0
"""A hard contact: the tool pushes no further, and a training goes on."""

from collections import Counter

import numpy as np
import pytest
from safety_arms import HOME, PERIOD_S, PlanarArm, complaints, config, state, velocity, wrench

from robot_rl.control.robot import load_robot
from robot_rl.episodes.episode import Limits
from robot_rl.safety.filter import SafetyFilter
from robot_rl.task import load_task
from robot_rl.types import Action
from sim_bridge.host import DirectHost

ARM = PlanarArm()
TOOL = ARM.evaluate(HOME)
WIDE = {'sphere_radius': 3.0}
AWAY = np.array([-1.0, 0.0, 0.0])  # a wall in front of the tool pushes it back to the base


def pressed(value, push=(0.0, 0.0, 0.0), turn=(0.0, 0.0, 0.0), **changes):
    """What a new filter makes of a command under force and torque given in the base frame."""
    touch = wrench(TOOL.rotation.T @ push, TOOL.rotation.T @ turn)
    arm_filter = SafetyFilter(config(**WIDE | changes), ARM, PERIOD_S)
    return arm_filter.filter(velocity(value), state(), touch, 0)


def joints_for(tool_xyz, turn=0.0):
    twist = np.array([*tool_xyz, 0.0, 0.0, turn])
    return np.linalg.lstsq(TOOL.jacobian, twist, rcond=None)[0]


def twist_of(result):
    return TOOL.jacobian @ result.command.value


def test_the_part_against_the_force_is_taken_off_and_the_rest_stays():
    wanted = joints_for([0.05, 0.03, 0.0], turn=0.2)
    result = pressed(wanted, 61 * AWAY)
    assert (result.reason, result.stopped) == ('contact', False)
    np.testing.assert_allclose(twist_of(result)[[0, 1, 5]], [0.0, 0.03, 0.2], atol=2e-4)
    assert twist_of(result)[0] == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(result.tool_delta_xyz, [-0.05, 0.0, 0.0], atol=2e-4)


@pytest.mark.parametrize('tool_xyz', [[-0.05, 0.02, 0.0], [0.0, 0.05, 0.0], [0.0, 0.0, 0.0]])
def test_away_and_sideways_pass_unchanged(tool_xyz):
    wanted = joints_for(tool_xyz)
    result = pressed(wanted, 61 * AWAY)
    assert result.reason == ''
    np.testing.assert_array_equal(result.command.value, wanted)


@pytest.mark.parametrize(
    ('force', 'torque', 'changes'),
    [
        (59 * AWAY, [0.0, 0.0, 0.0], {}),
        (61 * AWAY, [0.0, 0.0, 0.0], {'force': 70.0}),
        (61 * AWAY, [0.0, 0.0, 0.0], {'force': None}),
        (0 * AWAY, [0.0, 0.0, -9.9], {}),
        (0 * AWAY, [0.0, 0.0, -11.0], {'torque': None}),
    ],
)
def test_below_the_limits_a_push_passes(force, torque, changes):
    assert pressed(joints_for([0.05, 0.0, 0.0], turn=0.2), force, torque, **changes).reason == ''


def test_a_turn_against_a_torque_is_taken_off():
    result = pressed(joints_for([0.05, 0.03, 0.0], turn=0.2), turn=[0.0, 0.0, -11.0])
    assert result.reason == 'contact'
    np.testing.assert_allclose(twist_of(result)[[0, 1, 5]], [0.05, 0.03, 0.0], atol=2e-4)
    assert pressed(joints_for([0.05, 0.0, 0.0], turn=-0.2), turn=[0.0, 0.0, -11.0]).reason == ''


def test_what_counts_is_the_point_that_touches():
    """A force of 61 N on a point 0.3 m beside the tool, y in the base frame."""
    force, lever = 61 * AWAY, np.array([0.0, 0.3, 0.0])
    torque = np.cross(lever, force)
    spin = joints_for([0.0, 0.0, 0.0], turn=-0.2)  # brings the point forward, the tool stays
    result = pressed(spin, force, torque, torque=None, stop_torque=None)
    touching = twist_of(result)[:3] + np.cross(twist_of(result)[3:], lever)
    assert result.reason == 'contact'
    assert touching @ AWAY == pytest.approx(0.0, abs=1e-9)
    back = joints_for([0.05, 0.0, 0.0], turn=0.2)  # the tool advances, the point retreats
    assert pressed(back, force, torque, torque=None, stop_torque=None).reason == ''


def test_a_push_into_a_wall_at_the_edge_of_the_sphere_slides_or_stands():
    """The sphere wants the tool back, the contact does not let it: neither is broken."""
    outward = np.array([1.0, 0.0, 0.0])
    center = TOOL.position_xyz - 0.2 * outward
    limits = config(sphere_center=tuple(center.tolist()), sphere_radius=0.2)
    touch = wrench(TOOL.rotation.T @ (61 * outward))
    for sideways in (0.0, 0.05):
        command = velocity(joints_for([0.08, sideways, 0.0]))
        result = SafetyFilter(limits, ARM, PERIOD_S).filter(command, state(), touch, 0)
        assert complaints(result.command, HOME, ARM, limits, touch) == []


@pytest.mark.parametrize(('key', 'low'), [('force', 60.0), ('torque', 10.0)])
def test_the_limit_that_stops_is_above_the_one_that_only_yields(key, low):
    for wrong in (low, low - 1):
        with pytest.raises(ValueError, match=f'stop_{key}: expected above {key}, {low:g}'):
            config(**{f'stop_{key}': wrong})
    assert config(**{key: None}) != config(**{f'stop_{key}': None})


@pytest.mark.parametrize('kind', ['gaussian', 'against the corner'])
def test_random_and_blunt_actions_never_stop_a_training(kind):
    """Hard contacts come, the tool yields, the plug still gets in, and no stop latches."""
    task = load_task('usb_insertion')
    host = DirectHost(task, load_robot(task.robot), Limits(task.horizon), seed=5)
    rng, successes, reasons = np.random.default_rng(5), 0, Counter()
    for _ in range(8):
        observation = host.reset()
        while not host.over:
            values = rng.normal(size=3) if kind == 'gaussian' else np.array([1.0, 1.0, -1.0])
            action = Action(observation.stamp_ns, np.clip(values, -1, 1), 'script')
            observation = host.act(action)
            reasons.update(result.reason for result in host.results)
            assert not any(result.stopped for result in host.results)
        successes += host.reward.success
    assert successes >= 4 or kind != 'gaussian'
    assert reasons['contact'] > 0
    assert reasons['final_check'] == 0
