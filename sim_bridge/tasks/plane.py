# SPDX-License-Identifier: Apache-2.0
"""Tasks in the plane: a point or an arm of two links, seen from above."""

from typing import Any

import mujoco
import numpy as np

from robot_rl.types import Entries, FloatArray
from sim_bridge.scene import Physics
from sim_bridge.tasks.objects import Mark, Part
from sim_bridge.tasks.task import Start, Task

PLANE = Physics(0.002, (0.006, 1.0), (0.9, 0.99, 1e-3, 0.5, 2.0), (0.1, 0.001, 0.0001))
HALF = 0.53  # m, half side of the arena, as far as the point's ball reaches
RIM = 0.04  # m, half thickness of what stands around it
BELOW = 0.04  # m, of the floor of the arena under the plane
RADIUS = 0.03  # m, of the ball
NEAR = 0.05  # m, of the mark of the goal
AREA = 0.45  # m, half side of the square in which the point starts and goals lie
FOVY = 37.0  # degrees, of the camera above, which sees the arena inside its rim

_BOARD, _RIM = (0.74, 0.75, 0.76, 1.0), (0.30, 0.31, 0.34, 1.0)


class PlaneTask(Task):
    """An arena and a goal [2] in it, which the tool reaches; `goal_xyz` is its middle."""

    physics = PLANE

    def __init__(self, *place: Any) -> None:
        """Makes the mark."""
        super().__init__(*place)
        self._mark = Mark(radius=NEAR, alpha=0.35)

    def add_to(self, scene: mujoco.MjSpec, tool: mujoco.MjsBody, visuals: bool) -> None:
        """Puts up the mark of the goal, and where it is seen the arena and a camera above."""
        self._tool_name = tool.name
        self._mark.add_to(scene, visuals)
        if visuals:
            self._add_arena(scene.worldbody)

    def _add_arena(self, world: mujoco.MjsBody) -> None:
        x, y, z = self.goal_xyz
        side, reach = HALF + 2 * RIM, HALF + RIM
        parts = [Part('box', (side, side, 0.002), (x, y, z - BELOW), colour=_BOARD)]
        for way in (-1, 1):
            rim = x + way * reach, y, z - BELOW + 0.045
            parts.append(Part('box', (RIM, side, 0.045), rim, colour=_RIM))
            rim = x, y + way * reach, z - BELOW + 0.045
            parts.append(Part('box', (side, RIM, 0.045), rim, colour=_RIM))
        for part in parts:
            part.add_to(world, self.physics, 0)
        above, axes = [x, y, z + 1.6], [1, 0, 0, 0, 1, 0]
        world.add_camera(name='closeup', pos=above, xyaxes=axes, fovy=44)
        world.add_camera(name='above', pos=above, xyaxes=axes, fovy=FOVY)

    def bind(self, model: mujoco.MjModel) -> None:
        """Finds tool and mark."""
        self._tool = model.body(self._tool_name).id
        self._mark.bind(model)

    def aim(self, data: mujoco.MjData, xy: FloatArray) -> None:
        """Makes a point the goal, m, base frame, shape [2]."""
        self.desired = xy
        self._mark.place(data, np.array([*xy, self.goal_xyz[2]]))

    def observe(self, data: mujoco.MjData) -> Entries:
        """The goals: x and y of the tool, m, base frame."""
        achieved = np.array(data.xpos[self._tool][:2])
        return {'achieved_goal': achieved, 'desired_goal': self.desired.copy()}


class Particle(PlaneTask):
    """A point goes to a point (Pinto et al. 2017, section V-A)."""

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Start and goal anywhere."""
        start, goal = rng.uniform(-AREA, AREA, (2, 2))
        self.aim(data, goal)
        return Start(self.goal_xyz, joints=start)

    def show_goal(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """The point at the goal."""
        return Start(self.goal_xyz, joints=self.desired)


class Reacher(PlaneTask):
    """The tip of two links goes to a point (Pinto et al. 2017, section V-A)."""

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Any posture; the goal in a ring, evenly over its area, wholly within reach."""
        radius = np.sqrt(rng.uniform(RING[0] ** 2, RING[1] ** 2))
        angle = rng.uniform(-np.pi, np.pi)
        self.aim(data, radius * np.array([np.cos(angle), np.sin(angle)]))
        return Start(self.goal_xyz, joints=rng.uniform(-POSTURE, POSTURE, 2))

    def show_goal(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """The tip at the goal, in either of the two postures that take it there."""
        x, y = self.desired
        bend = np.arccos((x * x + y * y - 2 * LINK**2) / (2 * LINK**2))
        elbow = bend if rng.random() < 0.5 else -bend
        shoulder = (np.arctan2(y, x) - elbow / 2 + np.pi) % (2 * np.pi) - np.pi
        return Start(self.goal_xyz, joints=np.array([shoulder, elbow]))


LINK = 0.25  # m, length of each of the two links
RING = (0.12, 0.45)  # m, of the goals about the shoulder; both links together are 0.50 m
POSTURE = 2.5  # rad, greatest angle of a joint at the start
