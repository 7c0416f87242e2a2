# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for the firmware's joint controller: from commands to joint torques."""

import math
from collections.abc import Sequence

import mujoco
import numpy as np
from numpy.typing import NDArray

from robot_rl.control.kinematics import least_squares
from robot_rl.control.robot import RobotConfig
from robot_rl.errors import InputError
from robot_rl.types import CommandMode, FloatArray, JointCommand

_KINDS = ('spring', 'damper')
TINY = 1e-12  # N/m; less than the rigidity of any axis that can be pushed along
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
        self._qpos = together([model.joint(n).qposadr[0] for n in names])
        self._dofs = np.array([model.joint(n).dofadr[0] for n in names])
        self._springs = together([model.actuator(f'{n}_spring').actadr[0] for n in names])
        self._last = (
            model.joint(names[-1]).qposadr[0],
            model.actuator(f'{names[-1]}_spring').actadr[0],
        )
        self._compensates = low.gravity_compensation
        self._tool = model.body(robot.tool_frame).id
        self._stiffness = np.array(low.stiffness)
        self._push_limit = np.repeat([low.push_force, low.push_torque], 3)
        self._jacobian = np.zeros((6, model.nv))
        # Fewer joints than axes cannot move the tool along all of them.
        self._full = len(names) - robot.gripping >= 6
        self._index_fingers(model, robot)

    def _index_fingers(self, model: mujoco.MjModel, robot: RobotConfig) -> None:
        gripper = robot.gripper if robot.gripping else None
        followers = gripper.followers if gripper else {}
        self._lead = 1.5 * gripper.force / gripper.stiffness if gripper else 0.0
        self._closing = np.sign(gripper.closed - gripper.open) if gripper else 0.0
        self._shares = np.array(list(followers.values()))
        self._fingers = np.array([model.actuator(f'{n}_spring').id for n in followers], int)
        self._finger_qpos = np.array([model.joint(n).qposadr[0] for n in followers], int)
        arm = [model.actuator(f'{n}_{kind}').id for kind in _KINDS for n in robot.joints]
        self._arm = np.array(arm)

    def place(self, data: mujoco.MjData, position: FloatArray, squeeze: bool = False) -> None:
        """Puts joints at rest at positions [J], the springs carrying what nothing else carries.

        With `squeeze`, fingers press with all their force on what is between them.
        """
        data.qpos[self._qpos] = position
        data.act[self._springs] = position
        data.act[self._last[1]] += squeeze * self._closing * self._lead
        data.qpos[self._finger_qpos] = self._shares * position[-1]
        data.ctrl[self._fingers] = self._shares * data.act[self._last[1]]
        if not self._compensates:
            mujoco.mj_forward(self._model, data)
            data.act[self._springs] += data.qfrc_bias[self._dofs] / self._stiffness

    def take(self, data: mujoco.MjData, command: JointCommand | None) -> None:
        """Hands a command, or standing still without one, to the actuators."""
        velocity = np.zeros(len(self._dofs))
        if command is not None and command.mode == 'velocity':
            velocity[:] = command.value
        elif command is not None:
            data.act[self._springs] = command.value
        data.ctrl[self._arm] = np.concatenate((velocity, velocity))

    def hold_back(self, data: mujoco.MjData) -> None:
        """Pulls the set-point back until the tool's force is within `push_force` on each axis.

        At rest the spring's torques K e, beyond what carries the arm's own weight, balance the
        force and torque F [6] at the tool, so the set-point leads the tool by J e = C F with the
        compliance C = J K^-1 J^T. Where F is too large on an axis, the lead shrinks along that
        axis alone, by excess / (C^-1)_ii; motion across a blocked direction goes on freely. Cycle
        by cycle that is Jacobi's method, which many axes at once can make diverge; then a
        smaller step is taken. With fewer than 6 joints F is the least that balances the torques,
        and C^-1 and J^-1 are pseudo-inverses.

        The leading finger's set-point runs ahead of it far enough for the full squeeze and no
        further, so that it opens at once; the other fingers' set-points follow it.
        """
        springs, limit = self._springs, self._push_limit
        weight = (data.qfrc_bias - data.qfrc_gravcomp)[self._dofs]
        lead = data.act[springs] - data.qpos[self._qpos] - weight / self._stiffness
        point = data.xpos[self._tool]
        mujoco.mj_jac(self._model, data, self._jacobian[:3], self._jacobian[3:], point, self._tool)
        jacobian = self._jacobian[:, self._dofs]
        if self._full:
            rigidity = np.linalg.inv((jacobian / self._stiffness) @ jacobian.T)
        else:
            inverse = np.linalg.solve(jacobian.T @ jacobian, jacobian.T)
            rigidity = (inverse.T * self._stiffness) @ inverse
        push = rigidity @ (jacobian @ lead)
        excess = push - np.minimum(np.maximum(push, -limit), limit)
        if excess.any():
            shrink = _shrink(rigidity, excess)
            full = self._full
            back = least_squares(jacobian, shrink, 0.0) if full else inverse @ shrink
            data.act[springs] -= back
        if self._lead:
            joint, finger = self._last
            q = data.qpos[joint]
            point = min(max(data.act[finger], q - self._lead), q + self._lead)
            data.act[finger] = point
            data.ctrl[self._fingers] = self._shares * point


