# SPDX-License-Identifier: Apache-2.0
"""Fetch builds a tower of two to six blocks on the first of them (Nair 2022, section 4.7.1)."""

from dataclasses import dataclass

import mujoco
import numpy as np

from sim_bridge.tasks.fetch_pick import HALF, READY, START_HEIGHT
from sim_bridge.tasks.objects import BLUE, GREEN, ORANGE, PURPLE, RED, YELLOW, block, scatter
from sim_bridge.tasks.table import TableTask
from sim_bridge.tasks.task import Start

SPREAD_X, SPREAD_Y = 0.10, 0.20  # m, half widths of where blocks may be
ROOM = 0.053  # m, around each block, so that fingers fit between two
COLOURS = (RED, BLUE, GREEN, YELLOW, PURPLE, ORANGE)


@dataclass(frozen=True)
class StackOptions:
    """Of the scene.

    Attributes:
        blocks: how many, 2 to 6.
    """

    blocks: int = 2

    def __post_init__(self) -> None:
        """Refuses towers that are none or too high."""
        if not 2 <= self.blocks <= len(COLOURS):
            raise ValueError(f'blocks: expected 2 to {len(COLOURS)}, got {self.blocks}')


class FetchStack(TableTask):
    """Blocks A to F; the goals are their places in the tower, the first where it is already.

    Achieved and desired goal are the centres of all blocks, joined: g_1 = x_1 and
    g_i = g_{i-1} + (0, 0, 5 cm).
    """

    Options = StackOptions

    def __init__(self, *place: object) -> None:
        """Makes the blocks."""
        super().__init__(*place)  # type: ignore[arg-type]
        names, colours = 'abcdef'[: self.options.blocks], COLOURS
        self.objects = tuple(
            block(f'block_{n}', HALF, c) for n, c in zip(names, colours, strict=False)
        )

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Blocks anywhere on the table, none on another."""
        places = scatter(rng, [ROOM] * len(self.objects), *self.area(SPREAD_X, SPREAD_Y))
        for loose, xy in zip(self.objects, places, strict=True):
            self.put(data, loose, xy)
        heights = self.top + HALF + 2 * HALF * np.arange(len(self.objects))
        self.desired = np.concatenate([[*places[0], height] for height in heights])
        return Start(self.over(START_HEIGHT), gripper=READY)
