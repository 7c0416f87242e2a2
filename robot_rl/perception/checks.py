# SPDX-License-Identifier: Apache-2.0
"""What must be true of a frame before it is looked at: in order, fresh, and not the last again."""

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_rl.errors import InputError

FUTURE_NS = 100_000_000
ROWS = 4  # one in so many is compared; a camera's noise is in each of them


class FrozenError(InputError):
    """The camera repeats itself."""


class TimeCheck:
    """Frames come in order and are not old."""

    def __init__(self, max_age_s: float) -> None:
        """Has seen no frame.

        Args:
            max_age_s: oldest frame accepted, s.
        """
        self._max_age_s = max_age_s
        self._last_ns: int | None = None

    def check(self, stamp_ns: int, now_ns: int | None) -> None:
        """Takes note of a stamp.

        Args:
            stamp_ns: time of the picture.
            now_ns: present time on the stamps' clock; the age is not checked without it.

        Raises:
            InputError: the frame is not newer than the last, from the future, or too old.
        """
        last = self._last_ns
        if last is not None and stamp_ns <= last:
            raise InputError(
                f'frames out of order: stamp {stamp_ns} ns is not newer than {last} ns'
            )
        if now_ns is not None and stamp_ns - now_ns > FUTURE_NS:
            raise InputError(f'stamp is {(stamp_ns - now_ns) * 1e-9:.3f} s in the future')
        self._last_ns = stamp_ns
        if now_ns is not None and now_ns - stamp_ns > self._max_age_s * 1e9:
            age_s = (now_ns - stamp_ns) * 1e-9
            raise InputError(f'frame is {age_s:.3f} s old, limit {self._max_age_s} s')


class FrozenCheck:
    """A camera's noise makes every picture another; equal ones in a row come from a frozen one."""

    def __init__(self, limit: int) -> None:
        """Has seen no picture.

        Args:
            limit: as many equal pictures in a row are refused; 0 for never.
        """
        self._limit = limit
        self._seen: dict[str, tuple[int, int]] = {}

    def look(self, images: Mapping[str, NDArray[Any]]) -> str:
        """Takes note of the pictures of one frame; what to say of one that is the same again."""
        said = ''
        for name, image in images.items() if self._limit else ():
            value = zlib.crc32(np.ascontiguousarray(image[::ROWS]).data)
            before, count = self._seen.get(name, (-1, 0))
            count = count + 1 if value == before else 1
            self._seen[name] = value, count
            if count >= self._limit:
                said = f'frozen, {count} equal {name} images in a row'
        return said