def together(places: Sequence[int]) -> slice | NDArray[np.int_]:
    """Places in an array, as a slice where each follows the other: that is faster to read."""
    first = int(places[0])
    in_a_row = list(places) == list(range(first, first + len(places)))
    return slice(first, first + len(places)) if in_a_row else np.array(places)


def _shrink(rigidity: FloatArray, excess: FloatArray) -> FloatArray:
    """How much less the set-point should lead on each axis, m and rad, shape [6].

    Excess / R_ii, in a step of 1 at most with which Jacobi's method on the n active axes
    converges. It does for steps below 2 / lambda_max(S), S = D^-1/2 R D^-1/2 with D the diagonal
    of R. As S has a diagonal of ones, lambda_max <= 1 + sqrt((n - 1) (||S||^2 / n - 1)) with the
    Frobenius norm (Wolkowicz and Styan 1980); one or two axes alone are met exactly.

    Args:
        rigidity: R, symmetric and not negative, shape [6, 6].
        excess: force and torque above their limits, N and N m, zero on axes that are not active.
    """
    diagonal = np.maximum(rigidity.diagonal(), TINY)
    count = np.count_nonzero(excess)
    active = (excess != 0.0) / diagonal
    spread = float(active @ (rigidity * rigidity) @ active) / count - 1.0
    largest = 1.0 + math.sqrt(max(0.0, (count - 1) * spread))
    return np.asarray((1.0 if largest < STABLE else 1.0 / largest) * excess / diagonal)


class TorqueFirmware:
    """Passes torques on to the joints; without a command there are none."""

    modes: tuple[CommandMode, ...] = ('torque',)

    def __init__(self, model: mujoco.MjModel, robot: RobotConfig) -> None:
        """Finds the robot's joints in a compiled scene."""
        self._qpos = np.array([model.joint(n).qposadr[0] for n in robot.joints])

    def place(self, data: mujoco.MjData, position: FloatArray, squeeze: bool = False) -> None:
        """Puts joints at positions [J]; motors have no set-point to squeeze with."""
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


def check_command(
    command: JointCommand, modes: tuple[CommandMode, ...], robot: RobotConfig
) -> None:
    """Refuses what a low-level controller cannot obey.

    Raises:
        InputError: wrong number of joints, a value that is not finite, or a mode that the
            controller does not understand.
    """
    if command.mode not in modes:
        expected = ' or '.join(modes)
        raise InputError(
            f'command: robot {robot.name} expects mode {expected}, got {command.mode!r}'
        )
    size = len(robot.joints)
    if command.value.shape != (size,) or not np.isfinite(command.value).all():
        raise InputError(f'command: expected {size} finite values, got {command.value!r}')
