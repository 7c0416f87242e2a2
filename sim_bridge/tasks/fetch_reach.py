# SPDX-License-Identifier: Apache-2.0
"""Fetch brings its gripper to a point over the table; there is nothing to move."""

import mujoco
import numpy as np

from robot_rl.types import FloatArray
from sim_bridge.tasks.table import TableTask
from sim_bridge.tasks.task import Start

HALF = 0.12  # m, half width of where the goal may be
LOWEST, HIGHEST = 0.05, 0.27  # m, of the goal over the table
START_HEIGHT = 0.15  # m, of the tool over the table
APART = 0.06  # m, at least, from the start to the goal


class FetchReach(TableTask):
    """The goal is a place of the tool; an episode starts over the middle of the table."""

    def add_to(self, scene: mujoco.MjSpec, tool: mujoco.MjsBody, visuals: bool) -> None:
        """Puts up the table, and keeps the name of the tool."""
        super().add_to(scene, tool, visuals)
        self._tool_name = str(tool.name)

    def bind(self, model: mujoco.MjModel) -> None:
        """Finds the tool."""
        super().bind(model)
        self._tool = model.body(self._tool_name).id

    def show_goal(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """The tool at the goal."""
        return Start(self.desired)

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Draws the goal around the tool, but not where the tool is already."""
        start = self.over(START_HEIGHT)
        low = self.goal_xyz + np.array([-HALF, -HALF, LOWEST])
        high = self.goal_xyz + np.array([HALF, HALF, HIGHEST])
        self.desired = rng.uniform(low, high)
        while np.linalg.norm(self.desired - start) < APART:
            self.desired = rng.uniform(low, high)
        return Start(start)

    def achieved(self, data: mujoco.MjData) -> FloatArray:
        """The tool's place, m, base frame, shape [3]."""
        return np.array(data.xpos[self._tool])
