# SPDX-License-Identifier: Apache-2.0
"""From a joint velocity to one with another velocity of the tool: what several rules share."""

import math
from collections.abc import Callable

import numpy as np

from robot_rl.safety.motion import Motion
from robot_rl.types import FloatArray

#: What rounding may add to a limit, relative for speeds and absolute in rad/s and m elsewhere.
TOLERANCE = 1e-7

#: Damping of the least squares that map a change of tool velocity to the joints, m/rad.
DAMPING = 0.01


def slowed(velocity: FloatArray, motion: Motion, limit: float) -> FloatArray:
    """Scales all joints alike until the tool keeps a speed, m/s; the same array where it does."""
    speed = math.hypot(*motion.tool_velocity(velocity))
    return velocity if speed <= limit * (1 + TOLERANCE) else velocity * (limit / speed)


def step(tool: list[float], start: tuple[float, ...], motion: Motion) -> list[float]:
    """Where a point will be after one period at the tool's velocity."""
    dt = motion.limits.period_s
    return [x + v * dt for x, v in zip(start, tool, strict=True)]


def redirected(
    velocity: FloatArray,
    goal: list[float],
    motion: Motion,
    fastest_tool: float,
    fits: Callable[[FloatArray], bool],
) -> FloatArray:
    """The joint velocity whose tool moves as it should, or zero.

    The change of the tool's velocity is mapped to the joints by damped least squares, first with
    the tool's rotation kept as commanded, then with the rotation free. Where neither can be done
    within the joints' limits, the arm stands still.

    Args:
        velocity: as commanded, [J].
        goal: velocity that the tool should have, m/s.
        motion: where the arm is.
        fastest_tool: m/s, that the tool's speed is cut to.
        fits: whether a joint velocity will do.
    """
    change = [g - now for g, now in zip(goal, motion.tool_velocity(velocity), strict=True)]
    low, high = motion.bounds()
    for rows in (6, 3):
        joints = velocity + least_squares(motion.jacobian[:rows], change)
        joints = slowed(np.minimum(np.maximum(joints, low), high), motion, fastest_tool)
        if fits(joints):
            return joints
    return np.zeros_like(velocity)


def least_squares(jacobian: FloatArray, change: list[float]) -> FloatArray:
    """J^T (J J^T + DAMPING^2 I)^-1 change, with no change of the rows beyond those given."""
    rows = len(jacobian)
    square = jacobian @ jacobian.T
    square.flat[:: rows + 1] += DAMPING * DAMPING
    wanted = np.zeros(rows)
    wanted[: len(change)] = change
    return np.asarray(jacobian.T @ np.linalg.solve(square, wanted))
