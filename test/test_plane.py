# SPDX-License-Identifier: Apache-2.0
"""Tasks in the plane: walls of the navigation task, and robots with two joints."""

import itertools
import math

import mujoco
import numpy as np
import pytest
from robot_stage import play, quiet

from robot_rl.errors import InputError
from robot_rl.task import load_task
from robot_rl.types import JointCommand
from sim_bridge.build import make_world
from sim_bridge.experts.plane import clear, shortest_way
from sim_bridge.tasks.navigation import BAR, LAYOUTS, ROOM, clearance
from sim_bridge.tasks.plane import AREA, RADIUS
from sim_bridge.world import World

NUMBERS = range(len(LAYOUTS))


def navigation(layout, name='particle'):
    """A world with these walls and without sensor noise."""
    options = {'layout': layout}
    return World('navigation', quiet(name), np.zeros(3), np.zeros(3), 20.0, options)


def test_there_are_fifteen_different_layouts():
    assert len(set(LAYOUTS)) == 15


def test_clearance_is_the_distance_from_the_nearest_wall():
    points = np.array([[0.0, 0.0], [0.0, BAR[1] + 0.1], [BAR[0] + 0.03, BAR[1] + 0.04]])
    np.testing.assert_allclose(clearance(0, points), [0.0, 0.1, 0.05])
    np.testing.assert_allclose(clearance(1, points[:, ::-1]), [0.0, 0.1, 0.05])


@pytest.mark.parametrize('layout', NUMBERS)
def test_every_place_can_be_reached_from_every_other(layout):
    """From one free point to free points all over the arena."""
    ticks = np.linspace(-AREA, AREA, 7)
    points = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    points = points[clearance(layout, points) > RADIUS + ROOM]
    assert len(points) > 30
    for goal in points[1::6]:
        way = shortest_way(layout, points[0], goal)
        assert np.linalg.norm(way[0] - points[0]) < 0.03
        assert all(clear(layout, a, b) for a, b in itertools.pairwise(way))
        np.testing.assert_array_equal(way[-1], goal)


@pytest.mark.parametrize('layout', NUMBERS)
def test_walls_stand_where_the_layout_has_them(layout):
    """Starts touch nothing, and the ball touches where `clearance` says so."""
    world = navigation(layout)
    for seed in range(5):
        world.reset(seed)
        assert world.data.ncon == 0
        assert world.scene_state()['layout'][layout] == 1
    for point in np.random.default_rng(layout).uniform(-AREA, AREA, (20, 2)):
        world.data.qpos[:] = point
        mujoco.mj_forward(world.model, world.data)
        apart = float(clearance(layout, point))
        assert (world.data.ncon > 0) == (apart < RADIUS) or abs(apart - RADIUS) < 1e-3


def test_another_layout_in_each_episode_where_none_is_named():
    world = make_world(load_task('navigation'), quiet('particle'))
    seen = set()
    for seed in range(40):
        world.reset(seed)
        seen.add(world.task.layout)
    assert len(seen) > 10


@pytest.mark.parametrize('layout', [-2, 15])
def test_a_layout_that_there_is_not_is_refused(layout):
    with pytest.raises(InputError, match=rf'layout: expected -1 to 14, got {layout}'):
        navigation(layout)


def test_a_saved_state_brings_walls_and_goal_back():
    world = make_world(load_task('navigation'), quiet('particle'))
    world.reset(1)
    saved, told = world.save_state(), world.scene_state()
    walls = world.data.mocap_pos.copy()
    world.reset(2)
    assert (world.data.mocap_pos != walls).any()
    world.load_state(saved)
    np.testing.assert_array_equal(world.data.mocap_pos, walls)
    for name, value in world.scene_state().items():
        np.testing.assert_array_equal(value, told[name])


def test_a_blocked_point_pushes_with_bounded_force_and_slides_on():
    world = navigation(0)
    world.reset(0)
    world._firmware.place(world.data, np.array([-0.1, -0.06]))
    play(world, 1.0, [0.0, 0.1])
    limit = quiet('particle').low_level.push_force
    world.apply(JointCommand(0, 'velocity', np.array([0.0, 0.001])))
    world.step()
    assert world.wrench().force_xyz[1] == pytest.approx(-limit, rel=0.05)
    before = world.joint_state().position
    play(world, 0.5, [0.1, 0.1])
    moved = world.joint_state().position - before
    assert moved[0] == pytest.approx(0.05, rel=0.1)
    assert abs(moved[1]) < 1e-3


def test_two_hinges_move_as_commanded():
    world = World('reacher', quiet('reacher'), np.zeros(3), np.zeros(3), 20.0)
    world.reset(0)
    world._firmware.place(world.data, np.array([0.2, 0.9]))
    play(world, 1.0, [0.4, -0.6])
    np.testing.assert_allclose(world.joint_state().position, [0.6, 0.3], atol=0.01)


def test_goals_of_the_reacher_are_within_its_reach():
    world = World('reacher', quiet('reacher'), np.zeros(3), np.zeros(3), 20.0)
    for seed in range(100):
        world.reset(seed)
        assert 0.12 <= math.hypot(*world.scene_state()['desired_goal']) <= 0.45
