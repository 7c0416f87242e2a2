# SPDX-License-Identifier: Apache-2.0
"""The USB task: solvable, not by the base controller alone, and with honest contacts."""

import dataclasses
import math

import mujoco
import numpy as np
import pytest

from robot_rl.control.robot import load_robot
from robot_rl.episodes.episode import Limits
from robot_rl.task import load_task
from robot_rl.types import Action
from sim_bridge.build import make_world
from sim_bridge.host import DirectHost
from sim_bridge.tasks.connector import Connector

TASK = load_task('usb_insertion')
ROBOT = load_robot('sawyer')
USB = Connector(**TASK.scene_options)
CLEARANCE, CORNER, DEPTH = USB.clearance, USB.corner, USB.depth
PIN_TRAVEL, TIP_Z = USB.pin_travel, USB.tip_z
GOAL = np.array(TASK.goal.position)
EXACT = dataclasses.replace(TASK, goal=dataclasses.replace(TASK.goal, noise=(0.0, 0.0, 0.0)))
FACE_Z = GOAL[2] - TIP_Z + DEPTH  # m, of the socket


def plug_and_socket(world):
    """Deepest penetration of plug and socket in the present state, m; 0 without contact."""
    return max([0.0, *(-c.dist for c in world.data.contact[: world.data.ncon])])


def play(task, episodes, policy, seed=11):
    """Plays episodes; per episode success, final tip in the socket's frame, deepest contact."""
    host = DirectHost(task, ROBOT, Limits(task.horizon), seed)
    found = []
    for _ in range(episodes):
        observation, deepest, step = host.reset(), 0.0, 0
        while not host.over:
            values = policy(step, observation)
            observation = host.act(Action(observation.stamp_ns, values))
            deepest, step = max(deepest, plug_and_socket(host.world)), step + 1
        tip = host.world.privileged()['tip_from_socket']
        found.append((host.reward.success, tip, deepest))
    return found


def base_alone(step, observation):
    return np.zeros(3)


def spiral(step, observation):
    """Once the plug rests on the rim, circles of growing radius around the believed goal."""
    entries = observation.entries
    believed = entries['achieved_goal'] - entries['desired_goal']
    scale = np.array(TASK.action.scale)
    if step < 8 or believed[2] < 0.008:
        return np.zeros(3)
    angle, radius = 0.9 * (step - 8), min(0.0013, 0.00006 * (step - 8))
    wanted = radius * np.array([math.cos(angle), math.sin(angle)])
    # The base controller pulls back to its goal with gain 1; the residual shifts that goal.
    move = np.clip(wanted / scale[:2], -1.0, 1.0)
    return np.array([*move, 0.0])


@pytest.fixture(scope='module')
def noisy():
    return play(TASK, 60, base_alone)


def test_the_base_controller_solves_the_exact_goal():
    assert all(success for success, *_ in play(EXACT, 40, base_alone))


def test_the_base_controller_fails_often_under_goal_noise(noisy):
    assert 0.3 <= np.mean([success for success, *_ in noisy]) <= 0.8


def test_failures_end_with_the_plug_on_the_rim(noisy):
    """Not beside the housing, not in the air, not jammed out of sight."""
    tips = np.array([tip for success, tip, _ in noisy if not success])
    assert (np.abs(tips[:, :2]) < 0.002).all()
    assert (tips[:, 2] > -0.001).all()
    assert (tips[:, 2] < DEPTH - PIN_TRAVEL).all()


def test_plug_and_socket_hardly_sink_into_each_other(noisy):
    deepest = max(depth for *_, depth in noisy)
    assert 0 < deepest < 1e-4


def test_a_scripted_search_within_the_action_space_finds_more_than_the_base_controller(noisy):
    found = [success for success, *_ in play(TASK, 30, spiral)]
    base = [success for success, *_ in noisy]
    assert np.mean(found) > np.mean(base[:30])


# ---- contact and start -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ('shift', 'touches'),
    [
        ((0, 0, 0), True),
        ((0, 0, 0.9 * PIN_TRAVEL), True),
        ((0, 0, 1.1 * PIN_TRAVEL), False),
        ((0, 0, 0.05), False),
        ((0.9 * (CLEARANCE + CORNER), 0, 0), True),
        ((1.1 * (CLEARANCE + CORNER), 0, 0), False),
        ((0, -1.1 * (CLEARANCE + CORNER), 0), False),
        ((0.03, 0, -0.005), False),
    ],
)
def test_the_pins_touch_at_depth_inside_the_socket(shift, touches):
    task = make_world(TASK, ROBOT).task
    assert task.contact(GOAL + np.array(shift), task.goal_rotation) is touches


def test_the_true_goal_is_plugged_in_and_free_of_force():
    world = make_world(TASK, ROBOT)
    tip = world.task.privileged(GOAL, world.task.goal_rotation)
    np.testing.assert_allclose(tip['tip_from_socket'], [0, 0, DEPTH], atol=1e-12)
    np.testing.assert_allclose(tip['tilt'], 0.0, atol=1e-7)


def test_starts_differ_by_seed_and_are_free():
    world = make_world(TASK, ROBOT)
    starts = []
    for seed in range(20):
        world.reset(seed)
        assert world.data.ncon == 0
        assert not world.contact()
        state = world.privileged()
        assert state['tilt'][0] < 1e-6
        starts.append(state['tool_xyz'] - GOAL)
    offsets = np.array(starts) - [0, 0, 0.05]
    assert (np.abs(offsets) <= 0.004 + 1e-8).all()
    assert len({tuple(o) for o in offsets.round(6).tolist()}) == 20
    assert (offsets.std(axis=0) > 0.001).all()


def test_only_the_tool_meets_the_surroundings():
    model = make_world(TASK, ROBOT).model
    carried = {'plug', 'tool0', 'right_hand', 'right_l6'}
    for geom in range(model.ngeom):
        body = model.body(model.geom_bodyid[geom]).name
        if model.geom_contype[geom]:
            assert body in carried or 'finger' in body
    assert mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, 'socket') > 0
