# SPDX-License-Identifier: Apache-2.0
"""A pool of textures that is made once: flat, gradient, checker and noise, in random colours."""

import mujoco
import numpy as np
from numpy.typing import NDArray

from robot_rl.looks import Pattern

CUBE = 'cube'
SIZE = 64  # pixels, of a side
_ROLE = mujoco.mjtTextureRole.mjTEXROLE_RGB
_TYPES = {CUBE: mujoco.mjtTexture.mjTEXTURE_CUBE, '2d': mujoco.mjtTexture.mjTEXTURE_2D}


def add_textures(
    scene: mujoco.MjSpec, patterns: tuple[Pattern, ...], pool: int, seed: int
) -> None:
    """Adds the pool, the same in every run, a material for bodies and one for planes of each."""
    rng = np.random.default_rng(seed)
    pixels = [draw(patterns[i % len(patterns)], rng) for i in range(pool)]
    for kind, type_ in _TYPES.items():
        for i, face in enumerate(pixels):
            name = f'looks_{kind}{i}'
            texture = scene.add_texture(name=name, type=type_, nchannel=3)
            faces = 6 if kind == CUBE else 1
            texture.width, texture.height = SIZE, faces * SIZE
            texture.data = np.tile(face, (faces, 1, 1)).tobytes()
            made = scene.add_material(name=name)
            made.textures[_ROLE] = name


def material(model: mujoco.MjModel, kind: str) -> int:
    """Number of the first material of the pool; the others follow it."""
    return int(model.material(f'looks_{kind}0').id)


def draw(pattern: Pattern, rng: np.random.Generator) -> NDArray[np.uint8]:
    """One texture [64, 64, 3]."""
    one, two = rng.uniform(0, 255, (2, 3))
    y, x = np.mgrid[:SIZE, :SIZE]
    if pattern == 'noise':
        cells = rng.random((SIZE // 4, SIZE // 4))
        share = np.kron(cells, np.ones((4, 4)))
    elif pattern == 'checker':
        side = int(rng.integers(4, 17))
        share = ((x // side + y // side) % 2).astype(np.float64)
    elif pattern == 'gradient':
        angle = rng.uniform(0, 2 * np.pi)
        share = np.cos(angle) * (x / SIZE - 0.5) + np.sin(angle) * (y / SIZE - 0.5) + 0.5
    else:
        share = np.zeros((SIZE, SIZE))
    mixed = one + share.clip(0, 1)[..., None] * (two - one)
    return np.asarray(mixed, np.uint8)
