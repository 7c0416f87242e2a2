# SPDX-License-Identifier: Apache-2.0
"""Fetch picks a block up and brings it to the goal (Pinto et al. 2017, sections V-A and V-B)."""

from dataclasses import dataclass

import mujoco
import numpy as np

from sim_bridge.tasks.objects import block, scatter
from sim_bridge.tasks.table import TableTask
from sim_bridge.tasks.task import Start

HALF = 0.025  # m, of the block
READY = 0.042  # m, of each finger, at the start
SPREAD = 0.12  # m, half width of where block and goal may be
GRASP_HEIGHT = 0.036  # m, of the tool over the table, for fingers that just clear it
START_HEIGHT = 0.12  # m, of the tool over the table
HIGH = 0.28  # m, of the tool over the table in a picture of the goal
APART = 0.06  # m, at least, from the start of a block to its goal


@dataclass(frozen=True)
class PickOptions:
    """Of the scene.

    Attributes:
        grasped: share of the episodes that begin with the block in the gripper.
        air: share of the episodes in which the goal is over the table and not on it.
        height: m, greatest, of the block over the table.
    """

    grasped: float = 0.0
    air: float = 0.5
    height: float = 0.25

    def __post_init__(self) -> None:
        """Refuses shares and heights that are none."""
        if not (0 <= self.grasped <= 1 and 0 <= self.air <= 1):
            raise ValueError(f'grasped, air: expected 0 to 1, got {self.grasped} and {self.air}')
        if not 0 <= self.height <= 0.25:
            raise ValueError(f'height: expected 0 to 0.25 m, got {self.height}')


class FetchPick(TableTask):
    """One block; the goal is its centre elsewhere, on the table or over it."""

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
        lift = rng.uniform(0.0, self.options.height) * (rng.random() < self.options.air)
        taken = [(xy, APART)] if lift < APART else []
        (goal,) = scatter(rng, [0.0], *self.area(SPREAD, SPREAD), taken)
        self.desired = np.array([*goal, self.top + HALF + lift])
        self._grasped = bool(rng.random() < self.options.grasped)
        if self._grasped:
            return Start(np.array([*xy, self.top + GRASP_HEIGHT]), gripper=HALF, squeeze=True)
        return Start(self.over(START_HEIGHT), gripper=READY)

    def show_goal(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """The block at the goal, the arm anywhere above (Pinto et al. 2017, section V-A)."""
        super().show_goal(data, rng)
        low, high = self.area(SPREAD, SPREAD)
        return Start(np.array([*rng.uniform(low, high), self.top + HIGH]), gripper=READY)
