# SPDX-License-Identifier: Apache-2.0
"""What a stereo camera does to depth: shadows at edges, range, noise, lost surfaces, steps.

Simulated depth is perfect. A policy trained on it would meet holes and noise for the first time
on the real camera, so the simulation makes pictures as bad as those of a RealSense before the
same filling as there (Pinto et al. 2017, section V-B).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from robot_rl.perception.depth import DepthImage
from robot_rl.ranges import Range, check

_RANGES = {
    'baseline': Range(0, 0.5, 'm'),
    'range_m': Range(0, 100, 'm'),
    'noise': Range(0, 0.1, '1/m'),
    'patch': Range(1, 64, 'pixels'),
    'speckle': Range(0, 1),
    'quantum': Range(0, 0.1, 'm'),
}
_BLOTCH = 4  # patches across a blotch of a lost surface
_NORMAL = NormalDist()


@dataclass(frozen=True)
class HolesConfig:
    """How bad a simulated camera's depth is; the defaults are about those of a RealSense D435.

    Attributes:
        baseline: m, from the left eye, whose view this is, to the right one; what that does not
            see lies in the shadow of an edge.
        range_m: least and greatest distance that is measured, m.
        noise: 1/m; the standard deviation of a distance z is noise times z squared.
        patch: pixels of the raw picture over which noise is the same, as by stereo matching.
        speckle: share of single pixels that are lost.
        surfaces: share that is lost, in blotches, of each specular or dark surface, by the name
            of a body of the scene, or of a geom, or by how these names begin.
        quantum: m, step of the distance.
    """

    baseline: float = 0.05
    range_m: tuple[float, float] = (0.2, 4.0)
    noise: float = 0.002
    patch: int = 4
    speckle: float = 0.002
    surfaces: dict[str, float] = field(default_factory=dict)
    quantum: float = 0.001

    def __post_init__(self) -> None:
        """Refuses numbers out of range."""
        check(self, _RANGES)
        if not self.range_m[0] < self.range_m[1]:
            raise ValueError(f'range_m: expected low < high, got {list(self.range_m)}')
        for name, share in self.surfaces.items():
            if not 0 <= share <= 1:
                raise ValueError(f'surfaces: {name}: expected a share in [0, 1], got {share:g}')


def spoil(
    depth_m: DepthImage,
    config: HolesConfig,
    focal: float,
    rng: np.random.Generator,
    weak: NDArray[np.float32] | None = None,
) -> DepthImage:
    """The depth that a stereo camera would have measured.

    Args:
        depth_m: true distance along the optical axis, m, shape [H, W].
        config: how bad it is.
        focal: focal length, pixels.
        rng: makes the same holes from the same state.
        weak: how easily each pixel is lost, shape [H, W]; see `weakness`.

    Returns:
        float32, shape [H, W], NaN where nothing was measured.
    """
    (low, high), shape = config.range_m, (depth_m.shape[0], depth_m.shape[1])
    holes = ~((depth_m >= low) & (depth_m <= high))
    if config.baseline > 0:
        holes |= shadow(depth_m, focal * config.baseline)
    if config.speckle > 0:
        holes |= rng.random(depth_m.shape, np.float32) < config.speckle
    if weak is not None:
        holes |= smooth_noise(shape, config.patch * _BLOTCH, rng) < weak
    measured = depth_m
    if config.noise > 0:
        grain = smooth_noise(shape, config.patch, rng)
        measured = depth_m + np.float32(config.noise) * grain * depth_m * depth_m
    if config.quantum > 0:
        measured = np.rint(measured / np.float32(config.quantum)) * np.float32(config.quantum)
    return np.where(holes, np.float32(np.nan), measured).astype(np.float32, copy=False)


def shadow(depth_m: DepthImage, focal_baseline: float) -> NDArray[np.bool_]:
    """What the left eye sees and the right one does not.

    A point in column u at distance z is in column v = u - f b / z of the right picture. It is
    hidden there by any point further right in its row whose v is not further right.

    Args:
        depth_m: distance, m, shape [H, W].
        focal_baseline: focal length times baseline, pixels times m.
    """
    columns = np.arange(depth_m.shape[1], dtype=np.float32)
    right = columns - np.float32(focal_baseline) / np.maximum(depth_m, np.float32(1e-3))
    nearest = np.minimum.accumulate(right[:, ::-1], axis=1)[:, ::-1]
    hidden = np.zeros(depth_m.shape, bool)
    hidden[:, :-1] = nearest[:, 1:] <= right[:, :-1]
    return hidden


def weakness(
    segments: NDArray[np.integer], shares: Mapping[int, float]
) -> NDArray[np.float32] | None:
    """How easily each pixel is lost: a normal variable below this value loses it.

    Args:
        segments: number of the surface in each pixel, -1 for none, shape [H, W].
        shares: that is lost of each surface that is not seen well, by its number.

    Returns:
        Shape [H, W]; None where no such surface is in the picture.
    """
    table = np.full(max(int(segments.max(initial=-1)), *shares, -1) + 2, -np.inf, np.float32)
    for number, share in shares.items():
        table[number] = _NORMAL.inv_cdf(share) if 0 < share < 1 else math.inf * (2 * share - 1)
    weak = table[segments]  # -1 takes the last, which loses nothing
    return weak if weak.max(initial=-np.inf) > -np.inf else None


def smooth_noise(shape: tuple[int, int], side: int, rng: np.random.Generator) -> DepthImage:
    """Noise that changes from patch to patch, with variance 1 everywhere, shape [H, W].

    Args:
        shape: H and W.
        side: of a patch, pixels.
        rng: makes the same noise from the same state.
    """
    if side == 1:
        return np.asarray(rng.standard_normal(shape, np.float32))
    rows, columns = (_between(length, side) for length in shape)
    coarse = rng.standard_normal((rows.shape[1], columns.shape[1]), np.float32)
    return np.asarray(rows @ coarse @ columns.T, np.float32)


@lru_cache
def _between(length: int, side: int) -> NDArray[np.float32]:
    """Weights of the two patches around each pixel, their squares' sum 1, shape [L, P]."""
    place = np.arange(length) / side
    before = place.astype(np.intp)
    weights = np.zeros((length, before[-1] + 2), np.float32)
    pixels = np.arange(length)
    weights[pixels, before], weights[pixels, before + 1] = 1 - (place - before), place - before
    return np.asarray(weights / np.linalg.norm(weights, axis=1, keepdims=True), np.float32)
