# SPDX-License-Identifier: Apache-2.0
"""The depth of a simulated camera as a stereo camera would have measured it."""

import math
import zlib
from functools import lru_cache

import mujoco
import numpy as np

from robot_rl.errors import InputError
from robot_rl.perception.camera import CameraConfig
from robot_rl.perception.depth import DepthImage
from robot_rl.perception.holes import spoil, weakness
from sim_bridge.goal_view import GOAL
from sim_bridge.world import World


def measured(world: World, camera: CameraConfig, depth_m: DepthImage) -> DepthImage:
    """True depth with the holes and the noise that the task's camera asks for.

    They follow from the episode's seed, the time since its start and the camera's name; those
    of a goal's picture stay the same for the episode.

    Args:
        world: that the picture was taken of.
        camera: that took it.
        depth_m: m, shape [H, W].

    Raises:
        InputError: a surface that the scene does not have.
    """
    config = camera.holes
    if config is None:
        return depth_m
    model, name = world.twin(), camera.name
    height, width = depth_m.shape
    seed = [world.looks.seed, zlib.crc32(name.encode())]
    if not name.endswith(GOAL):
        seed.append(round(world.data.time * 1e9))
    weak = None
    if config.surfaces:
        shares = _geoms(model, tuple(config.surfaces.items()), name)
        weak = weakness(world.segments(name, height, width), shares)
    fovy = float(model.cam_fovy[model.camera(name.removesuffix(GOAL)).id])
    focal = height / 2 / math.tan(math.radians(fovy) / 2)
    return spoil(depth_m, config, focal, np.random.default_rng(seed), weak)


@lru_cache(maxsize=8)
def _geoms(
    model: mujoco.MjModel, shares: tuple[tuple[str, float], ...], camera: str
) -> dict[int, float]:
    """What is lost of each geom, by its number."""
    bodies = [model.body(i).name for i in range(model.nbody)]
    names = [(model.geom(i).name, bodies[int(model.geom_bodyid[i])]) for i in range(model.ngeom)]
    found: dict[int, float] = {}
    for start, share in shares:
        mine = [i for i, both in enumerate(names) if any(n.startswith(start) for n in both)]
        if not mine:
            known = ', '.join(name for name in bodies if name)
            raise InputError(
                f'cameras: {camera}: holes: surfaces: no body or geom begins with {start!r}; '
                f'bodies: {known}'
            )
        found |= dict.fromkeys(mine, share)
    return found
