# SPDX-License-Identifier: Apache-2.0
"""The tool of an arm goes to a point in a cube (Gu et al. 2016, section V-A.1)."""

from typing import Any

import mujoco
import numpy as np

from robot_rl.types import Entries
from sim_bridge.scene import TABLE, look
from sim_bridge.tasks.objects import Mark
from sim_bridge.tasks.task import Start, Task

SIDE = 0.2  # m, of the cube about `goal_xyz`


class ArmReach(Task):
    """Nothing but the arm; the goal [3] is the tool's place, m, base frame."""

    physics = TABLE

    def __init__(self, *place: Any) -> None:
        """Makes the mark."""
        super().__init__(*place)
        self._mark = Mark()

    def add_to(self, scene: mujoco.MjSpec, tool: mujoco.MjsBody, visuals: bool) -> None:
        """Adds the mark of the goal and a camera."""
        self._tool_name = tool.name
        self._mark.add_to(scene, visuals)
        if visuals:
            x, y, z = self.goal_xyz
            eye = (x + 0.9, y - 1.1, z + 0.45)
            axes = look(*eye, x - 0.25, y, z + 0.05)
            scene.worldbody.add_camera(name='closeup', pos=eye, xyaxes=axes, fovy=45)

    def bind(self, model: mujoco.MjModel) -> None:
        """Finds tool and mark."""
        self._tool = model.body(self._tool_name).id
        self._mark.bind(model)

    def show_goal(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """The tool at the goal."""
        return Start(self.desired)

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """The arm always starts in the same posture, its tool over the cube's back."""
        self.desired = self.goal_xyz + rng.uniform(-SIDE / 2, SIDE / 2, 3)
        self._mark.place(data, self.desired)
        return Start(self.goal_xyz + np.array([-SIDE / 2, 0.0, 0.25]))

    def observe(self, data: mujoco.MjData) -> Entries:
        """The goals."""
        achieved = np.array(data.xpos[self._tool])
        return {'achieved_goal': achieved, 'desired_goal': self.desired.copy()}
