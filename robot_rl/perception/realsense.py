# SPDX-License-Identifier: Apache-2.0
"""Colour and aligned depth of an Intel RealSense, or of a recording, through its own SDK."""

import ctypes
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from robot_rl.errors import InputError
from robot_rl.perception.source_config import FilterConfig, SourceConfig
from robot_rl.perception.sources import Clock, RawFrame, SourceLostError

SIZE = (480, 640)
#: Options of the SDK's filters that are not for users; holes are counted before they are filled.
OTHERS = (
    'frames_queue_size',
    'holes_fill',
    'stream_filter',
    'stream_format_filter',
    'stream_index_filter',
)
TRIES = 10  # framesets that may lack colour or depth before the camera counts as lost


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


@cache
def _context() -> Any:
    return load_sdk().context()


def connected() -> list[Any]:
    """The devices that are plugged in."""
    return list(_context().query_devices())


class FrameConverter:
    """Framesets of the SDK to raw frames: filtered depth, aligned to colour, in metric units."""

    def __init__(self, sdk: Any, clock: Clock, filters: tuple[FilterConfig, ...] = ()) -> None:
        """Keeps the SDK and what gives the stamps.

        Raises:
            InputError: a filter does not have an option, or not this value.
        """
        self._sdk, self._clock = sdk, clock
        self._align = sdk.align(sdk.stream.color)
        self._filters = [make_filter(sdk, each) for each in filters]

    def convert(self, frameset: Any) -> RawFrame | None:
        """Copies of colour and depth; None for a frameset that lacks one of them.

        Depth stays uint16 where a unit is a millimetre, else it becomes float32 metres with
        NaN for invalid.
        """
        color = frameset.get_color_frame()
        if not (color and frameset.get_depth_frame()):
            return None
        stamp_ns = self._clock() - self._age_ns(color)
        for each in self._filters:
            frameset = each.process(frameset).as_frameset()
        aligned = self._align.process(frameset)
        depth_frame = aligned.get_depth_frame()
        depth = np.array(depth_frame.get_data())
        unit_m = depth_frame.get_units()
        if abs(unit_m - 1e-3) > 1e-6:
            depth = np.where(depth > 0, depth * np.float32(unit_m), np.float32(np.nan))
        pixels = np.array(aligned.get_color_frame().get_data())
        return RawFrame(stamp_ns, pixels, depth, color.get_frame_number(), self._exposure_s(color))

    def _age_ns(self, frame: Any) -> int:
        """How long ago the picture was taken, where its stamp is one of this machine's clock."""
        if frame.get_frame_timestamp_domain() == self._sdk.timestamp_domain.hardware_clock:
            return 0
        age_s = time.time() - frame.get_timestamp() * 1e-3
        return round(age_s * 1e9) if 0 < age_s < 1 else 0

    def _exposure_s(self, frame: Any) -> float | None:
        key = self._sdk.frame_metadata_value.actual_exposure
        known = frame.supports_frame_metadata(key)
        return frame.get_frame_metadata(key) * 1e-6 if known else None


class RealSenseSource:
    """A RealSense camera, or a recording of one."""

    def __init__(self, clock: Clock, config: SourceConfig) -> None:
        """Opens it.

        Args:
            clock: gives the stamps.
            config: which camera, with which streams and filters.

        Raises:
            InputError: no such camera, or it does not give these streams.
        """
        sdk = load_sdk()
        self._name = f'realsense {config.file or config.serial}'.strip()
        self._timeout_ms = round(config.timeout_s * 1e3)
        rows, columns = config.size or SIZE
        said = 'cannot be opened'
        try:
            self._converter = FrameConverter(sdk, clock, config.filters)
            # A recording stays in its context's list of devices, so it gets one of its own.
            self._pipeline = sdk.pipeline(sdk.context() if config.file else _context())
            wanted = sdk.config()
            if config.file:
                wanted.enable_device_from_file(config.file, repeat_playback=False)
            else:
                self._pipeline.set_device(_find(sdk, config.serial))
            wanted.enable_stream(sdk.stream.color, columns, rows, sdk.format.rgb8, config.fps)
            wanted.enable_stream(sdk.stream.depth, columns, rows, sdk.format.z16, config.fps)
            said = f'cannot give {columns} x {rows} at {config.fps} Hz'
            self._pipeline.start(wanted)
        except RuntimeError as error:  # of the SDK, whatever fails in it
            raise InputError(f'{self._name}: {said}: {error}') from error

    def read(self) -> RawFrame:
        """Waits for the next frame; raises `SourceLostError` where none will come."""
        try:
            for _ in range(TRIES):
                there, frameset = self._pipeline.try_wait_for_frames(self._timeout_ms)
                if not there:
                    break
                frame = self._converter.convert(frameset)
                if frame is not None:
                    return frame
        except RuntimeError as error:
            raise SourceLostError(f'{self._name}: {error}') from error
        raise SourceLostError(f'{self._name}: no frame for {self._timeout_ms * 1e-3:g} s')

    def close(self) -> None:
        """Gives the camera back."""
        try:
            self._pipeline.stop()
        except RuntimeError:
            return  # already unplugged: there is nothing left to stop


def make_filter(sdk: Any, config: FilterConfig) -> Any:
    """One of the SDK's filters with its options set.

    Raises:
        InputError: an option that it does not have, or a value out of its range.
    """
    kinds: dict[str, Callable[[], Any]] = {
        'decimation': sdk.decimation_filter,
        'threshold': sdk.threshold_filter,
        'to_disparity': lambda: sdk.disparity_transform(True),
        'spatial': sdk.spatial_filter,
        'temporal': sdk.temporal_filter,
        'to_depth': lambda: sdk.disparity_transform(False),
    }
    made = kinds[config.name]()
    known = {
        option.name.removeprefix('filter_'): option
        for option in made.get_supported_options()
        if option.name not in OTHERS
    }
    if sdk.option.holes_fill in made.get_supported_options():
        made.set_option(sdk.option.holes_fill, 0)
    for name, value in config.options.items():
        if name not in known:
            raise InputError(
                f'realsense: filter {config.name} has no option {name!r}; '
                f'known: {", ".join(known) or "none"}'
            )
        allowed = made.get_option_range(known[name])
        if not allowed.min <= value <= allowed.max:
            raise InputError(
                f'realsense: filter {config.name}: {name}: expected {allowed.min:g} to '
                f'{allowed.max:g}, got {value:g}'
            )
        made.set_option(known[name], value)
    return made


def _find(sdk: Any, serial: str) -> Any:
    key = sdk.camera_info.serial_number
    # One that is in recovery, or starts yet, has no serial number.
    found = {d.get_info(key): d for d in connected() if d.supports(key)}
    if not found or (serial and serial not in found):
        known = ', '.join(found) or 'none'
        raise InputError(f'realsense: no camera with serial {serial or "(any)"}; found: {known}')
    return found[serial] if serial else next(iter(found.values()))
