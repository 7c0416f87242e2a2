# SPDX-License-Identifier: Apache-2.0
"""Opens what stands behind a camera."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from robot_rl.errors import InputError
from robot_rl.perception.camera import CameraConfig, CameraPipeline
from robot_rl.perception.lens import read_lens
from robot_rl.perception.picture import PictureSource
from robot_rl.perception.realsense import RealSenseSource
from robot_rl.perception.source_config import CAMERA_INFO, SourceConfig
from robot_rl.perception.sources import Clock, Source, VideoSource
from robot_rl.perception.watched import Watched

RECORDINGS = ('.db3', '.bag')  # of the RealSense SDK


def open_source(config: SourceConfig, clock: Clock, camera: CameraConfig | None = None) -> Source:
    """Opens a camera, film, recording or picture.

    Args:
        config: which one; raw image topics are none of them.
        clock: gives the stamps.
        camera: of the task, that a picture stands in for.

    Raises:
        InputError: it is not there, or does not give what is asked of it.
    """
    if config.kind == 'picture':
        if camera is None:
            raise InputError(f'camera: {config.file}: a picture of a goal, no camera')
        return PictureSource(clock, config, camera)
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


def pipeline_of(camera: CameraConfig, source: SourceConfig) -> CameraPipeline:
    """What the frames of a source pass through; of a picture, which came out of it, only checks.

    Raises:
        InputError: the calibration file that the source names is wrong; names file and key.
    """
    if source.kind == 'picture':
        camera = replace(camera, crop=None, frozen_frames=0)
    lens = read_lens(source.lens) if source.lens not in ('', CAMERA_INFO) else None
    return CameraPipeline(camera, lens)
