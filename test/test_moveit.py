# SPDX-License-Identifier: Apache-2.0
"""Ways from MoveIt: asked for rightly, and never used unchecked; see `moveit_stand_in.py`."""

import itertools

import moveit_stand_in
import numpy as np
import pytest

from robot_rl import config
from robot_rl.control.kinematics import Kinematics
from robot_rl.control.robot import load_robot
from robot_rl.errors import InputError
from robot_rl.nodes import moveit
from robot_rl.planning.collision import CollisionChecker
from robot_rl.planning.config import MoveItConfig, Obstacle, PlannerConfig
from robot_rl.planning.planner import LOOK_M, Planner

ROBOT = load_robot('sawyer')
HOME = np.array(ROBOT.home)
GOAL = HOME + np.array([0.4, 0, 0, 0, 0, 0, 0])
LIMITS = Kinematics(ROBOT).position_limits


@pytest.fixture
def there(monkeypatch):
    """The stand-in, with the way that it gives."""
    stand_in = moveit_stand_in.install(monkeypatch)
    monkeypatch.setattr(stand_in, 'way', staticmethod(stand_in.way))
    return stand_in


@pytest.fixture
def setup(tmp_path):
    path = tmp_path / 'moveit.yaml'
    path.write_text('{}')
    return MoveItConfig(str(path), 'right_arm')


def give(stand_in, *ways):
    """Lets it answer with postures in the robot's order; MoveIt's own is the reverse."""
    stand_in.way = staticmethod(lambda *_: [posture[::-1] for posture in ways])


def planner(setup, obstacles=(), **changes):
    asked = PlannerConfig(moveit=setup, **changes)
    return Planner(ROBOT, asked, obstacles, moveit.finder(ROBOT, asked, obstacles))


def test_it_is_asked_by_joint_name_and_knows_the_obstacles(there, setup):
    box = Obstacle('box', (0.3, -1.0, 0.2), (0.1, 0.2, 0.3))
    motion = planner(setup, obstacles=(box,), seconds=2.0).plan(HOME, GOAL)
    np.testing.assert_array_equal(motion.path, [HOME, GOAL])
    start, goal = there.newest.states
    assert [start[name] for name in ROBOT.joints] == list(HOME)
    assert [goal[name] for name in ROBOT.joints] == list(GOAL)
    assert start.items() >= ROBOT.held.items()
    (told,) = there.newest.scene.objects.values()
    assert (told.id, told.header.frame_id) == ('box', 'base')
    np.testing.assert_allclose(told.primitives[0].dimensions, [0.2, 0.4, 0.6])
    assert told.primitive_poses[0].position.y == -1.0


def test_a_way_around_is_shortened_to_what_is_free(there, setup):
    around = HOME + np.array([0.2, 0.1, 0, 0, 0, 0, 0])
    ways = [HOME, *(HOME + s * (around - HOME) for s in np.linspace(0.1, 1, 10)), GOAL]
    give(there, *ways)
    found = planner(setup).path(HOME, GOAL)
    assert 2 <= len(found) < len(ways)
    fine = CollisionChecker(ROBOT, margin_m=LOOK_M / 2)
    assert all(fine.motion_free(a, b) for a, b in itertools.pairwise(found))


@pytest.mark.parametrize(
    ('ways', 'words'),
    [
        ([HOME, LIMITS[:, 1] + 0.1, GOAL], 'posture 1 of 3: joint right_j0'),
        ([HOME, np.full(7, np.nan), GOAL], 'posture 1 of 3: joint right_j0 at nan'),
        ([HOME + 0.1, GOAL], 'misses its start'),
        ([HOME, GOAL - 0.1], 'misses its goal'),
    ],
)
def test_ways_that_break_limits_or_end_elsewhere_are_refused(there, setup, ways, words):
    give(there, *ways)
    with pytest.raises(InputError, match=words):
        planner(setup).plan(HOME, GOAL)


def test_a_way_through_an_obstacle_is_refused(there, setup):
    """As from a MoveIt that does not know the table: home and goal are free, the way is not."""
    arm = Kinematics(ROBOT)
    between = arm.evaluate((HOME + GOAL) / 2).position_xyz
    box = Obstacle('box', tuple(between.tolist()), (0.02, 0.02, 0.02))
    with pytest.raises(InputError, match='touches after its posture 0'):
        planner(setup, obstacles=(box,)).plan(HOME, GOAL)


def test_no_way_is_an_error_with_its_code(there, setup):
    there.way = staticmethod(lambda *_: None)
    with pytest.raises(InputError, match='MoveIt found no way: error code -2'):
        planner(setup).plan(HOME, GOAL)


def test_whole_turns_of_a_joint_without_end_are_taken_back():
    jaco = load_robot('jaco')
    home, turn = np.array(jaco.home), np.array([2 * np.pi, 0, 0, 0, 0, 0])
    assert np.isinf(Kinematics(jaco).position_limits[0]).all()
    goal = home + 0.05 * turn
    found = Planner(jaco, PlannerConfig(), finder=lambda *_: [home - turn, goal - turn]).path(
        home, goal
    )
    np.testing.assert_allclose(found, [home, goal])


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'group': 'left_arm'}, r"start.planner.moveit: group 'left_arm' .*not found"),
        ({'parameters': 'none.yaml'}, 'start.planner.moveit: parameters: no such file: none.yaml'),
    ],
)
def test_a_set_up_that_does_not_fit_is_named(there, setup, changes, words):
    values = {'parameters': setup.parameters, 'group': setup.group} | changes
    with pytest.raises(InputError, match=words):
        planner(MoveItConfig(**values))


def test_a_group_that_lacks_joints_is_named(there, setup, monkeypatch):
    monkeypatch.setitem(moveit_stand_in.GROUPS, 'right_arm', ['right_j0', 'right_j1'])
    with pytest.raises(InputError, match=r"lacks: \['right_j2'"):
        planner(setup).plan(HOME, GOAL)


def test_without_the_package_auto_takes_the_embedded_planner_and_moveit_names_it(setup):
    if moveit.installed():
        pytest.skip('MoveIt is installed')
    assert moveit.finder(ROBOT, PlannerConfig(moveit=setup)) is None
    with pytest.raises(
        InputError, match=r'kind: moveit .* ROS package moveit_py is not installed'
    ):
        moveit.finder(ROBOT, PlannerConfig(kind='moveit', moveit=setup))


def test_who_plans_is_chosen_by_the_yaml(there, setup):
    assert moveit.finder(ROBOT, PlannerConfig()) is None
    assert moveit.finder(ROBOT, PlannerConfig(kind='embedded', moveit=setup)) is None
    for kind in ('auto', 'moveit'):
        given = {'kind': kind, 'moveit': {'parameters': setup.parameters, 'group': 'right_arm'}}
        asked = config.parse(PlannerConfig, given, 'task.yaml')
        assert isinstance(moveit.finder(ROBOT, asked), moveit.MoveIt)
    with pytest.raises(ValueError, match='kind: moveit needs the key moveit'):
        PlannerConfig(kind='moveit')
