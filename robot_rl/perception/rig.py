# SPDX-License-Identifier: Apache-2.0
"""Opens what stands behind a camera."""

from collections.abc import Callable
from pathlib import Path

from robot_rl.errors import InputError
from robot_rl.perception.lens import Lens, read_lens
from robot_rl.perception.realsense import RealSenseSource
from robot_rl.perception.source_config import CAMERA_INFO, SourceConfig
from robot_rl.perception.sources import Clock, Source, VideoSource
from robot_rl.perception.watched import Watched

RECORDINGS = ('.db3', '.bag')  # of the RealSense SDK


def open_source(config: SourceConfig, clock: Clock) -> Source:
    """Opens a camera, film or recording.

    Args:
        config: which one; raw image topics are none of them.
        clock: gives the stamps.

    Raises:
        InputError: it is not there, or does not give what is asked of it.
    """
    return _OPENERS[config.kind](config, clock)


def _open_uvc(config: SourceConfig, clock: Clock) -> Source:
    device = int(config.device) if config.device.isdecimal() else config.device
    camera = VideoSource(device, clock, config.size, config.fps)
    return Watched(camera, f'camera {config.device}', config.timeout_s)


def _open_file(config: SourceConfig, clock: Clock) -> Source:
    if not Path(config.file).is_file():
        raise InputError(f'camera: {config.file}: no such file')
    if Path(config.file).suffix in RECORDINGS:
        return RealSenseSource(clock, config)
    return VideoSource(config.file, clock, config.size)


_OPENERS: dict[str, Callable[[SourceConfig, Clock], Source]] = {
    'realsense': lambda config, clock: RealSenseSource(clock, config),
    'uvc': _open_uvc,
    'file': _open_file,
}


def lens_of(config: SourceConfig) -> Lens | None:
    """The lens in the calibration file that the source names; None where it names none.

    Raises:
        InputError: names the file and key.
    """
    return read_lens(config.lens) if config.lens not in ('', CAMERA_INFO) else None
