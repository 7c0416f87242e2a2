# SPDX-License-Identifier: Apache-2.0
"""Fetch picks a block up and holds it at the goal (Pinto et al. 2017, section V-A)."""

from dataclasses import dataclass

import mujoco
import numpy as np

from sim_bridge.tasks.objects import block, scatter
from sim_bridge.tasks.table import TableTask
from sim_bridge.tasks.task import Start

HALF = 0.025  # m, of the block
READY = 0.035  # m, of each finger, at the start
SPREAD = 0.12  # m, half width of where block and goal may be
GRASP_HEIGHT = 0.036  # m, of the tool over the table, for fingers that just clear it
START_HEIGHT = 0.12  # m, of the tool over the table
GOAL_HEIGHT = 0.25  # m, greatest


@dataclass(frozen=True)
class PickOptions:
    """Of the scene.

    Attributes:
        grasped: share of the episodes that begin with the block in the gripper.
    """

    grasped: float = 0.0


class FetchPick(TableTask):
    """One block; the goal is a point over the table, on it in half of the episodes."""

    Options = PickOptions

    def __init__(self, *place: object) -> None:
        """Makes the block."""
        super().__init__(*place)  # type: ignore[arg-type]
        self.objects = (block('block', HALF),)
        self._grasped = False

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Block and goal anywhere on the table; the tool over its middle, or around the block."""
        (xy,) = scatter(rng, [self.objects[0].radius], *self.area(SPREAD, SPREAD))
        self.put(data, self.objects[0], xy)
        lift = HALF + rng.uniform(0.0, GOAL_HEIGHT) * (rng.random() < 0.5)
        self.desired = np.array([*rng.uniform(*self.area(SPREAD, SPREAD)), self.top + lift])
        self._grasped = bool(rng.random() < self.options.grasped)
        if self._grasped:
            return Start(np.array([*xy, self.top + GRASP_HEIGHT]), gripper=HALF)
        return Start(self.over(START_HEIGHT), gripper=READY)
