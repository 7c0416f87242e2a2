# SPDX-License-Identifier: Apache-2.0
"""Where the arm is and what it may do from there: what the rules look at."""

import math
import operator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from robot_rl.errors import InputError
from robot_rl.safety.conditioning import condition
from robot_rl.safety.config import SafetyConfig
from robot_rl.types import FloatArray

#: N or N m, beyond which only the direction of a reading counts.
MOST = 1e6
#: That tell how far the tool reaches.
POSTURES = 500


#: Distances, m, of pairs of shapes, by their numbers.
Near = dict[tuple[int, int], float]


class Tool(Protocol):
    """What the filter reads of a tool state, see `control.kinematics.ToolState`."""

    position_xyz: FloatArray
    rotation: FloatArray
    jacobian: FloatArray


class ToolKinematics(Protocol):
    """What the filter asks of an arm, see `control.kinematics.Kinematics`."""

    position_limits: FloatArray
    velocity_limits: FloatArray
    gripping: bool

    def evaluate(self, position: FloatArray) -> Tool:
        """Pose and Jacobian of the tool at joint positions [J]."""


class Surroundings(Protocol):
    """What the filter asks of a collision model, see `planning.collision.CollisionChecker`."""

    def near(self, position: FloatArray) -> Near:
        """Distances, m, of pairs of shapes that are too near to each other; below 0 inside."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What never changes. Lists, because so few numbers are faster compared one by one.

    Attributes:
        period_s: control period dt.
        speed: rad/s or m/s, joint speed limits, [J].
        lower: rad or m, lower position limits plus the margin, [J].
        upper: rad or m, upper position limits less the margin, [J].
        config: the task's limits.
        kinematics: the arm.
        surroundings: what it could touch; None without look-ahead.
    """

    period_s: float
    speed: list[float]
    lower: list[float]
    upper: list[float]
    config: SafetyConfig
    kinematics: ToolKinematics
    surroundings: Surroundings | None = None


