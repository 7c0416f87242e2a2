# SPDX-License-Identifier: Apache-2.0
"""Fetch pushes a block over the table with blocked fingers.

To a place anywhere (Nair 2022, section 4.6.1), or straight forward (Pinto et al. 2017, section
V-B).
"""

from dataclasses import dataclass

import mujoco
import numpy as np

from sim_bridge.tasks.fetch_pick import APART, HALF, START_HEIGHT
from sim_bridge.tasks.objects import block, scatter
from sim_bridge.tasks.table import TableTask
from sim_bridge.tasks.task import Start

SPREAD = 0.10, 0.12  # m, half widths of where block and goal may be
FRICTION = 0.4  # between block and table; with more of it a push tips the block over
NEAR = 0.04  # m, depth of the strip, at the robot's side, from which blocks are pushed forward


@dataclass(frozen=True)
class PushOptions:
    """Of the scene.

    Attributes:
        forward: whether the goal lies straight ahead of the block.
    """

    forward: bool = False


class FetchPush(TableTask):
    """One block; the goal is its centre at another place on the table."""

    Options = PushOptions
    friction = FRICTION

    def __init__(self, *place: object) -> None:
        """Makes the block."""
        super().__init__(*place)  # type: ignore[arg-type]
        self.objects = (block('block', HALF, friction=FRICTION),)

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Block and goal on the table, apart from each other; the tool over its middle."""
        low, high = self.area(*SPREAD)
        if self.options.forward:
            xy = rng.uniform(low, [low[0] + NEAR, high[1]])
            goal = np.array([rng.uniform(xy[0] + APART, high[0]), xy[1]])
        else:
            (xy,) = scatter(rng, [self.objects[0].radius], low, high)
            (goal,) = scatter(rng, [0.0], low, high, taken=[(xy, APART)])
        self.put(data, self.objects[0], xy)
        self.desired = np.array([*goal, self.top + HALF])
        return Start(self.over(START_HEIGHT))
