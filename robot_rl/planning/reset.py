# SPDX-License-Identifier: Apache-2.0
"""The motion that brings an arm to where an episode starts."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from robot_rl.control.kinematics import Kinematics, inverse, rotation_from_rpy
from robot_rl.control.robot import RobotConfig
from robot_rl.planning.config import Obstacle
from robot_rl.planning.planner import Finder, Planner
from robot_rl.planning.start import StartConfig, WayOut
from robot_rl.planning.timing import Trajectory
from robot_rl.types import FloatArray, JointCommand, JointState

GAIN = 4.0  # 1/s, of the way back to the plan


class Drive(Protocol):
    """Joint velocities for a velocity of the tool, see `control.controller.Controller.drive`."""

    def __call__(self, state: JointState, velocity_xyz: FloatArray) -> JointCommand:
        """Holds the orientation."""


class ResetMotion:
    """Out along the approach axis, then along a planned way to the start.

    The plan is made where the way out ends, from the measured posture. Nothing unchecked is
    executed: where there is no plan, there is no motion.
    """

    def __init__(
        self,
        robot: RobotConfig,
        kinematics: Kinematics,
        config: StartConfig,
        goal_xyz: FloatArray,
        goal_rpy: FloatArray,
        obstacles: Sequence[Obstacle] = (),
        finder: Finder | None = None,
    ) -> None:
        """Finds the posture at the start.

        Args:
            robot: that moves.
            kinematics: of it.
            config: where the start is, and how the tool gets there.
            goal_xyz: true goal, m, base frame.
            goal_rpy: orientation there, rad.
            obstacles: what stands around the robot.
            finder: looks for the way instead of the embedded planner.

        Raises:
            InputError: there is none, or the arm is in collision there.
        """
        self._kinematics, self._config = kinematics, config
        self._way_out = WayOut(config, goal_xyz)
        self._planner = Planner(robot, config.planner, obstacles, finder)
        self._start_xyz = goal_xyz + np.asarray(config.offset)
        rotation = rotation_from_rpy(goal_rpy)
        self._target = inverse(kinematics, np.array(robot.home), self._start_xyz, rotation)
        self.restart()

    def restart(self) -> None:
        """Begins anew from wherever the arm is."""
        self._trajectory: Trajectory | None = None
        self._began_ns = 0

    def command(self, state: JointState, drive: Drive) -> JointCommand | None:
        """Joint velocities for the control period that begins now; None once the arm is there.

        Raises:
            InputError: no way was found from where the arm is.
        """
        tool_xyz = self._kinematics.evaluate(state.position).position_xyz
        if self._trajectory is None:
            velocity_xyz = self._way_out.velocity(tool_xyz)
            if velocity_xyz is not None:
                return drive(state, velocity_xyz)
            self._trajectory = self._planner.plan(state.position, self._target)
            self._began_ns = state.stamp_ns
        time_s = (state.stamp_ns - self._began_ns) * 1e-9
        if time_s >= self._trajectory.duration_s and self._near(tool_xyz):
            return None
        position, velocity = self._trajectory.at(time_s)
        value = velocity + GAIN * (position - state.position)
        return JointCommand(state.stamp_ns, 'velocity', value)

    def _near(self, tool_xyz: FloatArray) -> bool:
        return float(np.linalg.norm(tool_xyz - self._start_xyz)) <= self._config.tolerance
