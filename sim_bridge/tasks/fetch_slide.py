# SPDX-License-Identifier: Apache-2.0
"""Fetch gives a puck a push so that it slides to a goal out of reach (Nair 2022, section 4.6.1).

The fingers are blocked half open: the puck rests against both and goes where they push it.
"""

from dataclasses import replace
from functools import partial

import mujoco
import numpy as np

from sim_bridge.scene import TABLE
from sim_bridge.tasks.objects import BLUE, Loose, Part
from sim_bridge.tasks.table import TableTask
from sim_bridge.tasks.task import Start

RADIUS, HEIGHT = 0.04, 0.03  # m, of the puck
FOOT = 0.008  # m, radius of each of its four feet
FRICTION = 0.025  # between puck and table
GRIP = 0.3  # friction between puck and fingers
DENSITY = 2700.0  # kg/m^3, of aluminium; a lighter puck rattles between the fingers
START_HEIGHT = 0.12  # m, of the tool over the table
# All in m from the middle of the table: where the tool starts, the puck, and its goal.
TOOL_X = -0.26
PUCK_LOW, PUCK_HIGH = np.array([-0.20, -0.06]), np.array([-0.15, 0.06])
GOAL_LOW, GOAL_HIGH = np.array([0.07, -0.06]), np.array([0.15, 0.06])


class FetchSlide(TableTask):
    """One puck on a long and smooth table; the goal is its centre far from the robot."""

    half = (0.40, 0.40)
    friction = FRICTION
    eye = (0.75, -0.75, 0.75)
    physics = replace(TABLE, timestep_s=0.001)  # coarser steps kick the puck

    def __init__(self, *place: object) -> None:
        """Makes the puck."""
        super().__init__(*place)  # type: ignore[arg-type]
        self.objects = (puck('puck'),)

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Puck anywhere within reach, goal anywhere beyond it, the tool over the near end."""
        middle = self.goal_xyz[:2]
        self.put(data, self.objects[0], middle + rng.uniform(PUCK_LOW, PUCK_HIGH))
        goal = middle + rng.uniform(GOAL_LOW, GOAL_HIGH)
        self.desired = np.array([*goal, self.top + HEIGHT / 2])
        return Start(self.goal_xyz + np.array([TOOL_X, 0.0, START_HEIGHT]))


def puck(name: str) -> Loose:
    """A disc on four round feet, as smooth as the table.

    The feet touch the table in exactly four points, in place of a flat bottom.
    """
    lift = 0.0005  # m, of the disc's bottom over the table
    half = (HEIGHT - lift) / 2
    metal = partial(Part, colour=BLUE, density=DENSITY)
    disc = metal('cylinder', (RADIUS, half), (0.0, 0.0, lift / 2), friction=GRIP)
    out, down = 0.6 * RADIUS, FOOT - HEIGHT / 2
    feet = [
        metal('sphere', (FOOT,), (x * out, y * out, down), friction=FRICTION)
        for x, y in ((1, 1), (1, -1), (-1, 1), (-1, -1))
    ]
    return Loose(name, [disc, *feet], RADIUS, HEIGHT / 2)