@dataclass(slots=True)
class Motion:
    """Where the arm is, and what it may do from there.

    Attributes:
        limits: as configured.
        position: rad or m, [J].
        jacobian: tool velocity per joint velocity in the base frame, [6, J].
        linear: its first three rows J_v, [3, J].
        tool: tool position, m, base frame.
        from_center: tool position less the sphere's centre, m, base frame.
        distance: its length, m.
        load: direction of the force and torque on the tool, at the tool in the base frame, unit
            [6]; None while both are within their limits.
        worn: the same while the contact budget is used up and the wrench is above what it counts
            from, but within the limits; else None.
        before: rad/s or m/s, joint velocity of the last command that passed, [J].
    """

    limits: Limits
    position: list[float]
    jacobian: FloatArray
    linear: FloatArray
    tool: tuple[float, float, float]
    from_center: tuple[float, float, float]
    distance: float
    before: FloatArray
    load: FloatArray | None = None
    worn: FloatArray | None = None
    _condition: float = -1.0
    _near: dict[bytes, Near] = field(default_factory=dict)
    _asked: FloatArray | None = None
    _joints: list[float] | None = None
    _tool_velocity: list[float] | None = None

    def joints(self, velocity: FloatArray) -> list[float]:
        """A joint velocity as numbers; that of the last array asked for is remembered."""
        if velocity is not self._asked or self._joints is None:
            self._asked, self._tool_velocity = velocity, None
            self._joints = velocity.tolist()
        return self._joints

    def joint_share(self, velocity: FloatArray) -> float:
        """How much of its speed limit the fastest joint uses."""
        speeds = map(abs, self.joints(velocity))
        share: float = max(map(operator.truediv, speeds, self.limits.speed))
        return share

    def tool_velocity(self, velocity: FloatArray) -> list[float]:
        """J_v v, m/s, base frame; remembered likewise."""
        if velocity is not self._asked or self._tool_velocity is None:
            self.joints(velocity)
            self._tool_velocity = self.linear.dot(velocity).tolist()
        return self._tool_velocity

    @property
    def inside(self) -> bool:
        """Whether the tool is in the ball."""
        return self.distance <= self.limits.config.sphere_radius

    @property
    def reach(self) -> float:
        """Distance from the centre that the tool must not exceed, m."""
        return max(self.distance, self.limits.config.sphere_radius)

    @property
    def condition(self) -> float:
        """Condition number of the Jacobian, found when it is first asked for."""
        if self._condition < 0:
            self._condition = condition(self.jacobian, self.limits.kinematics.gripping)
        return self._condition

    def near(self, position: FloatArray) -> Near:
        """What is too near at joint positions [J], remembered; nothing without surroundings."""
        model, key = self.limits.surroundings, position.tobytes()
        if model is not None and key not in self._near:
            self._near[key] = model.near(position)
        return self._near.get(key, {})

    def room(self) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest joint velocity that keep the position limits; zero always does."""
        position, period_s = np.array(self.position), self.limits.period_s
        low = np.minimum((self.limits.lower - position) / period_s, 0.0)
        high = np.maximum((self.limits.upper - position) / period_s, 0.0)
        return low, high

    def gain(self) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest joint velocity that keep the limit of acceleration, where it is."""
        more = self.limits.config.joint_acceleration
        change = math.inf if more is None else more * self.limits.period_s
        return np.minimum(self.before, 0.0) - change, np.maximum(self.before, 0.0) + change

    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest joint velocity that keep all limits of the joints alone."""
        fastest, room, gain = np.array(self.limits.speed), self.room(), self.gain()
        low = np.maximum(np.maximum(room[0], gain[0]), -fastest)
        return low, np.minimum(np.minimum(room[1], gain[1]), fastest)


def load_of(wrench: tuple[float, ...], rotation: FloatArray) -> FloatArray:
    """Direction of a force and torque in the base frame, unit [6].

    Args:
        wrench: N and N m, at and in the tool frame, six values.
        rotation: the tool's axes in the base frame, shape [3, 3].
    """
    # A reading may be anything, infinity included.
    load = np.clip(wrench, -MOST, MOST).reshape(2, 3) @ rotation.T
    return np.asarray(load.ravel() / np.linalg.norm(load))


def check_reach(config: SafetyConfig, kinematics: ToolKinematics) -> None:
    """Refuses a ball that no posture brings the tool near to.

    Raises:
        InputError: the ball lies beyond the furthest of many postures drawn at random.
    """
    lower, upper = np.clip(kinematics.position_limits, -math.pi, math.pi).T
    postures = np.random.default_rng(0).uniform(lower, upper, (POSTURES, len(lower)))
    reach = max(float(np.linalg.norm(kinematics.evaluate(q).position_xyz)) for q in postures)
    away = float(np.linalg.norm(config.sphere_center))
    if not away - config.sphere_radius < reach:
        raise InputError(
            f'sphere_center: {away:.2f} m from the base, and a radius of '
            f'{config.sphere_radius:g} m; the tool reaches {reach:.2f} m'
        )


def combine(
    config: SafetyConfig,
    kinematics: ToolKinematics,
    period_s: float,
    surroundings: Surroundings | None = None,
) -> Limits:
    """The limits of the arm and of the task together.

    Args:
        config: of the task.
        kinematics: the arm, with the URDF's limits.
        period_s: control period.
        surroundings: for the look-ahead, where the task has one.

    Raises:
        InputError: a joint without velocity limit, a margin wider than a joint's range, a period
            out of range, or a look-ahead without surroundings.
    """
    if not 0 < period_s <= 1:
        raise InputError(f'control period: expected (0, 1] s, got {period_s:g} s')
    if (config.look_ahead is None) != (surroundings is None):
        raise InputError('look_ahead: a limit and the model of the surroundings go together')
    margin, position_limits = config.joint_margin, kinematics.position_limits
    lower, upper = position_limits[:, 0] + margin, position_limits[:, 1] - margin
    if kinematics.gripping:  # fingers stop where they meet each other or their end
        lower[-1], upper[-1] = position_limits[-1]
    for joint, speed in enumerate(kinematics.velocity_limits):
        if not 0 < speed < math.inf:
            raise InputError(f'joint {joint}: the URDF gives no velocity limit')
        if not lower[joint] < upper[joint]:
            raise InputError(f'joint_margin: {margin:g} leaves joint {joint} no range')
    speeds = (kinematics.velocity_limits * config.joint_speed_scale).tolist()
    ends = lower.tolist(), upper.tolist()
    return Limits(period_s, speeds, *ends, config, kinematics, surroundings)
