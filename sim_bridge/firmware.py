# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for the firmware's joint controller: from commands to joint torques."""

import mujoco
import numpy as np
from numpy.typing import NDArray

from robot_rl.control.kinematics import least_squares
from robot_rl.control.robot import RobotConfig
from robot_rl.types import CommandMode, FloatArray, JointCommand

_KINDS = ('spring', 'damper')
STABLE = 1.9  # largest eigenvalue, below 2 with a margin, at which Jacobi's full step is taken


class SpringFirmware:
    """Joint velocity, and joint position with impedance: springs and dampers, gently blocked.

    A commanded velocity is integrated into a set-point per joint that springs pull to; a
    commanded position is that set-point at once. The springs and dampers are the actuators that
    `scene.build` adds; their activations are the set-points.
    """

    modes: tuple[CommandMode, ...] = ('velocity', 'position')

    def __init__(self, model: mujoco.MjModel, robot: RobotConfig) -> None:
        """Finds the robot's joints, tool and actuators in a compiled scene."""
        low, names = robot.low_level, robot.joints
        self._model = model
        self._qpos = np.array([model.joint(n).qposadr[0] for n in names])
        self._dofs = np.array([model.joint(n).dofadr[0] for n in names])
        self._springs = np.array([model.actuator(f'{n}_spring').actadr[0] for n in names])
        self._compensates = low.gravity_compensation
        self._tool = model.body(robot.tool_frame).id
        self._stiffness = np.array(low.stiffness)
        self._push_limit = np.repeat([low.push_force, low.push_torque], 3)
        self._jacobian = np.zeros((6, model.nv))
        self._index_fingers(model, robot)

    def _index_fingers(self, model: mujoco.MjModel, robot: RobotConfig) -> None:
        gripper = robot.gripper if robot.gripping else None
        followers = gripper.followers if gripper else {}
        self._lead = 1.5 * gripper.force / gripper.stiffness if gripper else 0.0
        self._shares = np.array(list(followers.values()))
        self._fingers = np.array([model.actuator(f'{n}_spring').id for n in followers], int)
        self._finger_qpos = np.array([model.joint(n).qposadr[0] for n in followers], int)
        arm = [model.actuator(f'{n}_{kind}').id for kind in _KINDS for n in robot.joints]
        self._arm = np.array(arm)

    def place(self, data: mujoco.MjData, position: FloatArray) -> None:
        """Puts joints at rest at positions [J], the springs carrying what nothing else carries."""
        data.qpos[self._qpos] = position
        data.act[self._springs] = position
        data.qpos[self._finger_qpos] = data.ctrl[self._fingers] = self._shares * position[-1]
        if not self._compensates:
            mujoco.mj_forward(self._model, data)
            data.act[self._springs] += data.qfrc_bias[self._dofs] / self._stiffness

    def take(self, data: mujoco.MjData, command: JointCommand | None) -> None:
        """Hands a command, or standing still without one, to the actuators."""
        velocity = np.zeros(len(self._qpos))
        if command is not None and command.mode == 'velocity':
            velocity[:] = command.value
        elif command is not None:
            data.act[self._springs] = command.value
        data.ctrl[self._arm] = np.tile(velocity, 2)

    def hold_back(self, data: mujoco.MjData) -> None:
        """Pulls the set-point back until the tool's force is within `push_force` on each axis.

        At rest the spring's torques K e, beyond what carries the arm's own weight, balance the
        force and torque F [6] at the tool, so the set-point leads the tool by J e = C F with the
        compliance C = J K^-1 J^T. Where F is too large on an axis, the lead shrinks along that
        axis alone, by excess / (C^-1)_ii; motion across a blocked direction goes on freely. Cycle
        by cycle that is Jacobi's method, which many axes at once can make diverge; then a
        smaller step is taken.

        The leading finger's set-point runs ahead of it far enough for the full squeeze and no
        further, so that it opens at once; the other fingers' set-points follow it.
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
            shrink = _share(rigidity, excess != 0.0) * excess / np.diag(rigidity)
            data.act[self._springs] -= least_squares(jacobian, shrink, 0.0)
        if self._lead:
            finger = self._springs[-1]
            q = data.qpos[self._qpos[-1]]
            data.act[finger] = min(max(data.act[finger], q - self._lead), q + self._lead)
            data.ctrl[self._fingers] = self._shares * data.act[finger]


def _share(rigidity: FloatArray, active: NDArray[np.bool_]) -> float:
    """A step, 1 at most, with which Jacobi's method on the active axes converges.

    It does for steps below 2 / lambda_max(D^-1/2 R D^-1/2) with D the diagonal of R.

    Args:
        rigidity: R, symmetric and positive definite, shape [6, 6].
        active: which axes are too large, shape [6].
    """
    part = rigidity[np.ix_(active, active)]
    scale = 1.0 / np.sqrt(np.diag(part))
    largest = float(np.linalg.eigvalsh(part * scale * scale[:, None])[-1])
    return 1.0 if largest < STABLE else 1.0 / largest


class TorqueFirmware:
    """Passes torques on to the joints; without a command there are none."""

    modes: tuple[CommandMode, ...] = ('torque',)

    def __init__(self, model: mujoco.MjModel, robot: RobotConfig) -> None:
        """Finds the robot's joints in a compiled scene."""
        self._qpos = np.array([model.joint(n).qposadr[0] for n in robot.joints])

    def place(self, data: mujoco.MjData, position: FloatArray) -> None:
        """Puts joints at positions [J]."""
        data.qpos[self._qpos] = position

    def take(self, data: mujoco.MjData, command: JointCommand | None) -> None:
        """Hands a command, N m or N, to the motors, which limit it to the URDF's effort."""
        data.ctrl[:] = 0.0 if command is None else command.value

    def hold_back(self, data: mujoco.MjData) -> None:
        """Does nothing: a torque is what the tool pushes with."""


FIRMWARE: dict[CommandMode, type[SpringFirmware] | type[TorqueFirmware]] = {
    'velocity': SpringFirmware,
    'position': SpringFirmware,
    'torque': TorqueFirmware,
}
