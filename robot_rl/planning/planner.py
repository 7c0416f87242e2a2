# SPDX-License-Identifier: Apache-2.0
"""Plans: the straight motion where it is free, else RRT-Connect, then a time law."""

import numpy as np

from robot_rl.control.kinematics import Kinematics
from robot_rl.control.robot import RobotConfig
from robot_rl.errors import InputError
from robot_rl.planning.collision import CollisionChecker
from robot_rl.planning.config import PlannerConfig
from robot_rl.planning.rrt import connect, shorten
from robot_rl.planning.timing import Trajectory, time_law
from robot_rl.types import FloatArray


class Planner:
    """Plans motions of one robot; nothing unchecked is ever returned."""

    def __init__(self, robot: RobotConfig, config: PlannerConfig) -> None:
        """Compiles the arm and its surroundings."""
        self._config, self._joints = config, robot.joints
        self.checker = CollisionChecker(robot, config.obstacles, config.margin)
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
        if checker.motion_free(start, goal):
            return [start, goal]
        seconds = self._config.seconds
        way = connect(start, goal, self._drawn, checker.motion_free, rng, seconds)
        if way is None:
            raise InputError(f'planning: no free way found in {seconds:g} s')
        return shorten(way, checker.motion_free, rng)

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
