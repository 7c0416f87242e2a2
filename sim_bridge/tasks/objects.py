# SPDX-License-Identifier: Apache-2.0
"""Loose objects of simulated scenes: how they are made, placed, and read."""

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from robot_rl.errors import InputError
from robot_rl.types import FloatArray
from sim_bridge.rendering import MARKS
from sim_bridge.scene import OBJECT, Physics

Colour = tuple[float, float, float, float]
TRIES, LAYOUTS = 100, 20  # for one object, and from the first on, until a place is found
X_AND_Z = np.array([0, 3, 6, 2, 5, 8])  # where a rotation matrix has those axes
GAP = 0.005  # m, at least, between objects that are placed at random

RED, GREEN, BLUE = (0.80, 0.25, 0.22, 1.0), (0.30, 0.62, 0.36, 1.0), (0.22, 0.42, 0.72, 1.0)
YELLOW, ORANGE, PURPLE = (0.92, 0.76, 0.24, 1.0), (0.90, 0.52, 0.20, 1.0), (0.52, 0.36, 0.64, 1.0)
WOOD, STEEL = (0.78, 0.70, 0.58, 1.0), (0.62, 0.63, 0.66, 1.0)


@dataclass(frozen=True)
class Part:
    """One primitive shape of an object, in the object's frame.

    Attributes:
        kind: `box`, `sphere`, `cylinder` or `capsule`.
        size: m, half sizes of a box; radius; radius and half length along z.
        xyz: m, of its centre.
        rpy: rad, fixed-axis roll, pitch, yaw.
        colour: red, green, blue, alpha.
        density: kg/m^3.
        friction: sliding, against whatever touches it; that of the scene where absent. Of two
            parts that have their own, the rougher one's counts.
    """

    kind: str
    size: tuple[float, ...]
    xyz: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rpy: tuple[float, float, float] = (0.0, 0.0, 0.0)
    colour: Colour = RED
    density: float = 500.0
    friction: float | None = None

    def add_to(self, body: mujoco.MjsBody, physics: Physics, side: int) -> mujoco.MjsGeom:
        """Adds the shape to a body."""
        turn = np.zeros(4)
        mujoco.mju_euler2Quat(turn, np.array(self.rpy), 'XYZ')
        size = [*self.size, 0.0, 0.0][:3]
        geom = body.add_geom(
            type=_KINDS[self.kind],
            size=size,
            pos=self.xyz,
            quat=turn,
            rgba=self.colour,
            density=self.density,
            **physics.surface(side),
        )
        if self.friction is not None:
            geom.friction[0], geom.priority = self.friction, 1
        return geom


_KINDS = {
    'box': mujoco.mjtGeom.mjGEOM_BOX,
    'sphere': mujoco.mjtGeom.mjGEOM_SPHERE,
    'cylinder': mujoco.mjtGeom.mjGEOM_CYLINDER,
    'capsule': mujoco.mjtGeom.mjGEOM_CAPSULE,
}


