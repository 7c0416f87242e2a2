# SPDX-License-Identifier: Apache-2.0
"""Looks that differ from episode to episode, set in place in the twin that is drawn.

The twin is compiled once with all that may appear: further lights that are off, objects that are
out of sight, walls, and a material for each texture of the pool. An episode only writes numbers.
"""

import json
import zlib
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from robot_rl.looks import LooksConfig
from robot_rl.types import FloatArray
from sim_bridge.frames import Frames
from sim_bridge.rendering import MARKS
from sim_bridge.textures import CUBE, add_textures, material

#: Of the seeds of an episode, so that nothing else depends on what is drawn here.
STREAM = 11
LIGHTS = 4  # further ones, all off in the task as it stands
WALL = 3.5  # m, from the middle to each wall of the background
HIDDEN = np.array([0.0, 0.0, -9.0])  # m, where distractors lie that an episode lacks
_OWN = 'looks_'  # names of what is added here begin with this
_BOX, _BALL = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_SPHERE
_KINDS = (_BOX, _BALL, mujoco.mjtGeom.mjGEOM_CYLINDER)
#: Which of its sizes is half the height of a shape.
_UPWARDS = {int(kind): size for kind, size in zip(_KINDS, (2, 0, 1), strict=True)}
_FIELDS = (
    *('geom_rgba', 'geom_matid', 'geom_pos', 'geom_quat', 'geom_size', 'geom_rbound'),
    *('light_pos', 'light_dir', 'light_diffuse', 'light_specular', 'light_active'),
    *('light_castshadow', 'cam_pos', 'cam_quat', 'cam_fovy', 'mat_specular', 'mat_rgba'),
)

#: Numbers of an array that are written out in the file of looks.
LISTED = 32

#: What was drawn, by the name of its range, and what was set by it, by the name of MuJoCo's array.
Drawn = dict[str, FloatArray]


def add_looks(scene: mujoco.MjSpec, config: LooksConfig, middle: FloatArray) -> None:
    """Adds to a scene that is drawn what its looks may need.

    Args:
        scene: before it is compiled.
        config: what may vary.
        middle: of the task, m, base frame, shape [3].
    """
    world = scene.worldbody
    seen = {'contype': 0, 'conaffinity': 0}
    if config.lights[1]:
        for i in range(LIGHTS):
            way = np.array([np.cos(1.6 * i + 0.6), np.sin(1.6 * i + 0.6), 1.2])
            at = middle + 1.5 * way
            light = world.add_light(name=f'{_OWN}light{i}', pos=at, dir=-way, active=False)
            light.diffuse = [0.5, 0.5, 0.5]
    for i in range(config.distractors[1]):
        turned = np.array([0.8, 0.6, 0.0, 0.0])  # no shortcut of the kinematics may apply
        size = [config.distractor_size[0]] * 3
        kind = _KINDS[i % len(_KINDS)]
        world.add_geom(
            name=f'{_OWN}thing{i}', type=kind, size=size, pos=HIDDEN, quat=turned, **seen
        )
    if config.background[1]:
        for i, (x, y) in enumerate(((1, 0), (-1, 0), (0, 1), (0, -1))):
            side = [0.01 + WALL * abs(y), 0.01 + WALL * abs(x), 4.0]
            there = [middle[0] + WALL * x, middle[1] + WALL * y, 0.0]
            world.add_geom(name=f'{_OWN}wall{i}', type=_BOX, size=side, pos=there, **seen)
    if config.textured[1]:
        add_textures(scene, config.patterns, config.pool, config.pool_seed)


