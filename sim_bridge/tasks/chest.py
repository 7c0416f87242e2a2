# SPDX-License-Identifier: Apache-2.0
"""Chests with one drawer from primitive shapes, another for every seed.

The frame of a chest lies on the table under the middle of the shut drawer's front, z up; the
drawer opens along x.
"""

from colorsys import hsv_to_rgb
from dataclasses import dataclass

import numpy as np

from sim_bridge.tasks.containers import Crate
from sim_bridge.tasks.objects import GREEN, STEEL, WOOD, Colour, Part

# m
LENGTH = 0.065  # half of the drawer's inside along x
FLOOR = 0.013  # underside of the drawer over the table
PLATE = 0.004  # half thickness of the front, and of the chest's boards
FRONT_HALF = 0.030  # of the front's height
DEPTH, HEIGHT = 0.155, 0.078
BAR_HEIGHT = 0.045  # of the handle

_BROWN: Colour = (0.50, 0.36, 0.26, 1.0)


@dataclass(frozen=True)
class Chest:
    """How a chest looks, m.

    Attributes:
        half_y: half of the drawer's inside across.
        bar_out: of the bar's middle from the front's back.
        bar_half: half length of the bar.
        bar_radius: of the bar.
        square: whether the handle is made of square rods.
        boards: colour of the chest.
        front: colour of the drawer's front.
    """

    half_y: float = 0.07
    bar_out: float = 0.046
    bar_half: float = 0.042
    bar_radius: float = 0.006
    square: bool = False
    boards: Colour = _BROWN
    front: Colour = GREEN

    @property
    def inside(self) -> Crate:
        """The drawer's box."""
        return Crate(LENGTH, self.half_y, 0.045, wall=0.003)


def any_chest(seed: int) -> Chest:
    """Another chest for every seed."""
    rng = np.random.default_rng(seed)
    half_y, bar_out = rng.uniform(0.060, 0.078), rng.uniform(0.044, 0.052)
    bar_half = rng.uniform(0.034, half_y - 0.01)
    colours = [
        (*hsv_to_rgb(h, rng.uniform(0.3, 0.6), rng.uniform(0.4, 0.8)), 1.0) for h in rng.random(2)
    ]
    square, radius = bool(rng.integers(2)), rng.uniform(0.005, 0.007)
    return Chest(half_y, bar_out, bar_half, radius, square, *colours)


def boards(chest: Chest) -> list[Part]:
    """The chest without its drawer."""
    side, colour = chest.half_y + 0.022, chest.boards
    low, middle, back = HEIGHT / 2 - PLATE, -DEPTH / 2, PLATE - DEPTH
    return [
        Part('box', (DEPTH / 2, side, PLATE), (middle, 0.0, HEIGHT - PLATE), colour=colour),
        Part('box', (PLATE, side, low), (back, 0.0, low), colour=colour),
        *(
            Part('box', (DEPTH / 2, PLATE, low), (middle, y, low), colour=colour)
            for y in (-side, side)
        ),
    ]


def drawer(chest: Chest) -> list[Part]:
    """The drawer with its handle, shut."""
    crate, front = chest.inside, (PLATE, chest.half_y + 0.018, FRONT_HALF)
    back = -LENGTH - 2 * crate.wall
    return [
        *crate.parts(WOOD, (back, 0.0, FLOOR), density=300.0),
        Part('box', front, (PLATE, 0.0, 0.006 + FRONT_HALF), colour=chest.front, density=300.0),
        *_handle(chest),
    ]


def _handle(chest: Chest) -> list[Part]:
    """A bar on two posts."""
    rod, post = chest.bar_radius, chest.bar_out / 2 - PLATE
    places = [
        ((chest.bar_out, 0.0, BAR_HEIGHT), chest.bar_half, 1),
        *(((2 * PLATE + post, y, BAR_HEIGHT), post, 0) for y in (-chest.bar_half, chest.bar_half)),
    ]
    if chest.square:
        sizes = [np.full(3, rod) for _ in places]
        for size, (_, half, axis) in zip(sizes, places, strict=True):
            size[axis] = half + rod * axis
        return [
            Part('box', tuple(size), at, colour=STEEL)
            for size, (at, _, _) in zip(sizes, places, strict=True)
        ]
    turns = (0.0, np.pi / 2, 0.0), (np.pi / 2, 0.0, 0.0)
    return [Part('capsule', (rod, half), at, turns[axis], STEEL) for at, half, axis in places]
