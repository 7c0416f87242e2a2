# SPDX-License-Identifier: Apache-2.0
"""From a policy's action to joint velocities: base controller plus scaled residual."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from robot_rl.control.base import BASES, BaseConfig
from robot_rl.control.kinematics import (
    Kinematics,
    least_squares,
    rotation_from_rpy,
    rotation_vector,
)
from robot_rl.types import Action, FloatArray, JointCommand, JointState, Observation

AXES = ('x', 'y', 'z')


@dataclass(frozen=True)
class ActionConfig:
    """What the A numbers of an action mean.

    Attributes:
        axes: base-frame axis of each number.
        scale: m per action period at |a| = 1, shape [A].
    """

    axes: tuple[Literal['x', 'y', 'z'], ...]
    scale: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuses repeated axes and scales that do not match."""
        if not self.axes or len(set(self.axes)) != len(self.axes):
            raise ValueError(f'action: axes: expected distinct axes, got {list(self.axes)}')
        if len(self.scale) != len(self.axes):
            raise ValueError(
                f'action: scale: expected {len(self.axes)} values, one an axis, '
                f'got {len(self.scale)}'
            )
        if not all(scale >= 0 for scale in self.scale):
            raise ValueError(f'action: scale: must not be negative, got {list(self.scale)}')

    @property
    def size(self) -> int:
        """A."""
        return len(self.axes)

    def expand(self, values: FloatArray) -> FloatArray:
        """Displacement per action period, m, base frame, shape [3], of an action [A]."""
        full = np.zeros(3)
        full[[AXES.index(axis) for axis in self.axes]] = np.asarray(self.scale) * values
        return full


@dataclass(frozen=True)
class ControllerConfig:
    """Everything the controller needs besides the arm itself.

    Attributes:
        action: axes and scale of the residual.
        base: the controller that it corrects.
        goal_rpy: rad, orientation of the tool that is held.
        action_hz: actions a second.
        control_hz: commands a second.
        damping: of the least squares; m/rad near which a direction counts as singular.
        orientation_gain: 1/s, share of the orientation error corrected a second.
        posture_gain: 1/s, pull of the redundant joints to the home posture.
    """

    action: ActionConfig
    base: BaseConfig
    goal_rpy: tuple[float, float, float]
    action_hz: float
    control_hz: float
    damping: float = 0.01
    orientation_gain: float = 4.0
    posture_gain: float = 0.2

    def __post_init__(self) -> None:
        """Refuses rates and gains without meaning."""
        if not 0 < self.action_hz <= self.control_hz:
            raise ValueError('controller: expected 0 < action_hz <= control_hz')
        if not self.damping > 0:
            raise ValueError('controller: damping must be above 0')
        if not (self.orientation_gain >= 0 and self.posture_gain >= 0):
            raise ValueError('controller: gains must not be negative')


class Controller:
    """Holds the displacement of the last action and turns it into joint velocities.

    At an action tick k it fixes u_k = pi_H(s_k) + scale * a_k (Nair 2022, eq. 28). At every
    control tick the tool velocity v = u_k / T and the turn towards the held orientation go
    through damped least squares; what the redundancy leaves free pulls to the home posture:

        dq = J^T (J J^T + d^2 I)^-1 [v; w] + (I - J^+ J) g (q_home - q).
    """

    def __init__(self, config: ControllerConfig, kinematics: Kinematics, home: FloatArray) -> None:
        """Takes the arm and its home posture, rad, shape [J]."""
        self._config = config
        self._kinematics = kinematics
        self._home = np.asarray(home, dtype=np.float64)
        self._base = BASES[config.base.kind](config.base, 1.0 / config.action_hz)
        self._goal_rotation = rotation_from_rpy(np.asarray(config.goal_rpy))
        # One control period of grace, so that an action that comes a little late leaves no gap.
        self._validity_ns = round(1e9 / config.action_hz) + round(1e9 / config.control_hz)
        self.reset()

    def reset(self) -> None:
        """Forgets the action: commands are zero until the next."""
        self._velocity_xyz: FloatArray | None = None
        self._stamp_ns = 0

    def set_action(self, observation: Observation, action: Action, state: JointState) -> None:
        """Takes the answer to an observation.

        Args:
            observation: holds `achieved_goal` and `desired_goal` (m, base frame, shape [3]) and
                `tool_wrench` (N and N m, tool frame, shape [6]).
            action: in [-1, 1], shape [A].
            state: joints at that time; they turn the wrench into the base frame.
        """
        entries = observation.entries
        tool = self._kinematics.evaluate(state.position)
        force_xyz = tool.rotation @ np.asarray(entries['tool_wrench'][:3], dtype=np.float64)
        move = self._base.displacement(
            np.asarray(entries['achieved_goal'], dtype=np.float64),
            np.asarray(entries['desired_goal'], dtype=np.float64),
            force_xyz,
        )
        move = move + self._config.action.expand(action.values)
        self._velocity_xyz = move * self._config.action_hz
        self._stamp_ns = observation.stamp_ns

    def command(self, state: JointState, now_ns: int) -> JointCommand:
        """Joint velocities for the control period that begins now.

        Zero without an action, and once the last one is older than its period plus one control
        period of grace.
        """
        if self._velocity_xyz is None or now_ns - self._stamp_ns >= self._validity_ns:
            return JointCommand(state.stamp_ns, 'velocity', np.zeros(len(self._home)))
        return self.drive(state, self._velocity_xyz)

    def drive(self, state: JointState, velocity_xyz: FloatArray) -> JointCommand:
        """Joint velocities that move the tool at a velocity, m/s, base frame, shape [3].

        The orientation is held all the while.
        """
        config = self._config
        tool, position = self._kinematics.evaluate(state.position), state.position
        turn = rotation_vector(self._goal_rotation @ tool.rotation.T)
        posture = config.posture_gain * (self._home - position)
        # J^+ (twist - J posture) + posture is the same as the two terms of the docstring.
        twist = np.concatenate((velocity_xyz, config.orientation_gain * turn))
        twist -= tool.jacobian @ posture
        value = least_squares(tool.jacobian, twist, config.damping) + posture
        return JointCommand(state.stamp_ns, 'velocity', value)
