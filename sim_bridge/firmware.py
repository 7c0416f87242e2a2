# SPDX-License-Identifier: Apache-2.0
"""Stand-in for the firmware's joint controller: velocity commands to torques, gently blocked."""

import mujoco
import numpy as np

from robot_rl.control.kinematics import least_squares
from robot_rl.control.robot import RobotConfig
from robot_rl.types import FloatArray, JointCommand


class Firmware:
    """Integrates the commanded velocity into a set-point per joint that springs pull to.

    The springs and dampers are the actuators that `scene.build` adds; their activations are the
    set-points.
    """

    def __init__(self, model: mujoco.MjModel, robot: RobotConfig) -> None:
        """Finds the robot's joints, tool and actuators in a compiled scene."""
        low, names = robot.low_level, robot.joints
        self._model = model
        self._qpos = np.array([model.joint(n).qposadr[0] for n in names])
        self._dofs = np.array([model.joint(n).dofadr[0] for n in names])
        self._springs = np.array([model.actuator(f'{n}_spring').actadr[0] for n in names])
        self._tool = model.body(robot.tool_frame).id
        self._stiffness = np.array(low.stiffness)
        self._push_limit = np.repeat([low.push_force, low.push_torque], 3)
        self._jacobian = np.zeros((6, model.nv))

    def place(self, data: mujoco.MjData, position: FloatArray) -> None:
        """Puts joints and set-points at positions [J]."""
        data.qpos[self._qpos] = position
        data.act[self._springs] = position

    def take(self, data: mujoco.MjData, command: JointCommand | None) -> None:
        """Hands a command, or standing still without one, to the actuators."""
        velocity = np.zeros(len(self._qpos))
        if command is not None and command.mode == 'velocity':
            velocity[:] = command.value
        elif command is not None:
            data.act[self._springs] = command.value
        data.ctrl[:] = np.tile(velocity, 2)

    def hold_back(self, data: mujoco.MjData) -> None:
        """Pulls the set-point back until the tool's force is within `push_force` on each axis.

        At rest the spring's torques K e, beyond what carries the arm's own weight, balance the
        force and torque F [6] at the tool, so the set-point leads the tool by J e = C F with the
        compliance C = J K^-1 J^T. Where F is too large on an axis, the lead shrinks along that
        axis alone, by excess / (C^-1)_ii; motion across a blocked direction goes on freely.
        """
        weight = data.qfrc_bias[self._dofs] - data.qfrc_gravcomp[self._dofs]
        lead = data.act[self._springs] - data.qpos[self._qpos] - weight / self._stiffness
        point = data.xpos[self._tool]
        mujoco.mj_jac(self._model, data, self._jacobian[:3], self._jacobian[3:], point, self._tool)
        jacobian = self._jacobian[:, self._dofs]
        rigidity = np.linalg.inv((jacobian / self._stiffness) @ jacobian.T)
        push = rigidity @ (jacobian @ lead)
        excess = push - np.clip(push, -self._push_limit, self._push_limit)
        if excess.any():
            shrink = excess / np.diag(rigidity)
            data.act[self._springs] -= least_squares(jacobian, shrink, 0.0)