class Looks:
    """Draws an episode's looks and writes them into the twin, always from its nominal ones.

    Attributes:
        drawn: of this episode; empty where nothing varies.
        seed: of the episode.
        frames: what cameras make of what they see.
    """

    def __init__(
        self,
        config: LooksConfig,
        middle: FloatArray,
        action_hz: float,
        cameras: tuple[str, ...] = (),
    ) -> None:
        """Keeps the ranges.

        Args:
            config: what varies, and how far.
            middle: of the task, m, base frame, shape [3].
            action_hz: pictures a second.
            cameras: that move; those of films stay.
        """
        self.config, self.seed = config, 0
        self.drawn: Drawn = {}
        self.frames = Frames(action_hz)
        self._noted = -1, -1
        self._middle, self._seen_by = middle, cameras
        self._nominal: dict[str, NDArray[Any]] = {}

    def draw(self, model: mujoco.MjModel) -> bool:
        """Draws and sets the looks of the seed's episode; whether lights throw shadows in it."""
        if not self.config.varies:
            return False
        rng = np.random.default_rng([self.seed, STREAM])
        if not self._nominal:
            self._nominal = {name: getattr(model, name).copy() for name in _FIELDS}
            self._find(model)
        for name, values in self._nominal.items():
            getattr(model, name)[:] = values
        drawn = {'ambient': self._one(rng, 'ambient')}
        model.vis.headlight.ambient[:] = np.minimum(self._ambient * drawn['ambient'], 1.0)
        model.vis.headlight.diffuse[:] = np.minimum(self._diffuse * drawn['ambient'], 1.0)
        drawn |= self._set_lights(model, rng) | self._set_cameras(model, rng)
        drawn |= self._set_surfaces(model, rng) | self._set_things(model, rng)
        drawn |= {n: self._one(rng, n) for n in ('depth_noise', 'latency', 'dropped')}
        self.frames.begin(drawn, rng)
        now = {name: getattr(model, name) for name in _FIELDS}
        drawn |= {n: v.astype(float) for n, v in now.items() if (v != self._nominal[n]).any()}
        self.drawn = drawn
        return bool(drawn['shadow'][0])

    def note(self, path: Path, episode: int) -> None:
        """Adds a line of JSON with the episode and what was drawn to a file, once an episode.

        Arrays of more than `LISTED` numbers are there as the CRC-32 of their bytes.
        """
        if not self.drawn or self._noted == (episode, self.seed):
            return
        self._noted = episode, self.seed
        line = {name: _brief(np.round(value, 6)) for name, value in self.drawn.items()}
        with path.open('a') as file:
            file.write(json.dumps({'episode': episode, 'seed': self.seed} | line) + '\n')

    def _find(self, model: mujoco.MjModel) -> None:
        names = [model.geom(i).name for i in range(model.ngeom)]
        back = [n == 'floor' or n.startswith(f'{_OWN}wall') for n in names]
        shown = model.geom_group < MARKS
        self._things = np.array(
            [i for i, n in enumerate(names) if n.startswith(f'{_OWN}thing')], int
        )
        cameras = [model.camera(i).name for i in range(model.ncam)]
        self._cameras = [i for i, n in enumerate(cameras) if n in self._seen_by]
        self._back = np.flatnonzero(np.array(back) & shown)
        solid = model.geom_type != mujoco.mjtGeom.mjGEOM_PLANE
        self._front = np.flatnonzero(~np.array(back) & shown & solid & (model.geom_group != 3))
        lights = [model.light(i).name for i in range(model.nlight)]
        self._more = np.array([i for i, n in enumerate(lights) if n.startswith(_OWN)], int)
        self._ambient = model.vis.headlight.ambient.copy()
        self._diffuse = model.vis.headlight.diffuse.copy()

    def _one(self, rng: np.random.Generator, name: str, size: int = 1) -> FloatArray:
        low, high = getattr(self.config, name)
        return np.asarray(rng.uniform(low, high, size))

    def _set_lights(self, model: mujoco.MjModel, rng: np.random.Generator) -> Drawn:
        count = model.nlight
        on = int(rng.integers(self.config.lights[0], self.config.lights[1] + 1))
        if len(self._more):
            model.light_active[rng.permutation(self._more)[:on]] = 1
        drawn = {
            n: self._one(rng, n, count) for n in ('light_position', 'light_angle', 'brightness')
        }
        model.light_pos += drawn['light_position'][:, None] * _ways(rng, count)
        turns = np.tan(np.radians(np.minimum(drawn['light_angle'], 89.0)))[:, None]
        aim = model.light_dir + turns * _ways(rng, count)
        model.light_dir[:] = aim / np.linalg.norm(aim, axis=1, keepdims=True)
        model.light_diffuse *= drawn['brightness'][:, None]
        shadow = rng.random() < self._one(rng, 'shadow')
        return drawn | {'lights': np.array([float(on)]), 'shadow': shadow.astype(np.float64)}

    def _set_cameras(self, model: mujoco.MjModel, rng: np.random.Generator) -> Drawn:
        """Moves and turns the task's cameras in their own frames, x right, y up, z back."""
        count, mine = model.ncam, self._cameras
        moved = self._one(rng, 'camera_position', 3 * count).reshape(count, 3)[mine]
        turned = self._one(rng, 'camera_angle', 3 * count).reshape(count, 3)[mine]
        focal, turn, axes = self._one(rng, 'focal', count)[mine], np.zeros(4), np.zeros(9)
        for i, offset, angles in zip(mine, moved, turned, strict=True):
            mujoco.mju_quat2Mat(axes, model.cam_quat[i])
            model.cam_pos[i] += axes.reshape(3, 3) @ offset
            mujoco.mju_euler2Quat(turn, np.radians(angles), 'xyz')
            mujoco.mju_mulQuat(model.cam_quat[i], model.cam_quat[i].copy(), turn)
        half = np.tan(np.radians(model.cam_fovy[mine]) / 2) / focal
        model.cam_fovy[mine] = np.degrees(2 * np.arctan(half))
        return {'camera_position': moved.ravel(), 'camera_angle': turned.ravel(), 'focal': focal}

    def _set_surfaces(self, model: mujoco.MjModel, rng: np.random.Generator) -> Drawn:
        front, back, config = self._front, self._back, self.config
        for name, which in (('color', front), ('background', back)):
            share = self._one(rng, name, len(which))[:, None]
            random = rng.random((len(which), 3))
            model.geom_rgba[which, :3] += share * (random - model.geom_rgba[which, :3])
        drawn = {'textured': self._one(rng, 'textured')}
        if config.textured[1]:
            worn = front[rng.random(len(front)) < drawn['textured']]
            first = material(model, CUBE)
            model.geom_matid[worn] = first + rng.integers(0, config.pool, len(worn))
            if rng.random() < drawn['textured'] and config.background[1]:
                flat = back[model.geom_type[back] == mujoco.mjtGeom.mjGEOM_PLANE]
                model.geom_matid[flat] = material(model, '2d') + rng.integers(0, config.pool)
        if config.specular is not None:
            drawn['specular'] = self._one(rng, 'specular', 1)
            model.mat_specular[:] = self._one(rng, 'specular', model.nmat)
            model.light_specular[:] = drawn['specular']
        return drawn

    def _set_things(self, model: mujoco.MjModel, rng: np.random.Generator) -> Drawn:
        """Strews the distractors over the plane of the task."""
        low, high = self.config.distractors
        count, poses = int(rng.integers(low, high + 1)), []
        for i in rng.permutation(self._things)[:count].tolist():
            size = rng.uniform(*self.config.distractor_size, 3)
            area = np.array(self.config.distractor_area)
            model.geom_size[i] = size
            model.geom_rbound[i] = np.linalg.norm(size)
            at = np.array([*rng.uniform(-area, area), size[_UPWARDS[int(model.geom_type[i])]]])
            model.geom_pos[i] = self._middle + at
            yaw = rng.uniform(-np.pi, np.pi)
            poses.append([*at[:2], yaw])
            model.geom_quat[i] = np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)
            model.geom_rgba[i] = *rng.random(3), 1.0
        drawn = {'distractors': np.array([float(count)])}
        return drawn | {'distractor_poses': np.ravel(poses)}  # x, y, m, from the middle, yaw, rad


def _ways(rng: np.random.Generator, count: int) -> FloatArray:
    """Directions, evenly over the sphere, shape [N, 3]."""
    ways = rng.standard_normal((count, 3))
    return np.asarray(ways / np.linalg.norm(ways, axis=1, keepdims=True))


def _brief(values: FloatArray) -> list[float] | str:
    """All of a few numbers, or what identifies many."""
    if values.size <= LISTED:
        return [float(value) for value in values.ravel()]
    return f'crc32 {zlib.crc32(values.tobytes()):08x}'
