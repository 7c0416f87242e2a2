# SPDX-License-Identifier: Apache-2.0
"""From a policy's action to joint velocities: base controller plus scaled residual."""

from dataclasses import dataclass

import numpy as np

from robot_rl.control.base import BASES, BaseConfig
from robot_rl.control.kinematics import (
    Kinematics,
    least_squares,
    rotation_from_rpy,
    rotation_vector,
)
from robot_rl.control.robot import RobotConfig
from robot_rl.errors import InputError
from robot_rl.types import Action, FloatArray, JointCommand, JointState, Observation

XYZ = ('x', 'y', 'z')
#: Axes that move the tool in the base frame: along x, y, z, and about z.
TOOL_AXES = (*XYZ, 'yaw')
GRIPPER = 'gripper'


@dataclass(frozen=True)
class ActionConfig:
    """What the A numbers of an action mean.

    Attributes:
        axes: of each number the base-frame axis, `yaw` about z, `gripper` (positive opens), or,
            in place of axes of the tool, a joint.
        scale: m or rad per action period at |a| = 1, shape [A].
    """

    axes: tuple[str, ...]
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
        if self.joints and set(self.axes) & set(TOOL_AXES):
            raise ValueError(
                f'action: axes: {self.joints[0]!r} is none of the tool, as others are'
            )

    @property
    def size(self) -> int:
        """A."""
        return len(self.axes)

    @property
    def joints(self) -> tuple[str, ...]:
        """The axes that are joints."""
        return tuple(axis for axis in self.axes if axis not in (*TOOL_AXES, GRIPPER))

    def scaled(self, values: FloatArray) -> dict[str, float]:
        """What an action [A] asks of each axis in its period, m or rad.

        Raises:
            InputError: another number of values.
        """
        if np.shape(values) != (self.size,):
            raise InputError(f'action: expected {self.size} values, got shape {np.shape(values)}')
        moves = np.asarray(self.scale) * values
        return dict(zip(self.axes, moves.tolist(), strict=True))


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
    """Holds the motion that the last action asks for and turns it into joint velocities.

    At an action tick k it fixes u_k = pi_H(s_k) + scale * a_k (Nair 2022, eq. 28). At every
    control tick the tool velocity v = u_k / T and the turn towards the held orientation go
    through damped least squares; what the redundancy leaves free pulls to the home posture:

        dq = J^T (J J^T + d^2 I)^-1 [v; w] + (I - J^+ J) g (q_home - q).

    A tool that no base controller steers stays where the episode began along axes that the action
    lacks. An action of joints sets their velocities and leaves the others at rest. A gripper's
    joint is moved by its own axis alone.
    """

    def __init__(
        self, config: ControllerConfig, kinematics: Kinematics, robot: RobotConfig
    ) -> None:
        """Takes the arm, its home posture and its gripper."""
        self._config = config
        self._kinematics = kinematics
        self._home = np.array(robot.home)
        self._arm = slice(len(robot.joints) - robot.gripping)
        self._columns = {name: i for i, name in enumerate(robot.joints)}
        self._opening = 0.0
        if robot.gripper and robot.gripping:
            self._opening = float(np.sign(robot.gripper.open - robot.gripper.closed))
        axes, self._steered = config.action.axes, config.base.kind != 'none'
        self._kept = [not self._steered and axis not in axes for axis in XYZ]
        self._base = BASES[config.base.kind](config.base, 1.0 / config.action_hz)
        self._goal_rotation = rotation_from_rpy(np.asarray(config.goal_rpy))
        # One control period of grace, so that an action that comes a little late leaves no gap.
        self._validity_ns = round(1e9 / config.action_hz) + round(1e9 / config.control_hz)
        self.reset()

    def reset(self) -> None:
        """Forgets the action: commands are zero until the next."""
        self._moves: dict[str, float] | None = None
        self._velocity_xyz = np.zeros(3)
        self._anchor_xyz: FloatArray | None = None
        self._rotation = self._goal_rotation
        self._stamp_ns = 0

    def set_action(self, observation: Observation, action: Action, state: JointState) -> None:
        """Takes the answer to an observation.

        Args:
            observation: holds `achieved_goal` and `desired_goal` (m, base frame; the first three
                values are the tool's where a base controller steers) and `tool_wrench` (N and
                N m, tool frame, [6]).
            action: in [-1, 1], shape [A].
            state: joints at that time; they turn the wrench into the base frame.
        """
        entries, hz = observation.entries, self._config.action_hz
        moves = self._config.action.scaled(action.values)
        self._moves, self._stamp_ns = moves, observation.stamp_ns
        if self._config.action.joints:
            return
        tool = self._kinematics.evaluate(state.position)
        if observation.first or self._anchor_xyz is None:
            self._anchor_xyz = tool.position_xyz
        if 'yaw' in moves:
            self._rotation = turned_about_z(self._goal_rotation, tool.rotation)
        move_xyz = np.array([moves.get(axis, 0.0) for axis in XYZ])
        if self._steered:
            force_xyz = tool.rotation @ np.asarray(entries['tool_wrench'][:3], dtype=np.float64)
            move_xyz += self._base.displacement(
                np.asarray(entries['achieved_goal'][:3], dtype=np.float64),
                np.asarray(entries['desired_goal'][:3], dtype=np.float64),
                force_xyz,
            )
        velocity_xyz = move_xyz * hz
        self._velocity_xyz = np.where(self._kept, np.nan, velocity_xyz)

    def command(self, state: JointState, now_ns: int) -> JointCommand:
        """Joint velocities for the control period that begins now.

        Zero without an action, and once the last one is older than its period plus one control
        period of grace.
        """
        moves, hz = self._moves, self._config.action_hz
        value = np.zeros(len(self._home))
        if moves is None or now_ns - self._stamp_ns >= self._validity_ns:
            return JointCommand(state.stamp_ns, 'velocity', value)
        if not self._config.action.joints:
            turn_rate = moves.get('yaw', 0.0) * hz
            value = self.drive(state, self._velocity_xyz, turn_rate).value
        for name, move in moves.items():
            if name in self._columns:
                value[self._columns[name]] = move * hz
        if GRIPPER in moves:
            value[-1] = self._finger_speed(moves[GRIPPER] * hz, float(state.position[-1]))
        return JointCommand(state.stamp_ns, 'velocity', value)

    def _finger_speed(self, opening: float, position: float) -> float:
        """Velocity of the leading finger that opens at this speed and stops at its ends."""
        lower, upper = self._kinematics.position_limits[-1]
        hz, speed = self._config.control_hz, self._opening * opening
        return float(min(max(speed, (lower - position) * hz), (upper - position) * hz))

    def drive(
        self, state: JointState, velocity_xyz: FloatArray, turn_rate: float = 0.0
    ) -> JointCommand:
        """Joint velocities that move the tool at a velocity, m/s, base frame, shape [3].

        Along an axis that is NaN the tool stays where the episode began. The orientation is held
        all the while, but for a turn about the base's z, rad/s. A gripper's joint stays at rest.
        """
        config = self._config
        tool, position = self._kinematics.evaluate(state.position), state.position
        turn = rotation_vector(self._rotation @ tool.rotation.T)
        posture = config.posture_gain * (self._home - position)
        posture[self._arm.stop :] = 0.0
        if self._anchor_xyz is not None:
            back = config.orientation_gain * (self._anchor_xyz - tool.position_xyz)
            velocity_xyz = np.where(np.isnan(velocity_xyz), back, velocity_xyz)
        # J^+ (twist - J posture) + posture is the same as the two terms of the docstring.
        twist = np.concatenate((velocity_xyz, config.orientation_gain * turn))
        if turn_rate:
            twist[5] += turn_rate
            step = np.array([0.0, 0.0, turn_rate / config.control_hz])
            self._rotation = rotation_from_rpy(step) @ self._rotation
        twist -= tool.jacobian @ posture
        value = least_squares(tool.jacobian, twist, config.damping) + posture
        return JointCommand(state.stamp_ns, 'velocity', value)


def turned_about_z(goal: FloatArray, tool: FloatArray) -> FloatArray:
    """The orientation nearest to the tool's that is the goal's but for a turn about z, [3, 3]."""
    apart = tool @ goal.T
    yaw = np.arctan2(apart[1, 0] - apart[0, 1], apart[0, 0] + apart[1, 1])
    return rotation_from_rpy(np.array([0.0, 0.0, yaw])) @ goal
