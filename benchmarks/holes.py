# SPDX-License-Identifier: Apache-2.0
"""Hole filling against scipy's exact distance transform: time, and whether it is nearest.

The last line is one JSON object. `value`, `peer_value` and `ratio` are those of the slowest
case relative to the peer; `cases` holds all of them.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_rl.perception.depth import fill_holes

DepthImage = NDArray[np.float32]

CASES = ((480, 640, 0.10), (480, 640, 0.39), (100, 100, 0.10), (100, 100, 0.39))


def depth_with_holes(height: int, width: int, share: float, seed: int = 0) -> DepthImage:
    """A depth image with compact holes of many sizes, as shadows and dark surfaces leave.

    Args:
        height: rows.
        width: columns.
        share: of hole pixels.
        seed: of the generator.
    """
    rng = np.random.default_rng(seed)
    coarse = cv2.GaussianBlur(rng.standard_normal((height, width)), (0, 0), height / 40)
    fine = cv2.GaussianBlur(rng.standard_normal((height, width)), (0, 0), 1.5)
    cover = coarse / coarse.std() + 0.5 * fine / fine.std()
    depth = rng.uniform(0.4, 2.0, (height, width)).astype(np.float32)
    depth[cover < np.quantile(cover, share)] = np.nan
    return depth


def exact_peer() -> Callable[[DepthImage], DepthImage]:
    """Filling by scipy's exact Euclidean distance transform with indices."""
    from scipy.ndimage import distance_transform_edt  # type: ignore[import-untyped, unused-ignore]  # noqa: PLC0415

    def fill(depth_m: DepthImage) -> DepthImage:
        rows, columns = distance_transform_edt(
            np.isnan(depth_m), return_distances=False, return_indices=True
        )
        return np.asarray(depth_m[rows, columns])

    return fill


def agreement(
    ours: Callable[[DepthImage], DepthImage],
    exact: Callable[[DepthImage], DepthImage],
    depth_m: DepthImage,
) -> float:
    """Share of the holes whose value comes from a pixel as near as the nearest, 0 to 1."""
    holes = np.isnan(depth_m)
    index = np.arange(holes.size, dtype=np.float32).reshape(holes.shape)
    index[holes] = np.nan
    found, nearest = (_squared_distance(fill(index), holes) for fill in (ours, exact))
    return float((found == nearest).mean())


def measure(
    case: tuple[int, int, float], exact: Callable[[DepthImage], DepthImage]
) -> dict[str, Any]:
    """Times and agreement of one case, in alternation so that both meet the same machine."""
    height, width, share = case
    depth = depth_with_holes(height, width, share)
    rounds = 100 if height * width < 50_000 else 40
    times: dict[str, list[float]] = {'fast': [], 'own_exact': [], 'peer': []}
    fills = {'fast': fill_holes, 'own_exact': _own_exact, 'peer': exact}
    for _ in range(rounds):
        for name, fill in fills.items():
            start = time.perf_counter()
            fill(depth)
            times[name].append(time.perf_counter() - start)
    fast, own_exact, peer = (1e3 * float(np.median(times[name])) for name in fills)
    kept = ~np.isnan(depth)
    return {
        'case': f'{width}x{height}, {share:.0%} holes',
        'ms': round(fast, 4),
        'exact_ms': round(own_exact, 4),
        'peer_ms': round(peer, 4),
        'ratio': round(peer / fast, 2),
        'agreement': round(agreement(fill_holes, exact, depth), 5),
        'exact_agreement': round(agreement(_own_exact, exact, depth), 5),
        'measured_bit_equal': fill_holes(depth)[kept].tobytes() == depth[kept].tobytes(),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the bench; the last line that it prints is JSON."""
    parser = argparse.ArgumentParser(prog='robot-rl bench holes', description=__doc__)
    parser.add_argument('--json', action='store_true', help='only the last line')
    options = parser.parse_args(argv)
    try:
        exact = exact_peer()
    except ImportError:
        print('bench holes: scipy, the peer, is missing: pip install scipy', file=sys.stderr)
        return 2
    cases = [measure(case, exact) for case in CASES]
    for result in () if options.json else cases:
        print(*(f'{key} {value}' for key, value in result.items()), sep='  ')
    worst = min(cases, key=lambda result: float(result['ratio']))
    print(
        json.dumps(
            {
                'name': 'holes',
                'value': worst['ms'],
                'unit': 'ms',
                'peer': 'scipy.ndimage.distance_transform_edt',
                'peer_value': worst['peer_ms'],
                'ratio': worst['ratio'],
                'agreement': min(result['agreement'] for result in cases),
                'cases': cases,
            }
        )
    )
    return 0


def _own_exact(depth_m: DepthImage) -> DepthImage:
    return fill_holes(depth_m, exact=True)


def _squared_distance(source: DepthImage, holes: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Squared distance from each hole to the pixel whose flat index it took, shape [N]."""
    rows, columns = np.nonzero(holes)
    source_rows, source_columns = np.divmod(source[holes].astype(np.int64), holes.shape[1])
    return (rows - source_rows) ** 2 + (columns - source_columns) ** 2


if __name__ == '__main__':
    sys.exit(main())
