# SPDX-License-Identifier: Apache-2.0
"""Plans: the straight motion where it is free, else RRT-Connect, then a time law.

Where another planner finds the way, it is looked at here before it is given out: joint limits,
and that nothing touches anything, in steps in which no point of the arm moves more than 2 mm.
"""

import itertools
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from robot_rl.control.kinematics import Kinematics
from robot_rl.control.robot import RobotConfig
from robot_rl.errors import InputError
from robot_rl.planning.collision import CollisionChecker
from robot_rl.planning.config import Obstacle, PlannerConfig
from robot_rl.planning.rrt import connect, shorten
from robot_rl.planning.timing import Trajectory, time_law
from robot_rl.types import FloatArray

#: m, that every posture of a way that others have found must keep.
LOOK_M = 1e-3
#: rad or m, by which such a way may miss its ends, which are then put in their place.
ENDS = 0.01


class Finder(Protocol):
    """Another planner, such as MoveIt."""

    def __call__(self, start: FloatArray, goal: FloatArray) -> list[FloatArray]:
        """Postures [J] on a way from start to goal; `InputError` where it finds none."""


class Planner:
    """Plans motions of one robot; nothing unchecked is ever returned."""

    def __init__(
        self,
        robot: RobotConfig,
        config: PlannerConfig,
        obstacles: Sequence[Obstacle] = (),
        finder: Finder | None = None,
    ) -> None:
        """Compiles the arm and its surroundings.

        Args:
            robot: whose motions they are.
            config: of the embedded planner and the time law.
            obstacles: what stands around the robot.
            finder: looks for ways in its place.
        """
        self._config, self._joints, self._finder = config, robot.joints, finder
        margin = LOOK_M if finder else config.margin
        self.checker = CollisionChecker(robot, obstacles, margin)
        kinematics = Kinematics(robot)
        self._limits = kinematics.position_limits
        # Joints that turn without end are drawn from one turn to either side.
        self._drawn = np.clip(self._limits, -np.pi, np.pi)
        self._speed = kinematics.velocity_limits * config.speed_scale

    def plan(self, start: FloatArray, goal: FloatArray, seed: int = 0) -> Trajectory:
        """A motion from rest to rest.

        Args:
            start: rad or m, shape [J].
            goal: rad or m, shape [J].
            seed: of the search.

        Raises:
            InputError: an end outside the joint limits or in collision, or no way was found.
        """
        return time_law(self.path(start, goal, seed), self._speed, self._config)

    def path(self, start: FloatArray, goal: FloatArray, seed: int = 0) -> list[FloatArray]:
        """Postures [J] between which straight motions are free; see `plan`."""
        for name, position in (('start', start), ('goal', goal)):
            self._check(name, position)
        checker, rng = self.checker, np.random.default_rng(seed)
        if self._finder is not None:
            found = self._looked_at(start, goal, self._finder(start.copy(), goal.copy()))
            return shorten(found, checker.motion_free, rng)
        if checker.motion_free(start, goal):
            return [start, goal]
        seconds = self._config.seconds
        way = connect(start, goal, self._drawn, checker.motion_free, rng, seconds)
        if way is None:
            raise InputError(f'planning: no free way found in {seconds:g} s')
        return shorten(way, checker.motion_free, rng)

    def _looked_at(
        self, start: FloatArray, goal: FloatArray, found: list[FloatArray]
    ) -> list[FloatArray]:
        """A way from start to goal over postures that others have found.

        Raises:
            InputError: it ends elsewhere, leaves the joint limits, or touches something.
        """
        if not found:
            raise InputError('planning: the way that was found has no postures')
        turn = self._turns(start - found[0])
        found = [position + turn for position in found]
        goal = goal + self._turns(found[-1] - goal)
        for number, position in enumerate(found):
            self._check(f'posture {number} of {len(found)}', position)
        for name, end, there in (('start', start, found[0]), ('goal', goal, found[-1])):
            if not np.abs(there - end).max() <= ENDS:
                raise InputError(f'planning: the way that was found misses its {name}')
        way = [start, *found[1:-1], goal]
        for number, (before, after) in enumerate(itertools.pairwise(way)):
            if not self.checker.motion_free(before, after):
                raise InputError(f'planning: the way found touches after its posture {number}')
        return way

    def _turns(self, way: FloatArray) -> FloatArray:
        """Whole turns nearest to a difference, of joints that turn without end, rad, [J]."""
        turns = 2 * np.pi * np.round(way / (2 * np.pi))
        return np.where(np.isinf(self._limits).any(axis=1), turns, 0.0)

    def _check(self, name: str, position: FloatArray) -> None:
        lower, upper = self._limits.T
        outside = np.flatnonzero(~((position >= lower) & (position <= upper)))
        if len(outside):
            joint = outside[0]
            raise InputError(
                f'planning: {name}: joint {self._joints[joint]} at {position[joint]:.3f}: '
                f'expected {lower[joint]:.3f} to {upper[joint]:.3f}'
            )
        touching = self.checker.names(position)
        if touching:
            raise InputError(f'planning: {name}: {touching[0][0]} touches {touching[0][1]}')
