# SPDX-License-Identifier: Apache-2.0
"""What stands behind the task's cameras: a rig, read from config/cameras or a file."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from robot_rl import config, resources
from robot_rl.errors import InputError

#: Keys that only some kinds of source have.
OWN_KEYS = {
    'serial': ('realsense',),
    'filters': ('realsense',),
    'device': ('uvc',),
    'file': ('file', 'picture'),
    'size': ('topic', 'realsense', 'uvc', 'file'),
    'lens': ('topic', 'realsense', 'uvc', 'file'),
}

#: In place of a calibration file: the topic `CAMERA/color/camera_info`.
CAMERA_INFO = 'camera_info'


@dataclass(frozen=True)
class FilterConfig:
    """A filter of the RealSense SDK, applied to the depth before it is aligned to the colour.

    Its hole filling is not among them: what was not measured is filled by `fill_holes`, once it
    has been counted.

    Attributes:
        name: decimation, threshold, to_disparity, spatial, temporal or to_depth.
        options: the SDK's own, such as `smooth_alpha: 0.4` for filter_smooth_alpha.
    """

    name: Literal['decimation', 'threshold', 'to_disparity', 'spatial', 'temporal', 'to_depth']
    options: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceConfig:
    """Where one camera's raw pictures come from.

    Attributes:
        kind: `topic` for raw image topics, `realsense`, `uvc` for any camera that OpenCV opens,
            `file` for a film or a recording of the RealSense SDK (.db3, .bag), played at its own
            speed and from its start again, `picture` for a goal that `robot-rl capture-goal` took.
        serial: of the RealSense; any when empty.
        device: number or path of the UVC camera.
        file: path of the film, recording or picture (PNG), from the rig's file on.
        size: rows and columns asked of the camera, or expected of topics and files; whatever
            comes when absent, 480 x 640 for a RealSense; a picture has that of the task.
        fps: frames a second asked of the camera, or at which the picture is given.
        timeout_s: time without a frame after which a camera or a recording counts as lost, s;
            topics are never lost, and a film ends.
        retry_s: time between attempts to open it again, s.
        lens: calibration file whose distortion is undone, from the rig's file on; `camera_info`
            for that of the topic; no undistortion when empty.
        filters: of the RealSense SDK, in this order.
    """

    kind: Literal['topic', 'realsense', 'uvc', 'file', 'picture'] = 'topic'
    serial: str = ''
    device: str = ''
    file: str = ''
    size: tuple[int, int] | None = None
    fps: int = 30
    timeout_s: float = 0.5
    retry_s: float = 1.0
    lens: str = ''
    filters: tuple[FilterConfig, ...] = ()

    def __post_init__(self) -> None:
        """Refuses keys of another kind, and numbers that no camera has."""
        for key, kinds in OWN_KEYS.items():
            if getattr(self, key) and self.kind not in kinds:
                known = ' or '.join(kinds)
                raise ValueError(f'{key}: belongs to kind {known}, not to {self.kind}')
        for key in ('device', 'file'):
            if self.kind in OWN_KEYS[key] and not getattr(self, key):
                raise ValueError(f'{key}: expected one for kind {self.kind}')
        if self.size and not all(1 <= n <= 16384 for n in self.size):
            raise ValueError(f'size: expected rows and columns in pixels, got {list(self.size)}')
        if not 1 <= self.fps <= 300:
            raise ValueError(f'fps: expected 1 to 300, got {self.fps}')
        if not 0.05 <= self.timeout_s <= 10:
            raise ValueError(f'timeout_s: expected 0.05 to 10 s, got {self.timeout_s}')
        if not 0.1 <= self.retry_s <= 60:
            raise ValueError(f'retry_s: expected 0.1 to 60 s, got {self.retry_s}')
        if self.lens == CAMERA_INFO and self.kind != 'topic':
            raise ValueError(f'lens: {CAMERA_INFO} comes with kind topic, not with {self.kind}')


@dataclass(frozen=True)
class Rig:
    """The cameras of one place.

    Attributes:
        cameras: their sources, by the name that the task gives the camera.
    """

    cameras: dict[str, SourceConfig]


def load_sources(name: str, cameras: tuple[str, ...]) -> dict[str, SourceConfig]:
    """The source of each of the task's cameras; raw image topics where the rig tells of none.

    Args:
        name: of a rig in config/cameras, or a file; empty for raw image topics throughout.
        cameras: the task's.

    Raises:
        InputError: names the file and key, or lists the task's cameras where the rig has none.
    """
    sources = dict.fromkeys(cameras, SourceConfig())
    if not name:
        return sources
    path = resources.find('config/cameras', name)
    rig = config.load(Rig, path)
    here = {
        camera: _beside(path, rig.cameras[camera]) for camera in cameras if camera in rig.cameras
    }
    if not here:
        raise InputError(
            f"{path}: cameras: none of the task's ({', '.join(cameras) or 'it has none'}) is "
            f'among {", ".join(rig.cameras) or "them"}'
        )
    return sources | here


def _beside(path: Path, source: SourceConfig) -> SourceConfig:
    """The source with its files' paths from the rig's folder on."""
    lens = source.lens if source.lens in ('', CAMERA_INFO) else str(path.parent / source.lens)
    file = str(path.parent / source.file) if source.file else ''
    return replace(source, lens=lens, file=file)
