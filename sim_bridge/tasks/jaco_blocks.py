# SPDX-License-Identifier: Apache-2.0
"""Jaco lifts a block, stacks two, and clears a table of blocks (Zhu et al. 2018, section IV-B)."""

from dataclasses import dataclass

import mujoco
import numpy as np

from robot_rl.types import FloatArray
from sim_bridge.scene import SURROUNDINGS
from sim_bridge.tasks.containers import Crate
from sim_bridge.tasks.jaco_table import AWAY, JacoTable
from sim_bridge.tasks.objects import BLUE, GREEN, RED, Loose, block, scatter
from sim_bridge.tasks.task import Start

HALF = 0.0225  # m, of a block
FINGERS = 0.02  # m, that fingers need around a block


class JacoBlocks(JacoTable):
    """Blocks on a table.

    Attributes:
        where: m, half sizes of the area in which they lie.
    """

    colours = (RED, BLUE, GREEN)
    where = (0.10, 0.16)

    def blocks(self, count: int) -> tuple[Loose, ...]:
        """So many, each of its own colour."""
        return tuple(block(f'block_{i}', HALF, self.colours[i]) for i in range(count))

    def lay(self, data: mujoco.MjData, rng: np.random.Generator) -> list[FloatArray]:
        """Puts all blocks anywhere, turned at random; where they lie, m, shape [2] each."""
        around = [loose.radius + FINGERS for loose in self.objects]
        found = scatter(rng, around, *self.area(*self.where))
        for loose, xy in zip(self.objects, found, strict=True):
            self.put(data, loose, xy, rng.uniform(-np.pi, np.pi))
        return found


class JacoLift(JacoBlocks):
    """One block; the goal is a point straight over where it lies."""

    height = (0.10, 0.20)  # m, of the goal over the block

    def __init__(self, *place: object) -> None:
        """Makes the block."""
        super().__init__(*place)  # type: ignore[arg-type]
        self.objects = self.blocks(1)

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Lays the block and draws how far it is to be lifted."""
        (xy,) = self.lay(data, rng)
        self.desired = self.above(xy, HALF + rng.uniform(*self.height))
        return self.begin(rng)


class JacoStack(JacoBlocks):
    """Two blocks; the red one should stand on the blue one, and the hand should have let it go.

    The goal has two parts: the way from the blue block to the red one, and, in the last of three
    numbers, how far the hand is from the red one, which counts up to `AWAY`.
    """

    def __init__(self, *place: object) -> None:
        """Makes the blocks."""
        super().__init__(*place)  # type: ignore[arg-type]
        self.objects = self.blocks(2)

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Lays both blocks."""
        self.lay(data, rng)
        self.desired = np.array([0.0, 0.0, 2 * HALF, 0.0, 0.0, AWAY])
        return self.begin(rng)

    def achieved(self, data: mujoco.MjData) -> FloatArray:
        """The red block from the blue one, and how far the hand is away, m, shape [6]."""
        red, blue = (loose.xyz(data) for loose in self.objects)
        return np.array([*(red - blue), 0.0, 0.0, self.hand_from(data, red)])


@dataclass(frozen=True)
class ClearOptions:
    """Of the scene.

    Attributes:
        blocks: how many lie on the table, 1 to 3.
    """

    blocks: int = 2

    def __post_init__(self) -> None:
        """Refuses more than there is room for."""
        if not 1 <= self.blocks <= 3:
            raise ValueError(f'blocks: expected 1 to 3, got {self.blocks}')


class JacoClearBlocks(JacoBlocks):
    """Blocks and a bin beside them; all blocks should be in it.

    The goal has one part a block: how far it is outside of the bin, zero where it is inside.
    """

    Options = ClearOptions
    where = (0.12, 0.11)
    middle = (0.0, -0.08)  # m, of where the blocks lie, from the middle of the table
    bin = Crate(0.085, 0.065, 0.06)
    bin_at = (0.0, 0.21)  # m, from the middle of the table

    def __init__(self, *place: object) -> None:
        """Makes the blocks."""
        super().__init__(*place)  # type: ignore[arg-type]
        self.objects = self.blocks(self.options.blocks)
        self.bin_xyz = self.goal_xyz + np.array([*self.bin_at, 0.0])

    def add_to(self, scene: mujoco.MjSpec, tool: mujoco.MjsBody, visuals: bool) -> None:
        """Adds the bin."""
        super().add_to(scene, tool, visuals)
        for part in self.bin.parts((0.35, 0.42, 0.50, 1.0), tuple(self.bin_xyz)):
            part.add_to(scene.worldbody, self.physics, SURROUNDINGS)

    def area(self, half_x: float, half_y: float) -> tuple[FloatArray, FloatArray]:
        """A rectangle beside the bin."""
        low, high = super().area(half_x, half_y)
        return low + self.middle, high + self.middle

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Lays the blocks beside the bin."""
        self.lay(data, rng)
        self.desired = np.zeros(3 * len(self.objects))
        return self.begin(rng)

    def achieved(self, data: mujoco.MjData) -> FloatArray:
        """How far each block is outside of the bin, m, base frame, shape [3 x blocks]."""
        outside = [self.bin.outside(o.xyz(data) - self.bin_xyz) for o in self.objects]
        return np.concatenate(outside)
