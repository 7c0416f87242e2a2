# SPDX-License-Identifier: Apache-2.0
"""What stands on a table at a place of its own in each episode; among it, a chest with a drawer.

See `chest` for the chest's frame.
"""

from collections.abc import Sequence

import mujoco
import numpy as np

from robot_rl.types import FloatArray
from sim_bridge.scene import COUPLING, SURROUNDINGS, Physics
from sim_bridge.tasks.chest import BAR_HEIGHT, FLOOR, LENGTH, Chest, boards, drawer
from sim_bridge.tasks.objects import RED, STEEL, Colour, Part

# Chest and drawer, m.
TRAVEL = 0.12
DISC = 0.14  # radius of the upright cylinder around chest and handle, drawer shut
MIDDLE = -0.06  # of that cylinder's axis along x

# Catch, m: a bolt in front of a lug under the drawer's floor, which the button draws down.
PRESS = 0.015
BUTTON_HEIGHT, BUTTON_RADIUS = 0.060, 0.022
LATCH = 8  # contact bit of bolt and lug, which meet nothing else
INERTIA = 0.1  # kg, that keeps light parts that slide from giving way

_BLACK: Colour = (0.16, 0.17, 0.20, 1.0)


class Fixture:
    """Something that stands still during an episode."""

    def __init__(self, name: str, parts: Sequence[Part]) -> None:
        """Takes its shapes."""
        self.name, self._parts = name, tuple(parts)

    def add_to(self, scene: mujoco.MjSpec, physics: Physics) -> mujoco.MjsBody:
        """Puts it into a scene."""
        body = scene.worldbody.add_body(name=self.name, mocap=True)
        for part in self._parts:
            part.add_to(body, physics, SURROUNDINGS)
        return body

    def bind(self, model: mujoco.MjModel) -> None:
        """Finds it in the compiled scene."""
        self._body = model.body(self.name).id
        self._mocap = int(model.body_mocapid[self._body])

    def place(self, data: mujoco.MjData, xyz: FloatArray, yaw: float = 0.0) -> None:
        """Puts it somewhere, m and rad, base frame."""
        data.mocap_pos[self._mocap] = xyz
        data.mocap_quat[self._mocap] = np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)

    def seen(self, data: mujoco.MjData, xyz: FloatArray) -> FloatArray:
        """A point of its frame in the base frame, m, shape [3]."""
        turned = np.zeros(3)
        mujoco.mju_rotVecQuat(turned, xyz, data.mocap_quat[self._mocap])
        return np.asarray(data.mocap_pos[self._mocap] + turned)


