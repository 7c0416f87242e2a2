# SPDX-License-Identifier: Apache-2.0
"""The way back to the start: out of the socket first, then along a plan, and arriving."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from robot_rl.control.controller import Controller
from robot_rl.control.kinematics import Kinematics, inverse, rotation_from_rpy
from robot_rl.control.robot import load_robot
from robot_rl.errors import InputError
from robot_rl.planning.config import Obstacle, PlannerConfig
from robot_rl.planning.reset import ResetMotion
from robot_rl.planning.start import StartConfig, WayOut
from robot_rl.task import load_task
from robot_rl.types import JointState

TASK, ROBOT = load_task('usb_insertion'), load_robot('sawyer')
ARM = Kinematics(ROBOT)
GOAL, DOWN = np.array(TASK.goal.position), np.array(TASK.goal.rpy)
CONFIG = StartConfig()
PERIOD_S = 0.05

places = st.tuples(*[st.floats(-0.1, 0.1)] * 3).map(np.array)
ways = st.tuples(*[st.floats(-0.3, 0.3)] * 3).filter(lambda v: 0.02 < math.hypot(*v) < 0.5)


@settings(max_examples=50)
@given(places, ways)
def test_the_way_out_runs_along_the_approach_axis_and_ends_at_the_starts_height(offset, way):
    config = StartConfig(offset=way)
    out, axis = WayOut(config, GOAL), np.array(way) / np.linalg.norm(way)
    tool_xyz, before = GOAL + offset, GOAL + offset
    for _ in range(2000):
        velocity = out.velocity(tool_xyz)
        if velocity is None:
            break
        assert np.linalg.norm(velocity) <= config.speed * (1 + 1e-9)
        tool_xyz = tool_xyz + PERIOD_S * velocity
    along = (tool_xyz - GOAL) @ axis
    assert along >= np.linalg.norm(way) - config.tolerance - 1e-9
    moved = tool_xyz - before
    np.testing.assert_allclose(moved - (moved @ axis) * axis, 0.0, atol=1e-12)


def posture(offset):
    return inverse(ARM, np.array(ROBOT.home), GOAL + offset, rotation_from_rpy(DOWN))


def travel(motion, position, seconds=40.0):
    """Places of the tool of an arm that does as it is told, until it has arrived."""
    driver, path, stamp_ns = Controller(TASK.controller, ARM, ROBOT), [], 0
    while stamp_ns < seconds * 1e9:
        path.append(ARM.evaluate(position).position_xyz)
        command = motion.command(JointState(stamp_ns, position, np.zeros(7)), driver.drive)
        if command is None:
            return np.array(path)
        position = position + command.value * PERIOD_S
        stamp_ns += round(PERIOD_S * 1e9)
    raise AssertionError(f'not there after {seconds} s, at {path[-1]}')


def motion(*obstacles, **planner):
    config = StartConfig(planner=PlannerConfig(**planner))
    return ResetMotion(ROBOT, ARM, config, GOAL, DOWN, obstacles)


@pytest.mark.parametrize('offset', [[0, 0, 0], [0.001, -0.001, 0.002], [0.05, 0.06, 0.02]])
def test_it_leaves_the_socket_straight_out_and_arrives(offset):
    path = travel(motion(), posture(np.array(offset)))
    inside = path[path[:, 2] < GOAL[2] + 0.045]
    np.testing.assert_allclose(inside[:, :2], np.tile(inside[0, :2], (len(inside), 1)), atol=5e-4)
    assert np.linalg.norm(path[-1] - GOAL - np.array(CONFIG.offset)) <= CONFIG.tolerance


def test_it_starts_anew_from_wherever_the_arm_is():
    reset = motion()
    for offset in ([0.0, 0.0, 0.0], [0.0, 0.1, 0.1]):
        reset.restart()
        path = travel(reset, posture(np.array(offset)))
        assert np.linalg.norm(path[-1] - GOAL - np.array(CONFIG.offset)) <= CONFIG.tolerance


@pytest.mark.fault(40)
def test_it_goes_round_an_obstacle_and_does_not_move_without_a_plan():
    post = Obstacle('post', (GOAL[0], 0.2, 0.1), (0.06, 0.03, 0.15))
    beside = posture(np.array([0.0, 0.45, 0.1]))

    def hits(path):
        inside = np.abs(path - np.array(post.center)) < np.array(post.half)
        return bool(inside.all(axis=1).any())

    assert hits(travel(motion(), beside)), 'the obstacle must be in the way'
    assert not hits(travel(motion(post), beside))
    wall = Obstacle('wall', (GOAL[0], 0.2, 0.1), (0.3, 0.03, 3.0))
    with pytest.raises(InputError, match='planning: '):
        travel(motion(wall, seconds=0.3), beside)


@pytest.mark.parametrize('name', ['usb_insertion', 'model_e_insertion', 'block_insertion'])
def test_the_starts_of_our_tasks_are_reached_beside_their_tables(name):
    task = load_task(name)
    goal = np.array(task.goal.position)
    reset = ResetMotion(ROBOT, ARM, task.start, goal, np.array(task.goal.rpy), task.obstacles)
    (table,) = task.obstacles
    path = travel(reset, np.array(ROBOT.home))
    assert path[:, 2].min() > table.center[2] + table.half[2]
    raised = dataclasses.replace(table, half=(*table.half[:2], table.half[2] + 0.2))
    with pytest.raises(InputError, match='planning: table touches'):
        ResetMotion(ROBOT, ARM, task.start, goal, np.array(task.goal.rpy), [raised])


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'offset': (0.0, 0.0, 0.0)}, 'offset: expected a way'),
        ({'offset': (0.0, 0.0, math.nan)}, 'offset'),
        ({'speed': 0.0}, 'speed'),
        ({'speed': 0.3}, 'speed'),
        ({'tolerance': 0.0}, 'tolerance'),
        ({'timeout_s': math.inf}, 'timeout_s'),
    ],
)
def test_bad_settings_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        StartConfig(**values)
