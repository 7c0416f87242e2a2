# SPDX-License-Identifier: Apache-2.0
"""Where raw frames come from: a UVC camera, a film, and a source that comes back after a loss."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_rl.errors import InputError

#: Present time in nanoseconds on the clock of the stamps.
Clock = Callable[[], int]

_V4L2_EXPOSURE_S = 1e-4  # unit of exposure_time_absolute


@dataclass(frozen=True, slots=True)
class RawFrame:
    """What a camera sent, not yet checked.

    Attributes:
        stamp_ns: time at which the frame was taken, or arrived.
        color: uint8 RGB [H, W, 3]; None from a camera without colour.
        depth: uint16 mm or float32 m [H, W], aligned to the colour; None without depth.
        number: the camera's count of frames, whose gaps are frames lost; None from one that
            does not count.
        exposure_s: of the colour, s; None where the camera does not tell.
    """

    stamp_ns: int
    color: NDArray[np.uint8] | None = field(repr=False)
    depth: NDArray[Any] | None = field(default=None, repr=False)
    number: int | None = None
    exposure_s: float | None = None


class SourceLostError(Exception):
    """The camera was there and is gone, or its recording has ended."""


class Source(Protocol):
    """An opened camera."""

    def read(self) -> RawFrame:
        """Waits for the next frame; raises `SourceLostError` where none will come."""

    def close(self) -> None:
        """Gives the camera back."""


class VideoSource:
    """A UVC camera, or a film at its own speed, read through OpenCV."""

    def __init__(
        self,
        device: int | str,
        clock: Clock,
        size: tuple[int, int] | None = None,
        fps: int | None = None,
    ) -> None:
        """Opens it.

        Args:
            device: number of a camera, or path of a device or a film.
            clock: gives the stamps.
            size: rows and columns asked of the camera; its own when None.
            fps: frames a second asked of a camera; None for a film, which has its own.

        Raises:
            InputError: it can't be opened, or does not give this size.
        """
        self._name, self._clock = f'camera {device}', clock
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # we say it ourselves
        self._capture = cv2.VideoCapture(device)
        if not self._capture.isOpened():
            raise InputError(f'{self._name}: cannot be opened; no such camera or video file')
        self._period_ns, self._due_ns = 0, 0
        if fps is None:
            self._period_ns = round(1e9 / max(self._capture.get(cv2.CAP_PROP_FPS), 1.0))
        else:
            self._capture.set(cv2.CAP_PROP_FPS, fps)
        if size is not None:
            self._ask(size)

    def _ask(self, size: tuple[int, int]) -> None:
        keys = (cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_WIDTH)
        for key, pixels in zip(keys, size, strict=True):
            self._capture.set(key, pixels)
        rows, columns = (int(self._capture.get(key)) for key in keys)
        if (rows, columns) != size:
            self.close()
            raise InputError(
                f'{self._name}: gives {columns} x {rows} pixels, wanted {size[1]} x {size[0]}'
            )

    def read(self) -> RawFrame:
        """Waits for the next frame; raises `SourceLostError` where none will come."""
        there, image = self._capture.read()
        if not there:
            raise SourceLostError(f'{self._name}: gives no more frames')
        self._pace()
        color = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
        return RawFrame(self._clock(), color, exposure_s=self._exposure_s())

    def _pace(self) -> None:
        """Waits until a film's picture is due."""
        now_ns = self._clock()
        self._due_ns = max(self._due_ns + self._period_ns, now_ns)
        time.sleep((self._due_ns - now_ns) * 1e-9)

    def _exposure_s(self) -> float | None:
        exposure = self._capture.get(cv2.CAP_PROP_EXPOSURE)
        return exposure * _V4L2_EXPOSURE_S if exposure > 0 and not self._period_ns else None

    def close(self) -> None:
        """Gives the camera back."""
        self._capture.release()


class Reconnecting:
    """Reads a source and opens it anew, once in a while, after it was lost."""

    def __init__(self, open_source: Callable[[], Source], retry_s: float = 1.0) -> None:
        """Opens nothing yet.

        Args:
            open_source: opens the camera, or raises `InputError` while it is not there.
            retry_s: time between attempts, s.
        """
        self._open, self._retry_ns = open_source, round(retry_s * 1e9)
        self._source: Source | None = None
        self._next_try_ns: int | None = None
        self.reason = ''

    def read(self, now_ns: int) -> RawFrame | None:
        """The next frame, or None while the camera is away; `reason` then says why.

        Args:
            now_ns: present time on a monotonic clock.
        """
        try:
            if self._source is None:
                if self._next_try_ns is not None and now_ns < self._next_try_ns:
                    return None
                self._next_try_ns = now_ns + self._retry_ns
                self._source = self._open()
            frame = self._source.read()
        except (InputError, SourceLostError) as error:
            self.reason = str(error)
            self.close()
            return None
        self.reason = ''
        return frame

    def close(self) -> None:
        """Gives the camera back; the next `read` that is due opens it again."""
        if self._source is not None:
            self._source.close()
            self._source = None
