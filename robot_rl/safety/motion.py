# SPDX-License-Identifier: Apache-2.0
"""Where the arm is and what it may do from there: what the rules look at."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from robot_rl.errors import InputError
from robot_rl.safety.config import SafetyConfig
from robot_rl.types import FloatArray

#: N or N m, beyond which only the direction of a reading counts.
MOST = 1e6
#: That tell how far the tool reaches.
POSTURES = 500


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


@dataclass(frozen=True, slots=True)
class Limits:
    """What never changes. Lists, because so few numbers are faster compared one by one.

    Attributes:
        period_s: control period dt.
        speed: rad/s or m/s, joint speed limits, [J].
        lower: rad or m, lower position limits plus the margin, [J].
        upper: rad or m, upper position limits less the margin, [J].
        config: the task's limits.
    """

    period_s: float
    speed: list[float]
    lower: list[float]
    upper: list[float]
    config: SafetyConfig


@dataclass(slots=True)
class Motion:
    """Where the arm is, and what it may do from there.

    Attributes:
        limits: as configured.
        position: rad or m, [J].
        jacobian: tool velocity per joint velocity in the base frame, [6, J].
        linear: its first three rows J_v, [3, J].
        from_center: tool position less the sphere's centre, m, base frame.
        distance: its length, m.
        load: direction of the force and torque on the tool, at the tool in the base frame, unit
            [6]; None while both are within their limits.
    """

    limits: Limits
    position: list[float]
    jacobian: FloatArray
    linear: FloatArray
    from_center: tuple[float, float, float]
    distance: float
    load: FloatArray | None = None

    @property
    def inside(self) -> bool:
        """Whether the tool is in the ball."""
        return self.distance <= self.limits.config.sphere_radius

    @property
    def reach(self) -> float:
        """Distance from the centre that the tool must not exceed, m."""
        return max(self.distance, self.limits.config.sphere_radius)

    def room(self) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest joint velocity that keep the position limits; zero always does."""
        position, period_s = np.array(self.position), self.limits.period_s
        low = np.minimum((self.limits.lower - position) / period_s, 0.0)
        high = np.maximum((self.limits.upper - position) / period_s, 0.0)
        return low, high


def load_of(wrench: tuple[float, ...], rotation: FloatArray) -> FloatArray | None:
    """Direction of a force and torque in the base frame, unit [6]; None without one.

    Args:
        wrench: N and N m, at and in the tool frame, six values or none.
        rotation: the tool's axes in the base frame, shape [3, 3].
    """
    if not wrench:
        return None
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
    velocity_limits: FloatArray,
    position_limits: FloatArray,
    period_s: float,
    gripping: bool = False,
) -> Limits:
    """The limits of the arm and of the task together.

    Args:
        config: of the task.
        velocity_limits: of the URDF, rad/s or m/s, shape [J].
        position_limits: of the URDF, rad or m, shape [J, 2].
        period_s: control period.
        gripping: whether the last joint is a gripper's, to which no margin is kept.

    Raises:
        InputError: a joint without velocity limit, a margin wider than a joint's range, or a
            period out of range.
    """
    if not 0 < period_s <= 1:
        raise InputError(f'control period: expected (0, 1] s, got {period_s:g} s')
    margin = config.joint_margin
    lower, upper = position_limits[:, 0] + margin, position_limits[:, 1] - margin
    if gripping:  # fingers stop where they meet each other or their end
        lower[-1], upper[-1] = position_limits[-1]
    for joint, speed in enumerate(velocity_limits):
        if not 0 < speed < math.inf:
            raise InputError(f'joint {joint}: the URDF gives no velocity limit')
        if not lower[joint] < upper[joint]:
            raise InputError(f'joint_margin: {margin:g} leaves joint {joint} no range')
    speed = velocity_limits * config.joint_speed_scale
    return Limits(period_s, speed.tolist(), lower.tolist(), upper.tolist(), config)
