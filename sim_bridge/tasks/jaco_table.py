# SPDX-License-Identifier: Apache-2.0
"""What the tasks of Jaco at a table share (Zhu et al. 2018, section IV-A)."""

import mujoco
import numpy as np

from robot_rl.types import FloatArray
from sim_bridge.tasks.objects import Part
from sim_bridge.tasks.table import TableTask
from sim_bridge.tasks.task import Start

HALF_OPEN = 0.4  # rad, of each finger, at the start
HIGH = 0.20  # m, of the tool over the table, at the start
AWAY = 0.08  # m, of the tool from a thing that it has let go


class JacoTable(TableTask):
    """A table in front of the arm, which has a stand of its own."""

    half = (0.30, 0.42)
    eye = (0.75, -0.45, 0.60)

    def add_to(self, scene: mujoco.MjSpec, tool: mujoco.MjsBody, visuals: bool) -> None:
        """Puts up the table, and what the arm stands on."""
        super().add_to(scene, tool, visuals)
        self._tool_name = tool.name
        if visuals:
            floor_z = float(scene.geom('floor').pos[2])
            stand = Part('cylinder', (0.10, -floor_z / 2), (0.0, 0.0, floor_z / 2), colour=_STAND)
            stand.add_to(scene.worldbody, self.physics, 0)

    def bind(self, model: mujoco.MjModel) -> None:
        """Finds objects and tool."""
        super().bind(model)
        self._tool = model.body(self._tool_name).id

    def hand_from(self, data: mujoco.MjData, xyz: FloatArray) -> float:
        """How far the tool is from a point, m, counted up to `AWAY`."""
        return min(float(np.linalg.norm(data.xpos[self._tool] - xyz)), AWAY)

    def begin(self, rng: np.random.Generator) -> Start:
        """A start with the hand somewhere over the middle of the table, half open."""
        shift = rng.uniform([-0.05, -0.05, -0.03], [0.05, 0.05, 0.03])
        return Start(self.over(HIGH) + shift, gripper=HALF_OPEN)

    def above(self, xy: FloatArray, height: float) -> FloatArray:
        """The point at a height over the table, m, shape [3]."""
        return np.array([*xy, self.top + height])


_STAND = (0.30, 0.30, 0.33, 1.0)
