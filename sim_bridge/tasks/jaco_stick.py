# SPDX-License-Identifier: Apache-2.0
"""Jaco takes a stick that hangs on a string and brings it to a point (Gu et al. 2016, IV-B)."""

import mujoco
import numpy as np

from sim_bridge.tasks.jaco_table import HALF_OPEN, JacoTable
from sim_bridge.tasks.objects import RED, STEEL, Loose, Mark, Part
from sim_bridge.tasks.task import Start

RADIUS, HALF = 0.011, 0.07  # m, of the stick
STICK_AT = np.array([0.13, 0.0, 0.28])  # m, of its middle from that of the table
STRING = 0.35  # m
TIGHT = (0.01, 1.0)  # time constant (s) and damping ratio of the string when it is straight
TARGET_AT = np.array([0.15, 0.0, 0.40])  # m, middle of the targets from that of the table
SQUARE = 0.12  # m, half of the side of the square that they lie in
BEHIND = 0.09  # m, of the tool from the stick at the start


class JacoStick(JacoTable):
    """A stick that hangs freely, and a point over it that is drawn for each episode."""

    eye = (1.15, -0.70, 0.60)
    aim = 0.38

    def __init__(self, *place: object) -> None:
        """Makes the stick."""
        super().__init__(*place)  # type: ignore[arg-type]
        stick = Part('cylinder', (RADIUS, HALF), colour=RED)
        self.objects = (Loose('stick', [stick], RADIUS, HALF),)
        self._mark = Mark()
        self._stick_xyz = self.goal_xyz + STICK_AT
        self._hook_xyz = self._stick_xyz + np.array([0.0, 0.0, HALF + STRING])

    def add_to(self, scene: mujoco.MjSpec, tool: mujoco.MjsBody, visuals: bool) -> None:
        """Adds the string, and what it hangs on."""
        super().add_to(scene, tool, visuals)
        scene.worldbody.add_site(name='hook', pos=self._hook_xyz, size=[0.004, 0.004, 0.004])
        scene.body('stick').add_site(name='eyelet', pos=[0.0, 0.0, HALF], size=[0.003] * 3)
        string = scene.add_tendon(
            name='string', limited=True, range=[0.0, STRING], width=0.002, rgba=_WHITE
        )
        string.solref_limit = TIGHT
        string.wrap_site('hook')
        string.wrap_site('eyelet')
        self._mark.add_to(scene, visuals)
        if visuals:
            for part in self._gallows():
                part.add_to(scene.worldbody, self.physics, 0)

    def bind(self, model: mujoco.MjModel) -> None:
        """Finds stick and mark."""
        super().bind(model)
        self._mark.bind(model)

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Hangs the stick before the hand, always in the same place, and draws the target."""
        self.objects[0].place(data, self._stick_xyz)
        shift = np.array([*rng.uniform(-SQUARE, SQUARE, 2), 0.0])
        self.desired = self.goal_xyz + TARGET_AT + shift
        self._mark.place(data, self.desired)
        return Start(self._stick_xyz - np.array([BEHIND, 0.0, 0.0]), gripper=HALF_OPEN)

    def _gallows(self) -> list[Part]:
        """A post at the table's edge, and a beam to the hook."""
        x, y, z = self._hook_xyz
        foot, half = y + self.half[1] - 0.04, (z - self.top) / 2
        return [
            Part('box', (0.012, 0.012, half), (x, foot, self.top + half), colour=STEEL),
            Part('box', (0.010, 0.20, 0.010), (x, foot - 0.19, z + 0.01), colour=STEEL),
        ]


_WHITE = (0.95, 0.95, 0.92, 1.0)