class Drawer(Fixture):
    """A chest with one drawer; a button opens it as an option, its handle does otherwise."""

    def __init__(self, name: str, chest: Chest | None = None, sprung: bool = False) -> None:
        """Takes its looks.

        Args:
            name: of its bodies.
            chest: how it looks.
            sprung: whether a spring pushes the drawer out as soon as its catch lets go.
        """
        self.chest = chest or Chest()
        super().__init__(name, boards(self.chest))
        self._sprung = sprung

    def add_to(self, scene: mujoco.MjSpec, physics: Physics) -> mujoco.MjsBody:
        """Puts chest and drawer into a scene, and the bolt where there is one."""
        chest = super().add_to(scene, physics)
        box = chest.add_body(name=f'{self.name}_box')
        held = {'stiffness': 20.0, 'springref': 0.22} if self._sprung else {'frictionloss': 1.0}
        _add_slide(box, self.name, 0, (0.0, TRAVEL), damping=6.0, **held)
        for part in drawer(self.chest):
            part.add_to(box, physics, SURROUNDINGS)
        if self._sprung:
            self._add_catch(chest, box, physics)
        return chest

    def _add_catch(self, chest: mujoco.MjsBody, box: mujoco.MjsBody, physics: Physics) -> None:
        bolt = chest.add_body(name=f'{self.name}_bolt')
        _add_slide(bolt, f'{self.name}_bolt', 2, (-PRESS, 0.0), damping=2.0)
        shape = (0.004, 0.015, 0.006)
        for body, x in ((box, -0.1085), (bolt, -0.100)):
            part = Part('box', shape, (x, 0.0, 0.0065), colour=STEEL, friction=0.1)
            geom = part.add_to(body, physics, 0)
            geom.contype, geom.conaffinity, geom.condim = LATCH, LATCH, 3

    def bind(self, model: mujoco.MjModel) -> None:
        """Finds chest and drawer in the compiled scene."""
        super().bind(model)
        joint = model.joint(self.name)
        self._qpos, self._dof = int(joint.qposadr[0]), int(joint.dofadr[0])

    def open(self, data: mujoco.MjData, opening: float) -> None:
        """Puts the drawer at an opening, m, at rest."""
        data.qpos[self._qpos], data.qvel[self._dof] = opening, 0.0

    def opening(self, data: mujoco.MjData) -> float:
        """How far it is open, m."""
        return float(data.qpos[self._qpos])

    def handle(self, data: mujoco.MjData, opening: float | None = None) -> FloatArray:
        """The middle of the bar, now or at an opening, m, base frame, shape [3]."""
        out = self.opening(data) if opening is None else opening
        return self.seen(data, np.array([self.chest.bar_out + out, 0.0, BAR_HEIGHT]))

    def inside(self, data: mujoco.MjData, x: float, y: float, z: float) -> FloatArray:
        """A point over the middle of the drawer's floor, m, base frame, shape [3]."""
        wall = 2 * self.chest.inside.wall
        return self.seen(
            data, np.array([self.opening(data) - LENGTH - wall + x, y, FLOOR + wall + z])
        )

    def state(self, data: mujoco.MjData) -> FloatArray:
        """Opening (m), its speed (m/s), the handle's place (m), the x axis, shape [7]."""
        ahead = self.seen(data, np.array([1.0, 0.0, 0.0])) - self.seen(data, np.zeros(3))
        moving = [self.opening(data), data.qvel[self._dof]]
        return np.concatenate((moving, self.handle(data), ahead[:2]))


class Button(Fixture):
    """A box with a button that springs back; pressed down, it draws the bolt of a drawer."""

    def __init__(self, name: str, drawer: Drawer) -> None:
        """Takes the drawer that it opens."""
        half = (BUTTON_HEIGHT - PRESS - 0.005) / 2
        super().__init__(name, [Part('box', (0.035, 0.035, half), (0, 0, half), colour=_BLACK)])
        self._drawer = drawer

    def add_to(self, scene: mujoco.MjSpec, physics: Physics) -> mujoco.MjsBody:
        """Puts it into a scene that has the drawer."""
        body = super().add_to(scene, physics)
        head = body.add_body(name=f'{self.name}_head')
        spring = {'stiffness': 150.0, 'springref': 0.01, 'damping': 5.0}
        _add_slide(head, self.name, 2, (-PRESS, 0.0), **spring)
        at = (0.0, 0.0, BUTTON_HEIGHT - 0.012)
        part = Part('cylinder', (BUTTON_RADIUS, 0.012), at, colour=RED)
        part.add_to(head, physics, SURROUNDINGS)
        rod = scene.add_equality(name=self.name, name1=f'{self._drawer.name}_bolt')
        rod.name2, rod.type = self.name, mujoco.mjtEq.mjEQ_JOINT
        rod.objtype = mujoco.mjtObj.mjOBJ_JOINT
        rod.data[1] = 1.0
        rod.solref = COUPLING
        return body

    def bind(self, model: mujoco.MjModel) -> None:
        """Finds it in the compiled scene."""
        super().bind(model)
        self._qpos = int(model.joint(self.name).qposadr[0])

    def state(self, data: mujoco.MjData) -> FloatArray:
        """Place of the middle of the button's face, m, base frame, shape [3]."""
        return self.seen(data, np.array([0.0, 0.0, BUTTON_HEIGHT + data.qpos[self._qpos]]))


def _add_slide(
    body: mujoco.MjsBody, name: str, axis: int, limits: tuple[float, float], **settings: float
) -> None:
    """A joint that slides along x (0), y (1) or z (2), between limits, m."""
    body.add_joint(
        name=name,
        type=mujoco.mjtJoint.mjJNT_SLIDE,
        axis=np.eye(3)[axis],
        range=limits,
        limited=mujoco.mjtLimited.mjLIMITED_TRUE,
        armature=INERTIA,
        solref_limit=COUPLING,
        **settings,
    )
