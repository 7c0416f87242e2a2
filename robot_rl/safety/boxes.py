# SPDX-License-Identifier: Apache-2.0
"""Upright boxes that the tool stays in, and others that it stays out of.

Each gives bounds on the tool's velocity along a few directions: a box that is kept in along its
three axes, one that is kept out along the line from its nearest point to the tool, so that a
motion which keeps the bound can't reach the box at all. Standing still is always within them. On
the wrong side of a face, only the way back is allowed, and slowly.
"""

import math
from collections.abc import Iterator

from robot_rl.safety.config import Box
from robot_rl.safety.motion import Motion
from robot_rl.safety.redirect import TOLERANCE

#: A direction, unit [3], and how far the tool may still go along it, m; below 0 beyond the face.
Face = tuple[tuple[float, ...], float]


def faces(motion: Motion) -> Iterator[Face]:
    """All faces that bound the tool."""
    config = motion.limits.config
    if config.keep_in is not None:
        for axis, (low, x, high) in enumerate(_sides(config.keep_in, motion.tool)):
            yield _along(axis, 1.0), high - x
            yield _along(axis, -1.0), x - low
    for box in config.keep_out:
        yield _nearest(box, motion.tool)


def outside(motion: Motion) -> bool:
    """Whether the tool is on the wrong side of a face."""
    return any(room < -TOLERANCE for _, room in faces(motion))


def keeps(tool: list[float], motion: Motion) -> bool:
    """Whether a tool velocity, m/s, crosses no face, or beyond one goes no further, and slowly."""
    config, dt, slow = motion.limits.config, motion.limits.period_s, False
    for normal, room in faces(motion):
        if not _dot(tool, normal) * dt <= max(room, 0.0) + TOLERANCE:
            return False
        slow = slow or room < -TOLERANCE
    return not slow or math.hypot(*tool) <= config.sphere_return_speed * (1 + TOLERANCE)


def kept(tool: list[float], motion: Motion) -> list[float]:
    """The tool velocity to have instead, m/s.

    Of each face that would be crossed only the part along it is left, plus a velocity away from
    it, as at the sphere.
    """
    config, dt = motion.limits.config, motion.limits.period_s
    for normal, room in faces(motion):
        along = _dot(tool, normal)
        if along * dt > max(room, 0.0) + TOLERANCE:
            most = max(room, 0.0) / dt - config.sphere_return_speed
            tool = [u + (most - along) * n for u, n in zip(tool, normal, strict=True)]
    return tool


def _sides(box: Box, point: tuple[float, ...]) -> list[tuple[float, float, float]]:
    return list(zip(box.low, point, box.high, strict=True))


def _along(axis: int, sign: float) -> tuple[float, ...]:
    return tuple(sign if i == axis else 0.0 for i in range(3))


def _dot(a: list[float], b: tuple[float, ...]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _nearest(box: Box, point: tuple[float, ...]) -> Face:
    """From a point to a box's nearest point; within the box, from its nearest face inwards."""
    sides = _sides(box, point)
    way = [min(max(x, low), high) - x for low, x, high in sides]
    distance = math.hypot(*way)
    if distance > 0:
        return tuple(w / distance for w in way), distance
    depths = [(x - low, axis, 1.0) for axis, (low, x, _) in enumerate(sides)]
    depths += [(high - x, axis, -1.0) for axis, (_, x, high) in enumerate(sides)]
    depth, axis, sign = min(depths)
    return _along(axis, sign), -depth
