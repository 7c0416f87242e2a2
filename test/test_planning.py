# SPDX-License-Identifier: Apache-2.0
"""Collision checks, the search for a way, and its time law."""

import itertools

import mujoco
import numpy as np
import pytest

from robot_rl.control.kinematics import Kinematics
from robot_rl.control.robot import load_robot
from robot_rl.errors import InputError
from robot_rl.planning.collision import CollisionChecker
from robot_rl.planning.config import Obstacle, PlannerConfig
from robot_rl.planning.planner import Planner
from robot_rl.planning.rrt import connect, shorten
from robot_rl.planning.timing import time_law

ARMS = ('fetch', 'jaco', 'jaco_j2n6s300', 'sawyer')
ROBOT = load_robot('sawyer')
HOME = np.array(ROBOT.home)
LIMITS = Kinematics(ROBOT).position_limits


@pytest.mark.parametrize('name', ARMS)
def test_home_is_free_and_an_arm_folded_into_itself_is_not(name: str) -> None:
    robot = load_robot(name)
    checker, rng = CollisionChecker(robot), np.random.default_rng(0)
    assert checker.free(np.array(robot.home))
    lower, upper = np.clip(Kinematics(robot).position_limits, -np.pi, np.pi).T
    found = [checker.free(rng.uniform(lower, upper)) for _ in range(100)]
    assert 0.2 < np.mean(found) < 1.0


def test_an_obstacle_at_home_is_named() -> None:
    tool = Kinematics(ROBOT).evaluate(HOME).position_xyz
    box = Obstacle('box', tuple(tool.tolist()), (0.05, 0.05, 0.05))
    with pytest.raises(InputError, match=r'planning: .*box.* at home'):
        CollisionChecker(ROBOT, [box])


def test_no_point_between_the_steps_of_a_free_motion_touches() -> None:
    """Motions that were found free are looked at ten times as finely, without any margin."""
    rng, checker = np.random.default_rng(1), CollisionChecker(ROBOT, margin_m=0.02)
    bare, seen = CollisionChecker(ROBOT, margin_m=1e-6), 0
    while seen < 5:
        start, end = rng.uniform(LIMITS[:, 0], LIMITS[:, 1], (2, 7))
        if not (checker.free(start) and checker.free(end) and checker.motion_free(start, end)):
            continue
        seen += 1
        assert all(bare.free(start + (end - start) * s) for s in np.linspace(0, 1, 1500))


def test_no_point_of_the_arm_moves_further_than_the_bound() -> None:
    robot, rng = load_robot('fetch'), np.random.default_rng(2)
    checker = CollisionChecker(robot)
    model, data = checker._model, checker._data

    def corners(position: np.ndarray) -> np.ndarray:
        data.qpos[checker._columns] = position
        mujoco.mj_kinematics(model, data)
        return np.array(data.geom_xpos)

    for _ in range(50):
        position, step = rng.uniform(-2, 2, 7), rng.normal(0, 1e-3, 7)
        moved = np.linalg.norm(corners(position + step) - corners(position), axis=1).max()
        assert moved <= np.abs(step) @ checker._radii


def test_the_search_finds_the_gap_in_a_wall_and_shortens_the_way() -> None:
    def free(a: np.ndarray, b: np.ndarray) -> bool:
        points = a + np.linspace(0, 1, 200)[:, None] * (b - a)
        wall = np.abs(points[:, 0]) < 0.1
        return not bool((wall & (np.abs(points[:, 1] - 2.0) > 0.3)).any())

    limits, rng = np.array([[-3.0, 3.0], [-3.0, 3.0]]), np.random.default_rng(0)
    start, goal = np.array([-2.0, -2.0]), np.array([2.0, -2.0])
    way = connect(start, goal, limits, free, rng, 20.0)
    assert way is not None
    np.testing.assert_array_equal(way[0], start)
    np.testing.assert_array_equal(way[-1], goal)
    assert all(free(a, b) for a, b in itertools.pairwise(way))
    short = shorten(way, free, rng)
    assert len(short) <= len(way)
    assert all(free(a, b) for a, b in itertools.pairwise(short))


def test_no_way_is_no_motion() -> None:
    limits, rng = np.array([[-1.0, 1.0]]), np.random.default_rng(0)
    way = connect(np.array([-0.5]), np.array([0.5]), limits, lambda a, b: False, rng, 0.05)
    assert way is None


@pytest.mark.parametrize(
    ('end', 'words'),
    [
        (HOME + np.array([9.0, 0, 0, 0, 0, 0, 0]), 'planning: goal: joint right_j0 at 8.77'),
        (np.full(7, np.nan), 'planning: goal: joint right_j0 at nan'),
    ],
)
def test_ends_outside_the_limits_are_named(end: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Planner(ROBOT, PlannerConfig()).path(HOME, end)


def test_the_time_law_keeps_speed_acceleration_and_the_line() -> None:
    config = PlannerConfig(acceleration=2.0, jerk=10.0)
    path = [np.zeros(3), np.array([1.0, -0.5, 0.0]), np.array([1.0, -0.5, 0.7])]
    speed = np.array([0.5, 0.4, 0.3])
    motion = time_law(path, speed, config)
    times = np.arange(0.0, motion.duration_s, 1e-3)
    states = [motion.at(t) for t in times]
    positions, velocities = (np.array(a) for a in zip(*states, strict=True))
    assert (np.abs(velocities) <= speed + 1e-9).all()
    assert np.abs(np.diff(velocities, axis=0)).max() <= config.acceleration * 1e-3 + 1e-6
    np.testing.assert_allclose(np.gradient(positions[:, 0], 1e-3), velocities[:, 0], atol=2e-3)
    first = positions[positions[:, 2] == 0.0]
    np.testing.assert_allclose(first[:, 1], -0.5 * first[:, 0], atol=1e-12)
    np.testing.assert_array_equal(motion.at(motion.duration_s + 1)[0], path[-1])
    assert not motion.at(motion.duration_s + 1)[1].any()
    standing = time_law([path[0], path[0]], speed, config)
    assert standing.duration_s == 0.0
    np.testing.assert_array_equal(standing.at(0.5)[0], path[0])


@pytest.mark.parametrize(
    ('values', 'words'),
    [
        ({'margin': 0.0}, 'margin'),
        ({'speed_scale': 1.5}, 'speed_scale'),
    ],
)
def test_bad_settings_are_refused(values: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        PlannerConfig(**values)


def test_a_flat_obstacle_is_refused() -> None:
    with pytest.raises(ValueError, match='obstacle table: half'):
        Obstacle('table', (0, 0, 0), (1.0, 1.0, 0.0))
