# SPDX-License-Identifier: Apache-2.0
"""Jaco lifts a block, stacks two, and clears a table of blocks (Zhu et al. 2018, section IV-B)."""

from dataclasses import dataclass

import mujoco
import numpy as np

from robot_rl.types import FloatArray
from sim_bridge.tasks.jaco_table import JacoTable
from sim_bridge.tasks.objects import BLUE, ORANGE, RED, block, scatter
from sim_bridge.tasks.task import Start

AREA = (0.10, 0.16)  # m, half sizes of where blocks lie
FINGERS = 0.05  # m, that fingers need around a block


class JacoLift(JacoTable):
    """One block; the goal is a point straight over where it lies."""

    lift = (0.10, 0.20)  # m

    def __init__(self, *place: object) -> None:
        """Makes the block."""
        super().__init__(*place)  # type: ignore[arg-type]
        self.objects = (block('block', 0.0225),)

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Lays the block anywhere, turned at random."""
        (xy,) = scatter(rng, [self.objects[0].radius], *self.area(*AREA))
        self.put(data, self.objects[0], xy, rng.uniform(-np.pi, np.pi))
        self.desired = self.above(xy, self.objects[0].rest + rng.uniform(*self.lift))
        return self.over(rng)
