# SPDX-License-Identifier: Apache-2.0
"""Pictures as arrays: crop, resize, gray, and the bytes of image messages."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_rl.errors import InputError

#: Channels and element type of the raw encodings that are read.
_ENCODINGS: dict[str, tuple[int, str]] = {
    'rgb8': (3, 'u1'),
    'bgr8': (3, 'u1'),
    'rgba8': (4, 'u1'),
    'bgra8': (4, 'u1'),
    'mono8': (1, 'u1'),
    '16UC1': (0, 'u2'),
    '32FC1': (0, 'f4'),
}
_COLUMNS = {'bgr8': [2, 1, 0], 'rgba8': [0, 1, 2], 'bgra8': [2, 1, 0]}


def crop(image: NDArray[Any], rectangle: tuple[int, int, int, int]) -> NDArray[Any]:
    """A view of the part (x, y, width, height) in pixels from the upper left corner.

    Raises:
        InputError: the part does not lie within the image.
    """
    x, y, width, height = rectangle
    rows, columns = image.shape[:2]
    if min(x, y) < 0 or min(width, height) < 1 or x + width > columns or y + height > rows:
        raise InputError(
            f'crop: x, y, width, height {list(rectangle)} does not fit in an image of '
            f'{columns} x {rows} pixels'
        )
    return image[y : y + height, x : x + width]


def resize(image: NDArray[Any], size: tuple[int, int], nearest: bool = False) -> NDArray[Any]:
    """The image at another size, always a copy; a trailing channel of 1 is kept.

    Args:
        image: shape [H, W] or [H, W, C].
        size: rows and columns of the result.
        nearest: each pixel takes one source pixel's value (depth: no value is made up, holes
            stay holes); else the mean over the area that it covers.
    """
    how = cv2.INTER_NEAREST_EXACT if nearest else cv2.INTER_AREA
    source = np.ascontiguousarray(image)
    if not nearest:
        source = _halved(source, size)
    resized = cv2.resize(source, (size[1], size[0]), interpolation=how)
    return np.asarray(resized).reshape(*size, *image.shape[2:])


def _halved(image: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """The image at half its size while a pixel of the result covers 4 x 4 and more of it.

    Means of 2 x 2 pixels are many times faster than those of an odd number of them.
    """
    rows, columns = image.shape[:2]
    while rows >= 4 * size[0] and columns >= 4 * size[1] and rows % 2 == columns % 2 == 0:
        rows, columns = rows // 2, columns // 2
        image = np.asarray(cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA))
    return image


def to_gray(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luma of an RGB image (ITU-R BT.601), shape [H, W, 1]; one channel passes unchanged."""
    if image.ndim == 3 and image.shape[2] == 1:
        return image
    gray = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    return np.asarray(gray, np.uint8)[:, :, None]


def decode(
    data: Any, encoding: str, height: int, width: int, step: int, big_endian: bool = False
) -> NDArray[Any]:
    """The array in the bytes of a raw image message.

    Args:
        data: bytes-like, `height` rows of `step` bytes; a row may end in padding.
        encoding: rgb8, bgr8, rgba8, bgra8, mono8, 16UC1 or 32FC1.
        height: rows.
        width: columns.
        step: bytes from one row to the next.
        big_endian: byte order of the elements.

    Returns:
        uint8 RGB [H, W, 3] or gray [H, W, 1]; uint16 or float32 [H, W] for depth. A view of
        `data` where the layout allows it.

    Raises:
        InputError: an unknown encoding, or sizes that contradict one another.
    """
    if encoding not in _ENCODINGS:
        raise InputError(f'image: unknown encoding {encoding!r}; known: {", ".join(_ENCODINGS)}')
    channels, kind = _ENCODINGS[encoding]
    element = np.dtype(kind).newbyteorder('>' if big_endian else '<')
    row = width * max(channels, 1) * element.itemsize
    raw = np.frombuffer(data, np.uint8)
    if min(height, width) < 1 or step < row or raw.size != height * step:
        raise InputError(
            f'image: {raw.size} bytes with step {step} are not {width} x {height} {encoding}'
        )
    pixels = np.ascontiguousarray(raw.reshape(height, step)[:, :row]).view(element)
    pixels = pixels.astype(element.newbyteorder('='), copy=False)
    image = pixels.reshape(height, width, channels) if channels else pixels
    return image[:, :, _COLUMNS[encoding]] if encoding in _COLUMNS else image


def encode(image: NDArray[Any]) -> tuple[str, int, bytes]:
    """Encoding, bytes from row to row, and data of an array as `decode` gives it.

    Raises:
        InputError: no encoding has this shape and type.
    """
    channels = image.shape[2] if image.ndim == 3 else 0
    for encoding in ('rgb8', 'mono8', '16UC1', '32FC1'):
        if _ENCODINGS[encoding] == (channels, f'{image.dtype.kind}{image.dtype.itemsize}'):
            row = image.shape[1] * max(channels, 1) * image.dtype.itemsize
            little = image.astype(image.dtype.newbyteorder('<'), copy=False)
            return encoding, row, little.tobytes()
    raise InputError(f'image: no encoding for {list(image.shape)} of {image.dtype}')
