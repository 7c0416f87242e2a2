# SPDX-License-Identifier: Apache-2.0
"""Metric depth: units, plausibility, and holes filled with their nearest measured neighbour."""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_rl.errors import InputError

DepthImage = NDArray[np.float32]

_MEDIAN_SAMPLES = 10_000


def check_raw(raw: NDArray[Any]) -> NDArray[Any]:
    """Raw depth as [H, W].

    Raises:
        InputError: another shape or type than `to_metres` takes.
    """
    if raw.ndim == 3 and raw.shape[2] == 1:
        raw = raw[..., 0]
    if raw.ndim != 2 or raw.dtype not in (np.uint16, np.float32):
        raise InputError(
            f'depth: expected [H, W] of uint16 (mm) or float32 (m), '
            f'got {list(raw.shape)} of {raw.dtype}'
        )
    return raw


def to_metres(raw: NDArray[Any]) -> DepthImage:
    """Depth in metres with NaN where nothing was measured (REP-118).

    Args:
        raw: shape [H, W] or [H, W, 1]; uint16 millimetres with 0 for invalid (16UC1), or
            float32 metres with NaN, infinity or a value not above 0 for invalid (32FC1).

    Returns:
        float32, shape [H, W]; a copy. Measured float values keep their bits.

    Raises:
        InputError: another shape or type.
    """
    raw = check_raw(raw)
    scale = np.float32(1000 if raw.dtype == np.uint16 else 1)
    metres = np.divide(raw, scale, dtype=np.float32)
    measured = (metres > 0) & (metres < np.inf)
    return np.where(measured, metres, np.float32(np.nan))


def valid_fraction(depth_m: DepthImage) -> float:
    """Share of measured pixels, 0 to 1."""
    if depth_m.size == 0:
        return 0.0
    return float(np.count_nonzero(depth_m > 0) / depth_m.size)


def check_depth(
    depth_m: DepthImage, min_valid: float, median_range_m: tuple[float, float]
) -> float:
    """The valid fraction of a depth image that is worth filling.

    Args:
        depth_m: metres, NaN for invalid, shape [H, W].
        min_valid: least share of measured pixels, above 0.
        median_range_m: least and greatest believable median. Millimetres taken for metres
            lie a thousand times above it, metres taken for millimetres below.

    Raises:
        InputError: too few measured pixels, or a median that no scene has.
    """
    valid = valid_fraction(depth_m)
    if valid == 0 or not valid >= min_valid:
        raise InputError(f'depth: {valid:.1%} of the pixels are valid, need {min_valid:.1%}')
    median = _median(depth_m)
    low, high = median_range_m
    if not median >= low:
        raise InputError(
            f'depth: median {median:.3g} m is below {low:g} m; metres declared as millimetres?'
        )
    if not median <= high:
        raise InputError(
            f'depth: median {median:.4g} m is above {high:g} m; millimetres declared as metres?'
        )
    return valid


def fill_holes(depth_m: DepthImage, exact: bool = False) -> DepthImage:
    """Every hole takes the value of the nearest measured pixel (Pinto et al. 2017, section V-B).

    The fast way propagates labels with a 5x5 chamfer mask: the pixel found is a true nearest
    one for 99 in 100 holes and about as near for the rest. The exact way corrects those.

    Args:
        depth_m: metres, NaN for holes, shape [H, W].
        exact: whether each value must come from a true nearest pixel (Euclidean).

    Returns:
        A copy without NaN; measured pixels keep their bits.

    Raises:
        InputError: nothing is measured, so there is nothing to fill from.
    """
    holes = np.isnan(depth_m)
    values = depth_m[~holes]
    if values.size == 0:
        raise InputError('depth: no pixel is valid')
    if values.size == depth_m.size:
        return depth_m.copy()
    labels = nearest_labels(holes)
    if exact:
        _correct_labels(labels, holes)
    return np.concatenate([values[:1], values]).take(labels)


def nearest_labels(holes: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Number of a near measured pixel, for each pixel; exact for nearly all of them.

    Args:
        holes: shape [H, W], at least one False.

    Returns:
        Shape [H, W]; the measured pixels are numbered from 1, row by row.
    """
    _, labels = cv2.distanceTransformWithLabels(
        holes.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    return np.asarray(labels, np.int32)


def _correct_labels(labels: NDArray[np.int32], holes: NDArray[np.bool_]) -> None:
    """Replaces in place each label whose pixel is farther than the true distance."""
    distance = cv2.distanceTransform(holes.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    squared = np.rint(np.asarray(distance[holes], np.float64) ** 2).astype(np.int64)
    rows, columns = np.divmod(np.flatnonzero(holes), holes.shape[1])
    taken = np.flatnonzero(~holes)[labels[holes] - 1]
    taken_rows, taken_columns = np.divmod(taken, holes.shape[1])
    wrong = (taken_rows - rows) ** 2 + (taken_columns - columns) ** 2 > squared
    if wrong.any():
        _search(labels, holes, np.stack([rows[wrong], columns[wrong]]), squared[wrong])


def _search(
    labels: NDArray[np.int32],
    holes: NDArray[np.bool_],
    pixels: NDArray[np.intp],
    squared: NDArray[np.int64],
) -> None:
    """Gives each pixel the label of a measured pixel at its known squared distance.

    Args:
        labels: changed in place, shape [H, W].
        holes: shape [H, W].
        pixels: rows and columns, shape [2, N].
        squared: squared distance of each to its nearest measured pixel, shape [N].
    """
    rows, columns = pixels
    reach = math.isqrt(int(squared.max()))
    for down in range(-reach, reach + 1):
        rest = squared - down**2
        right = np.rint(np.sqrt(np.maximum(rest, 0))).astype(np.intp)
        possible = (right**2 == rest) & _within(rows + down, holes.shape[0])
        for x in (columns - right, columns + right):
            hit = np.flatnonzero(possible & _within(x, holes.shape[1]))
            hit = hit[~holes[rows[hit] + down, x[hit]]]
            labels[rows[hit], columns[hit]] = labels[rows[hit] + down, x[hit]]


def _within(index: NDArray[np.intp], length: int) -> NDArray[np.bool_]:
    return (index >= 0) & (index < length)


def _median(depth_m: DepthImage) -> float:
    """Median of the measured pixels, of a regular sample of them in a large image."""
    values = depth_m[depth_m > 0]
    return float(np.median(values[:: max(1, values.size // _MEDIAN_SAMPLES)]))