class Loose:
    """An object that moves freely.

    Attributes:
        name: of its body.
        radius: m, of the upright cylinder around it, for placing.
        rest: m, height of its origin over the surface that it stands on.
    """

    def __init__(self, name: str, parts: Sequence[Part], radius: float, rest: float) -> None:
        """Takes its shapes."""
        self.name, self.radius, self.rest = name, radius, rest
        self._nominal = radius, rest
        self._parts = tuple(parts)

    def add_to(self, scene: mujoco.MjSpec, physics: Physics) -> None:
        """Puts it into a scene.

        Raises:
            InputError: another object has its name.
        """
        if scene.body(self.name) is not None:
            raise InputError(f'scene: two objects are named {self.name!r}')
        body = scene.worldbody.add_body(name=self.name, pos=[0.0, 0.0, self.rest])
        body.add_freejoint(name=self.name)
        for part in self._parts:
            part.add_to(body, physics, OBJECT)

    def bind(self, model: mujoco.MjModel) -> None:
        """Finds it in the compiled scene."""
        self._body = model.body(self.name).id
        joint = model.joint(self.name)
        self._qpos, self._dofs = int(joint.qposadr[0]), int(joint.dofadr[0])

    def resize(self, factor: float) -> None:
        """Takes note that it is so many times its nominal size."""
        self.radius, self.rest = (factor * length for length in self._nominal)

    def place(self, data: mujoco.MjData, xyz: FloatArray, yaw: float = 0.0) -> None:
        """Puts it somewhere at rest, m and rad, base frame."""
        data.qpos[self._qpos : self._qpos + 3] = xyz
        data.qpos[self._qpos + 3 : self._qpos + 7] = np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)
        data.qvel[self._dofs : self._dofs + 6] = 0.0

    def xyz(self, data: mujoco.MjData) -> FloatArray:
        """Position, m, base frame, shape [3]."""
        return np.array(data.qpos[self._qpos : self._qpos + 3])

    def rotation(self, data: mujoco.MjData) -> FloatArray:
        """Its axes in the base frame, shape [3, 3]."""
        return np.array(data.xmat[self._body]).reshape(3, 3)

    def state(self, data: mujoco.MjData) -> FloatArray:
        """Position (m), x axis, z axis, linear (m/s) and angular velocity (rad/s), shape [15]."""
        xyz = data.qpos[self._qpos : self._qpos + 3]
        velocity = data.qvel[self._dofs : self._dofs + 6]
        return np.concatenate((xyz, data.xmat[self._body][X_AND_Z], velocity))


def block(name: str, half: float, colour: Colour = RED, friction: float | None = None) -> Loose:
    """A cube of this half size, m, and of 500 kg/m^3; `friction` as of a `Part`."""
    cube = Part('box', (half,) * 3, colour=colour, friction=friction)
    return Loose(name, [cube], half * np.sqrt(2), half)


def scatter(
    rng: np.random.Generator,
    radii: Sequence[float],
    low: FloatArray,
    high: FloatArray,
    taken: Sequence[tuple[FloatArray, float]] = (),
) -> list[FloatArray]:
    """Places on a surface, [2] each, whose discs do not touch each other or what is taken.

    Args:
        rng: their source.
        radii: m, of the discs.
        low: m, least x and y of the centres, shape [2].
        high: m, greatest, shape [2].
        taken: centres [2] and radii of discs that are there already.

    Raises:
        InputError: there is no room for them.
    """
    for _ in range(LAYOUTS):
        discs = list(taken)
        for radius in radii:
            for _ in range(TRIES):
                xy = rng.uniform(low, high)
                if all(np.hypot(*(xy - at)) > radius + other + GAP for at, other in discs):
                    discs.append((xy, radius))
                    break
        if len(discs) == len(taken) + len(radii):
            return [xy for xy, _ in discs[len(taken) :]]
    raise InputError(f'scene: no room for {len(radii)} objects in {low} to {high} m')


class Mark:
    """A translucent ball that shows a goal to people; observations are drawn without it."""

    def __init__(self, name: str = 'goal', radius: float = 0.02, alpha: float = 0.6) -> None:
        """Takes its size, m, and its opacity."""
        self._name, self._radius, self._colour = name, radius, [*GREEN[:3], alpha]

    def add_to(self, scene: mujoco.MjSpec, visuals: bool) -> None:
        """Puts it into a scene, where it can be placed whether or not it is drawn."""
        body = scene.worldbody.add_body(name=self._name, mocap=True)
        if visuals:
            body.add_geom(
                type=mujoco.mjtGeom.mjGEOM_SPHERE,
                size=[self._radius, 0.0, 0.0],
                rgba=self._colour,
                contype=0,
                conaffinity=0,
                group=MARKS,
            )

    def bind(self, model: mujoco.MjModel) -> None:
        """Finds it in the compiled scene."""
        self._index = int(model.body(self._name).mocapid[0])

    def place(self, data: mujoco.MjData, xyz: FloatArray) -> None:
        """Puts it somewhere, m, base frame."""
        data.mocap_pos[self._index] = xyz
