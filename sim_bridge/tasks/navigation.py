# SPDX-License-Identifier: Apache-2.0
"""A point goes around walls in the plane (Nair 2022, section 3.5.2)."""

from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

from robot_rl.types import Entries, FloatArray
from sim_bridge.scene import SURROUNDINGS
from sim_bridge.tasks.objects import Colour, Part
from sim_bridge.tasks.plane import AREA, RADIUS, PlaneTask
from sim_bridge.tasks.task import Start

BAR = (0.25, 0.02)  # m, half length and half thickness of each wall
ROOM = 0.02  # m, at least, between a wall and the ball where it starts or should go
COUNT = 4  # walls that there are; those that a layout does without wait under the floor

#: Walls of each layout: x and y of the middle, m, and whether it lies along x or y. They may run
#: into one another and into the rim.
LAYOUTS: tuple[tuple[tuple[float, float, str], ...], ...] = (
    ((0.0, 0.0, 'x'),),
    ((0.0, 0.0, 'y'),),
    ((0.0, 0.0, 'x'), (0.0, 0.0, 'y')),
    ((-0.30, 0.0, 'x'), (0.05, 0.0, 'x')),  # a wall with a gap at one end, four ways
    ((0.30, 0.0, 'x'), (-0.05, 0.0, 'x')),
    ((0.0, -0.30, 'y'), (0.0, 0.05, 'y')),
    ((0.0, 0.30, 'y'), (0.0, -0.05, 'y')),
    ((-0.34, 0.0, 'x'), (0.34, 0.0, 'x')),  # a gate, two ways
    ((0.0, -0.34, 'y'), (0.0, 0.34, 'y')),
    ((-0.15, 0.10, 'y'), (0.10, -0.15, 'x')),  # a corner, two ways
    ((0.15, -0.10, 'y'), (-0.10, 0.15, 'x')),
    ((-0.23, 0.0, 'y'), (0.23, 0.0, 'y'), (0.0, -0.23, 'x')),  # a bay, two ways
    ((0.0, -0.23, 'x'), (0.0, 0.23, 'x'), (-0.23, 0.0, 'y')),
    ((-0.30, 0.18, 'x'), (-0.05, 0.18, 'x'), (0.30, -0.18, 'x'), (0.05, -0.18, 'x')),  # a slalom
    ((-0.18, 0.30, 'y'), (-0.18, 0.05, 'y'), (0.18, -0.30, 'y'), (0.18, -0.05, 'y')),
)


@dataclass(frozen=True)
class NavigationOptions:
    """Of the scene.

    Attributes:
        layout: a number of `LAYOUTS`; -1 for another in each episode.
    """

    layout: int = -1

    def __post_init__(self) -> None:
        """Refuses a layout that there is not."""
        if not -1 <= self.layout < len(LAYOUTS):
            raise ValueError(f'layout: expected -1 to {len(LAYOUTS) - 1}, got {self.layout}')


class Navigation(PlaneTask):
    """A point goes around walls; its colour is another in each episode (Nair 2022, 3.5.2).

    Attributes:
        layout: number of the walls' layout in this episode.
    """

    Options = NavigationOptions

    def __init__(self, *place: Any) -> None:
        """Has no layout before the first reset."""
        super().__init__(*place)
        self.layout = 0
        self._colour: Colour = (0.5, 0.5, 0.5, 1.0)

    def add_to(self, scene: mujoco.MjSpec, tool: mujoco.MjsBody, visuals: bool) -> None:
        """Puts up the arena and the walls, which stand elsewhere in each episode."""
        super().add_to(scene, tool, visuals)
        wall = Part('box', (*BAR, 0.04), colour=_WALL)
        for index in range(COUNT):
            body = scene.worldbody.add_body(name=f'wall_{index}', mocap=True)
            wall.add_to(body, self.physics, SURROUNDINGS).priority = 1

    def bind(self, model: mujoco.MjModel) -> None:
        """Finds the walls."""
        super().bind(model)
        names = [f'wall_{index}' for index in range(COUNT)]
        self._walls = [int(model.body(name).mocapid[0]) for name in names]

    def show_goal(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """The point at the goal."""
        return Start(self.goal_xyz, joints=self.desired)

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Start and goal anywhere clear of the walls."""
        drawn = int(rng.integers(len(LAYOUTS)))
        self.layout = drawn if self.options.layout < 0 else self.options.layout
        self._colour = (*rng.uniform(0.0, 1.0, 3).tolist(), 1.0)
        self._put_up(data)
        start, goal = self._free_point(rng), self._free_point(rng)
        self.aim(data, goal)
        return Start(self.goal_xyz, joints=start)

    def _put_up(self, data: mujoco.MjData) -> None:
        for index, wall in enumerate(self._walls):
            data.mocap_pos[wall] = self.goal_xyz - np.array([0.0, 0.0, 0.5])
            if index < len(LAYOUTS[self.layout]):
                x, y, along = LAYOUTS[self.layout][index]
                data.mocap_pos[wall] = self.goal_xyz + np.array([x, y, 0.001 * index])
                turn = np.pi / 4 if along == 'y' else 0.0  # half the angle
                data.mocap_quat[wall] = np.cos(turn), 0.0, 0.0, np.sin(turn)

    def _free_point(self, rng: np.random.Generator) -> FloatArray:
        while True:
            xy = rng.uniform(-AREA, AREA, 2)
            if clearance(self.layout, xy) > RADIUS + ROOM:
                return xy

    def paint(self, model: mujoco.MjModel) -> None:
        """The ball has the colour of the episode."""
        ball = model.body('particle').id
        model.geom_rgba[model.geom_bodyid == ball] = self._colour

    def observe(self, data: mujoco.MjData) -> Entries:
        """The goals, and `layout`: 1 for the layout of this episode, 0 for others."""
        return super().observe(data) | {'layout': np.eye(len(LAYOUTS))[self.layout]}

    def save(self) -> Any:
        """Layout and colour, too."""
        return super().save(), self.layout, self._colour

    def load(self, state: Any) -> None:
        """Goes back to what `save` gave."""
        desired, self.layout, self._colour = state
        super().load(desired)


def clearance(layout: int, xy: FloatArray) -> FloatArray:
    """Distance of points [..., 2] from the nearest wall of a layout, m, shape [...]."""
    distances = []
    for x, y, along in LAYOUTS[layout]:
        half = np.array(BAR if along == 'x' else BAR[::-1])
        beyond = np.maximum(np.abs(xy - np.array([x, y])) - half, 0.0)
        distances.append(np.hypot(beyond[..., 0], beyond[..., 1]))
    return np.asarray(np.min(distances, axis=0))


_WALL = (0.45, 0.40, 0.36, 1.0)
