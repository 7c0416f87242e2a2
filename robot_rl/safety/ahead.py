# SPDX-License-Identifier: Apache-2.0
"""What lies ahead of a motion: a singularity, or a collision of any part of the arm.

Both rules only shorten a velocity, so that they can come after all others. They look from where
the arm is: motion that leads away from a singularity, or apart what is too near, stays free.
"""

import math
from collections.abc import Sequence

import numpy as np

from robot_rl.control.robot import RobotConfig
from robot_rl.planning.collision import CollisionChecker
from robot_rl.planning.config import Obstacle
from robot_rl.safety.conditioning import condition, well_conditioned
from robot_rl.safety.config import SafetyConfig
from robot_rl.safety.motion import Motion, Near
from robot_rl.types import FloatArray

#: rad or m of the joint that moves most, over which the condition number is compared.
PROBE = 1e-3
#: Share by which it must fall there; rounding stays below it.
LESS = 1e-7
#: m, that rounding may bring two shapes nearer.
NEARER_M = 1e-6
#: Shares of a motion that are tried, each with the posture halfway to it.
SHARES = (1.0, 0.5, 0.25, 0.125)


def surroundings_of(
    config: SafetyConfig, robot: RobotConfig, obstacles: Sequence[Obstacle] = ()
) -> CollisionChecker | None:
    """The model that the look-ahead needs, or None without one.

    Raises:
        InputError: the arm touches an obstacle at home.
    """
    look = config.look_ahead
    if look is None:
        return None
    return CollisionChecker(robot, obstacles, look.margin, look.tool_may_touch)


def share_of_speed(motion: Motion) -> float:
    """1 up to the condition number `condition_slow`, then falling to 0 at `condition_stop`."""
    slow, stop = motion.limits.config.condition_slow, motion.limits.config.condition_stop
    if slow is None or stop is None:
        return 1.0
    if well_conditioned(motion.jacobian, motion.limits.kinematics.gripping, slow):
        return 1.0
    return min(1.0, max(0.0, (stop - motion.condition) / (stop - slow)))


def speed_share(velocity: FloatArray, motion: Motion) -> float:
    """How much of the speed limits a motion uses, of the joints' or the tool's, the larger."""
    tool = math.hypot(*motion.tool_velocity(velocity))
    return max(motion.joint_share(velocity), tool / motion.limits.config.tool_speed)


def leaves(velocity: FloatArray, motion: Motion) -> bool:
    """Whether a motion lowers the condition number; a question of its direction alone."""
    arm, way = motion.limits.kinematics, velocity * (PROBE / float(np.abs(velocity).max()))
    there = arm.evaluate(np.array(motion.position) + way)
    return condition(there.jacobian, arm.gripping) < motion.condition * (1 - LESS)


def free_share(velocity: FloatArray, motion: Motion) -> float:
    """The largest of `SHARES` that brings nothing too near within the look-ahead, or 0."""
    look = motion.limits.config.look_ahead
    if look is None or not velocity.any():
        return 1.0
    start, way = np.array(motion.position), velocity * look.seconds

    def free(share: float) -> bool:
        near = motion.near(start + way * share)
        return not near or not _nearer(near, motion.near(start))

    return next((share for share in SHARES if free(share) and free(share / 2)), 0.0)


def _nearer(there: Near, now: Near) -> bool:
    """Whether a pair that is too near there is nearer than now."""
    return any(m < now.get(pair, np.inf) - NEARER_M for pair, m in there.items())
