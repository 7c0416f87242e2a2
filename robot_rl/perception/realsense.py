# SPDX-License-Identifier: Apache-2.0
"""Colour and aligned depth of an Intel RealSense, through its own SDK."""

import ctypes
from typing import Any

import numpy as np

from robot_rl.errors import InputError
from robot_rl.perception.sources import Clock, RawFrame, SourceLostError


def load_sdk() -> Any:
    """The module pyrealsense2.

    Its wheel needs a libusb that it does not bring; the one in `libusb-package` is loaded
    before it, so that nothing has to be installed on the system.

    Raises:
        InputError: a package is missing; names it.
    """
    try:
        import libusb_package  # noqa: PLC0415

        ctypes.CDLL(str(libusb_package.get_library_path()), mode=ctypes.RTLD_GLOBAL)
        import pyrealsense2  # noqa: PLC0415
    except ImportError as error:
        raise InputError(
            f'realsense: {error.name or error} is missing: pip install pyrealsense2 libusb-package'
        ) from error
    return pyrealsense2


class FrameConverter:
    """Framesets of the SDK to raw frames: depth aligned to colour, in metric units."""

    def __init__(self, sdk: Any, clock: Clock) -> None:
        """Keeps the SDK and what gives the stamps."""
        self._align = sdk.align(sdk.stream.color)
        self._clock = clock

    def convert(self, frameset: Any) -> RawFrame | None:
        """Copies of colour and depth; None for a frameset that lacks one of them.

        Depth stays uint16 where a unit is a millimetre, else it becomes float32 metres with
        NaN for invalid.
        """
        if not (frameset.get_color_frame() and frameset.get_depth_frame()):
            return None
        stamp_ns = self._clock()
        aligned = self._align.process(frameset)
        depth_frame = aligned.get_depth_frame()
        depth = np.array(depth_frame.get_data())
        unit_m = depth_frame.get_units()
        if abs(unit_m - 1e-3) > 1e-6:
            depth = np.where(depth > 0, depth * np.float32(unit_m), np.float32(np.nan))
        return RawFrame(stamp_ns, np.array(aligned.get_color_frame().get_data()), depth)


class RealSenseSource:
    """A RealSense camera."""

    def __init__(
        self,
        clock: Clock,
        serial: str = '',
        size: tuple[int, int] = (480, 640),
        fps: int = 30,
        timeout_s: float = 1.0,
    ) -> None:
        """Opens it.

        Args:
            clock: gives the stamps.
            serial: of the camera; any when empty.
            size: rows and columns of both streams.
            fps: frames a second.
            timeout_s: time without a frame after which the camera counts as lost, s.

        Raises:
            InputError: no such camera, or it does not give these streams.
        """
        sdk = load_sdk()
        _check_present(sdk, serial)
        self._timeout_s = timeout_s
        self._converter = FrameConverter(sdk, clock)
        self._pipeline = sdk.pipeline()
        wanted = sdk.config()
        if serial:
            wanted.enable_device(serial)
        wanted.enable_stream(sdk.stream.color, size[1], size[0], sdk.format.rgb8, fps)
        wanted.enable_stream(sdk.stream.depth, size[1], size[0], sdk.format.z16, fps)
        try:
            self._pipeline.start(wanted)
        except RuntimeError as error:
            raise InputError(
                f'realsense {serial}: cannot give {size[1]} x {size[0]} at {fps} Hz: {error}'
            ) from error

    def read(self) -> RawFrame:
        """Waits for the next frame; raises `SourceLostError` where none will come."""
        for _ in range(10):
            there, frameset = self._pipeline.try_wait_for_frames(round(self._timeout_s * 1e3))
            if not there:
                break
            frame = self._converter.convert(frameset)
            if frame is not None:
                return frame
        raise SourceLostError(f'realsense: no frame for {self._timeout_s} s')

    def close(self) -> None:
        """Gives the camera back."""
        try:
            self._pipeline.stop()
        except RuntimeError:
            return  # already unplugged: there is nothing left to stop


def _check_present(sdk: Any, serial: str) -> None:
    key = sdk.camera_info.serial_number
    found = [device.get_info(key) for device in sdk.context().query_devices()]
    if not found or (serial and serial not in found):
        known = ', '.join(found) or 'none'
        raise InputError(f'realsense: no camera with serial {serial or "(any)"}; found: {known}')
