# SPDX-License-Identifier: Apache-2.0
"""Open containers from primitive shapes, standing or loose, and what is inside of one."""

from dataclasses import dataclass

import numpy as np

from robot_rl.types import FloatArray
from sim_bridge.tasks.objects import Colour, Part

WALL = 0.004  # m, half thickness of walls and floors
HANDLE = 0.03  # m, from a mug's inside to the middle of its handle
GRIP = 0.006  # m, half thickness of the handle


@dataclass(frozen=True)
class Crate:
    """An open box; its origin is the middle of its underside.

    Attributes:
        half_x: m, half of the inside.
        half_y: m, half of the inside.
        height: m, of the rim over the underside.
        wall: m, half thickness.
    """

    half_x: float
    half_y: float
    height: float
    wall: float = WALL

    @property
    def radius(self) -> float:
        """Of the upright cylinder around it, m."""
        return float(np.hypot(self.half_x + 2 * self.wall, self.half_y + 2 * self.wall))

    def parts(
        self,
        colour: Colour,
        at: tuple[float, float, float] = (0.0, 0.0, 0.0),
        density: float = 500,
    ) -> list[Part]:
        """Floor and four walls, with the origin at a place, m."""
        x, y, wall, half_z = self.half_x, self.half_y, self.wall, self.height / 2
        shapes = [((x, y, wall), (0.0, 0.0, wall))]
        for side in (-1.0, 1.0):
            shapes.append(((wall, y + 2 * wall, half_z), (side * (x + wall), 0.0, half_z)))
            shapes.append(((x, wall, half_z), (0.0, side * (y + wall), half_z)))
        return [
            Part('box', size, _moved(offset, at), colour=colour, density=density)
            for size, offset in shapes
        ]

    def outside(self, xyz: FloatArray, margin: float = 0.0) -> FloatArray:
        """The way out of the inside to a point, m, shape [3]; zero for one inside.

        Args:
            xyz: the point from the origin of the crate, along its axes, shape [3].
            margin: m, by which the point is also allowed over the rim.
        """
        low = np.array([-self.half_x, -self.half_y, 0.0])
        high = np.array([self.half_x, self.half_y, self.height + margin])
        return np.asarray(xyz - np.clip(xyz, low, high))


@dataclass(frozen=True)
class Mug:
    """A round cup with a handle; its origin is the middle of its underside.

    Attributes:
        radius: m, of the inside.
        height: m, of the rim over the underside.
        wall: m, half thickness.
        staves: how many flat pieces its side is made of.
    """

    radius: float
    height: float
    wall: float = 0.003
    staves: int = 10

    def parts(
        self, colour: Colour, handle: float | None = None, density: float = 500.0
    ) -> list[Part]:
        """Floor, staves, and a handle at a yaw, rad, where one is wanted."""
        wall, half_z = self.wall, self.height / 2
        step = 2 * np.pi / self.staves
        wide = (self.radius + 2 * wall) * np.tan(step / 2)  # staves meet at their outer edges
        stave, out = (wall, wide, half_z), self.radius + wall
        pieces = [(stave, out, half_z, yaw) for yaw in (step * np.arange(self.staves)).tolist()]
        if handle is not None:
            bar, arm = (GRIP, GRIP, 0.3 * self.height), (0.015, GRIP, GRIP)
            out = self.radius + HANDLE
            pieces.append((bar, out, half_z, handle))
            pieces += [(arm, out - 0.014, z * self.height, handle) for z in (0.25, 0.75)]
        floor = (self.radius + wall, wall)
        return [
            Part('cylinder', floor, (0.0, 0.0, wall), colour=colour, density=density),
            *(_upright(*piece, colour, density) for piece in pieces),
        ]


def _upright(
    size: tuple[float, float, float],
    out: float,
    z: float,
    yaw: float,
    colour: Colour,
    density: float,
) -> Part:
    """A box at a distance from the z axis, and a height, that faces away from the axis."""
    at = (float(out * np.cos(yaw)), float(out * np.sin(yaw)), z)
    return Part('box', size, at, (0.0, 0.0, yaw), colour, density)


def _moved(
    offset: tuple[float, float, float], at: tuple[float, float, float]
) -> tuple[float, float, float]:
    return offset[0] + at[0], offset[1] + at[1], offset[2] + at[2]
