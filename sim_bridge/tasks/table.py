# SPDX-License-Identifier: Apache-2.0
"""Scenes on a table: what they share."""

import mujoco
import numpy as np

from robot_rl.types import Entries, FloatArray
from sim_bridge.scene import SURROUNDINGS, TABLE, look
from sim_bridge.tasks.objects import WOOD, Loose, Part
from sim_bridge.tasks.task import Task

THICKNESS = 0.04


class TableTask(Task):
    """A table with loose objects; `goal_xyz` is the middle of its top.

    Attributes:
        half: m, half sizes of the table's top in x and y.
        objects: what lies on it.
    """

    physics = TABLE
    half = (0.25, 0.40)
    objects: tuple[Loose, ...] = ()

    def add_to(self, scene: mujoco.MjSpec, tool: mujoco.MjsBody, visuals: bool) -> None:
        """Puts up the table, a camera, and the objects."""
        x, y, top = self.goal_xyz
        board = Part('box', (*self.half, THICKNESS / 2), (x, y, top - THICKNESS / 2), colour=WOOD)
        board.add_to(scene.worldbody, self.physics, SURROUNDINGS)
        for loose in self.objects:
            loose.add_to(scene, self.physics)
        if visuals:
            self._add_legs(scene)
            eye = (x + 0.65, y - 0.55, top + 0.55)
            axes = look(*eye, x, y, top + 0.08)
            scene.worldbody.add_camera(name='closeup', pos=eye, xyaxes=axes, fovy=40)

    def bind(self, model: mujoco.MjModel) -> None:
        """Finds the objects."""
        for loose in self.objects:
            loose.bind(model)

    @property
    def top(self) -> float:
        """Height of the table, m."""
        return float(self.goal_xyz[2])

    def over(self, height: float) -> FloatArray:
        """The point so far above the middle of the table, m, base frame, shape [3]."""
        return np.asarray(self.goal_xyz + np.array([0.0, 0.0, height]))

    def area(self, half_x: float, half_y: float) -> tuple[FloatArray, FloatArray]:
        """Least and greatest x and y of a rectangle in the middle of the table."""
        middle, half = self.goal_xyz[:2], np.array([half_x, half_y])
        return middle - half, middle + half

    def put(self, data: mujoco.MjData, loose: Loose, xy: FloatArray, yaw: float = 0.0) -> None:
        """Stands an object on the table."""
        loose.place(data, np.array([*xy, self.top + loose.rest]), yaw)

    def observe(self, data: mujoco.MjData) -> Entries:
        """The goals, and `objects`: `Loose.state` of each, joined."""
        states = [loose.state(data) for loose in self.objects]
        return {
            'achieved_goal': self.achieved(data),
            'desired_goal': self.desired.copy(),
            'objects': np.concatenate(states) if states else np.zeros(0),
        }

    def achieved(self, data: mujoco.MjData) -> FloatArray:
        """What should become `desired`: the positions of all objects, m, base frame."""
        return np.concatenate([loose.xyz(data) for loose in self.objects])

    def _add_legs(self, scene: mujoco.MjSpec) -> None:
        x, y, top = self.goal_xyz
        floor_z = float(scene.geom('floor').pos[2])
        length = (top - THICKNESS - floor_z) / 2
        for side_x in (-1, 1):
            for side_y in (-1, 1):
                at = x + side_x * (self.half[0] - 0.03), y + side_y * (self.half[1] - 0.03)
                leg = Part('box', (0.02, 0.02, length), (*at, floor_z + length), colour=_LEG)
                leg.add_to(scene.worldbody, self.physics, 0)


_LEG = (0.35, 0.35, 0.38, 1.0)
