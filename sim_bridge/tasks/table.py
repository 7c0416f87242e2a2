# SPDX-License-Identifier: Apache-2.0
"""Scenes on a table: what they share."""

import mujoco
import numpy as np

from robot_rl.types import Entries, FloatArray
from sim_bridge.scene import SURROUNDINGS, TABLE, look
from sim_bridge.tasks.objects import WOOD, Loose, Part
from sim_bridge.tasks.task import Start, Task

THICKNESS = 0.04
FRONT = (0.75, 0.50)  # m, of the camera `front` before and over the middle of the top
FAR = 30.0  # m, beyond what cameras draw; objects that an episode lacks lie there


class TableTask(Task):
    """A table with loose objects; `goal_xyz` is the middle of its top.

    Attributes:
        half: m, half sizes of the table's top in x and y.
        friction: of the table's top, where it is not the scene's.
        eye: m, of the camera `closeup` from the middle of the top.
        aim: m, height over the top that it looks at.
        objects: what lies on it.
    """

    physics = TABLE
    half = (0.25, 0.40)
    friction: float | None = None
    eye = (0.65, -0.55, 0.55)
    aim = 0.08
    objects: tuple[Loose, ...] = ()

    def add_to(self, scene: mujoco.MjSpec, tool: mujoco.MjsBody, visuals: bool) -> None:
        """Puts up the table, a camera, and the objects."""
        x, y, top = self.goal_xyz
        size, at = (*self.half, THICKNESS / 2), (x, y, top - THICKNESS / 2)
        board = Part('box', size, at, colour=WOOD, friction=self.friction)
        board.add_to(scene.worldbody, self.physics, SURROUNDINGS)
        for loose in self.objects:
            loose.add_to(scene, self.physics)
        self._add_ground(scene)
        if visuals:
            self._add_legs(scene)
            eye = (x + self.eye[0], y + self.eye[1], top + self.eye[2])
            axes = look(*eye, x, y, top + self.aim)
            scene.worldbody.add_camera(name='closeup', pos=eye, xyaxes=axes, fovy=40)
            eye = (x + FRONT[0], y, top + FRONT[1])
            axes = look(*eye, x, y, top + self.aim)
            scene.worldbody.add_camera(name='front', pos=eye, xyaxes=axes, fovy=40)

    def bind(self, model: mujoco.MjModel) -> None:
        """Finds the objects."""
        for loose in self.objects:
            loose.bind(model)
        self._ground = float(model.site('ground').pos[2])

    @property
    def loose(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the objects."""
        return tuple(loose.name for loose in self.objects)

    def resize(self, factors: dict[str, float]) -> None:
        """Takes note of the objects' sizes."""
        for loose in self.objects:
            loose.resize(factors[loose.name])

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

    def put_away(self, data: mujoco.MjData, loose: Loose) -> None:
        """Takes an object out of the episode."""
        loose.place(data, np.array([FAR, self.objects.index(loose), self._ground + loose.rest]))

    def present(self, data: mujoco.MjData, loose: Loose) -> bool:
        """Whether an object was not put away."""
        return bool(loose.xyz(data)[0] < FAR / 2)

    def observe(self, data: mujoco.MjData) -> Entries:
        """The goals, and `objects`: `Loose.state` of each, joined; zeros for one put away."""
        states = [loose.state(data) * self.present(data, loose) for loose in self.objects]
        return {
            'achieved_goal': self.achieved(data),
            'desired_goal': self.desired.copy(),
            'objects': np.concatenate(states) if states else np.zeros(0),
        }

    def achieved(self, data: mujoco.MjData) -> FloatArray:
        """What should become `desired`: the positions of all objects, m, base frame.

        Zeros for those that were put away, as `desired` should have for them.
        """
        parts = [loose.xyz(data) * self.present(data, loose) for loose in self.objects]
        return np.concatenate(parts) if parts else np.zeros(0)

    def show_goal(self, data: mujoco.MjData, rng: np.random.Generator) -> Start | None:
        """All objects upright where they are desired, the arm where it is."""
        if self.desired.size != 3 * len(self.objects):
            return super().show_goal(data, rng)
        for loose, xyz in zip(self.objects, self.desired.reshape(-1, 3), strict=True):
            if self.present(data, loose):
                loose.place(data, xyz)
        return None

    def _add_ground(self, scene: mujoco.MjSpec) -> None:
        """What stops objects that fall off the table; the floor is only seen."""
        scene.worldbody.add_geom(
            type=mujoco.mjtGeom.mjGEOM_PLANE,
            size=[1, 1, 1],
            pos=scene.site('ground').pos,
            group=3,
            **self.physics.surface(SURROUNDINGS),
        )

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
