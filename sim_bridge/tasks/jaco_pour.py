# SPDX-License-Identifier: Apache-2.0
"""Jaco pours small spheres from a mug into a bowl (Zhu et al. 2018, section IV-B)."""

from dataclasses import dataclass

import mujoco
import numpy as np

from robot_rl.types import Entries, FloatArray
from sim_bridge.scene import OBJECT
from sim_bridge.tasks.containers import Mug
from sim_bridge.tasks.jaco_table import HALF_OPEN, JacoTable
from sim_bridge.tasks.objects import BLUE, Loose
from sim_bridge.tasks.task import Start
from sim_bridge.tasks.toys import mug, mug_shape

RADIUS = 0.005  # m, of a sphere
DENSITY = 1000.0  # kg/m^3
DRAG = 0.0005  # N s/m, on a sphere, so that spilled ones come to rest
PITCH = 2.04 * RADIUS  # m, between spheres at the start
WATER = (0.30, 0.55, 0.85, 1.0)
NARROWEST = 0.027  # m, inside of a mug
BOWL = Mug(0.058, 0.06, staves=12)
BEHIND = 0.11  # m, of the tool from the mug at the start
GRIP = 0.052  # m, of the tool over the table at the start, that of the mug's middle


@dataclass(frozen=True)
class PourOptions:
    """Of the scene.

    Attributes:
        spheres: how many are in the mug.
        toy_seed: which mug it is.
    """

    spheres: int = 60
    toy_seed: int = 0

    def __post_init__(self) -> None:
        """Refuses none, and more than the mug and a computer take."""
        if not 1 <= self.spheres <= 100:
            raise ValueError(f'spheres: expected 1 to 100, got {self.spheres}')
        if self.toy_seed < 0:
            raise ValueError(f'toy_seed: expected 0 or above, got {self.toy_seed}')


class JacoPour(JacoTable):
    """A full mug and an empty bowl; the goal is the share of the spheres in the bowl.

    Spheres have no friction, and do not turn.
    """

    Options = PourOptions
    eye = (0.60, 0.15, 0.40)

    def __init__(self, *place: object) -> None:
        """Makes the mug."""
        super().__init__(*place)  # type: ignore[arg-type]
        seed = self.options.toy_seed
        bowl = Loose('bowl', BOWL.parts(BLUE), BOWL.radius + BOWL.wall, 0.0)
        self.objects = (mug(seed).loose('mug'), bowl)
        self._shapes = (mug_shape(seed), BOWL)

    def add_to(self, scene: mujoco.MjSpec, tool: mujoco.MjsBody, visuals: bool) -> None:
        """Adds the spheres."""
        super().add_to(scene, tool, visuals)
        surface = self.physics.surface(OBJECT) | {'condim': 1, 'priority': 1}
        for i in range(self.options.spheres):
            body = scene.worldbody.add_body(name=f'sphere_{i}')
            for axis in np.eye(3):
                slide = mujoco.mjtJoint.mjJNT_SLIDE
                body.add_joint(type=slide, axis=axis).damping[0] = DRAG
            sphere = mujoco.mjtGeom.mjGEOM_SPHERE
            size = [RADIUS, 0.0, 0.0]
            body.add_geom(type=sphere, size=size, rgba=WATER, density=DENSITY, **surface)

    def bind(self, model: mujoco.MjModel) -> None:
        """Finds the spheres."""
        super().bind(model)
        first = int(model.jnt_qposadr[model.body('sphere_0').jntadr[0]])
        self._spheres = slice(first, first + 3 * self.options.spheres)

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Stands mug and bowl side by side, the hand before the mug."""
        cup, bowl = self.objects
        shifts = rng.uniform(-0.025, 0.025, (2, 2))
        at = self.goal_xyz[:2] + [0.09, -0.10] + shifts[0]
        self.put(data, cup, at, rng.uniform(-0.5, 0.5))
        self.put(data, bowl, self.goal_xyz[:2] + [0.09, 0.12] + shifts[1], rng.uniform(0, 1))
        grid = _grid(self.options.spheres)
        grid[:, :2] += rng.uniform(-1e-4, 1e-4, (len(grid), 2))
        data.qpos[self._spheres] = (grid + cup.xyz(data)).ravel()
        self.desired = np.ones(1)
        return Start(self.above(at - [BEHIND, 0.0], GRIP), gripper=HALF_OPEN)

    def spheres(self, data: mujoco.MjData) -> FloatArray:
        """Their positions, m, base frame, shape [spheres, 3]."""
        return np.array(data.qpos[self._spheres]).reshape(-1, 3)

    def share(self, data: mujoco.MjData, index: int) -> float:
        """Share of the spheres inside of the mug, 0, or of the bowl, 1."""
        loose, shape = self.objects[index], self._shapes[index]
        way = (self.spheres(data) - loose.xyz(data)) @ loose.rotation(data)
        inside = np.hypot(way[:, 0], way[:, 1]) < shape.radius + shape.wall
        inside &= (way[:, 2] > 0.0) & (way[:, 2] < shape.height)
        return float(inside.mean())

    def achieved(self, data: mujoco.MjData) -> FloatArray:
        """Share of the spheres in the bowl, shape [1]."""
        return np.array([self.share(data, 1)])

    def observe(self, data: mujoco.MjData) -> Entries:
        """Goals, mug and bowl, and `liquid`: the spheres' mean position and share in the mug."""
        liquid = [*self.spheres(data).mean(axis=0), self.share(data, 0)]
        return super().observe(data) | {'liquid': np.array(liquid)}


def _grid(count: int) -> FloatArray:
    """Places of spheres from the mug's origin, layer by layer, m, shape [count, 3]."""
    steps = np.arange(-3, 4)
    rows, columns = np.meshgrid(steps, steps, indexing='ij')
    xy = PITCH * np.stack((columns + 0.5 * rows, np.sqrt(0.75) * rows), axis=-1).reshape(-1, 2)
    xy = xy[np.hypot(*xy.T) < NARROWEST - RADIUS]
    level, place = np.divmod(np.arange(count), len(xy))
    z = 2 * BOWL.wall + RADIUS + PITCH * level
    return np.column_stack((xy[place], z))
