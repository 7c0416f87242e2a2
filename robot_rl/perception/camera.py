# SPDX-License-Identifier: Apache-2.0
"""One path for every camera: check, undistort or crop, resize, gray, metric depth, filling."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_rl.errors import InputError
from robot_rl.perception.checks import FrozenCheck, FrozenError, TimeCheck
from robot_rl.perception.depth import DepthImage, check_depth, check_raw, fill_holes, to_metres
from robot_rl.perception.holes import HolesConfig
from robot_rl.perception.image import crop, resize, to_gray
from robot_rl.perception.lens import Lens, Undistortion
from robot_rl.types import Entries


@dataclass(frozen=True)
class CameraConfig:
    """What one camera gives, and when its frame is refused.

    Attributes:
        name: of the camera; its topics lie below it.
        size: rows and columns of what it gives, pixels.
        crop: x, y, width, height of the part that is used, source pixels; all when absent.
        color: whether colour is wanted.
        gray: whether the colour is turned to one gray channel.
        depth: whether depth is wanted.
        max_age_s: oldest frame accepted, s.
        min_valid: least share of measured depth pixels.
        depth_range_m: least and greatest believable median depth, m.
        exact_fill: whether hole filling is exact instead of fast.
        holes: what a simulated camera's depth suffers; a real one has its own.
        frozen_frames: as many equal pictures in a row mean a frozen camera; 0 switches the
            check off, for a camera whose pictures carry no noise.
    """

    name: str
    size: tuple[int, int]
    crop: tuple[int, int, int, int] | None = None
    color: bool = True
    gray: bool = False
    depth: bool = False
    max_age_s: float = 0.1
    min_valid: float = 0.2
    depth_range_m: tuple[float, float] = (0.05, 20.0)
    exact_fill: bool = False
    frozen_frames: int = 10
    holes: HolesConfig | None = None

    def __post_init__(self) -> None:
        """Refuses what no camera can give."""
        if not self.name.replace('_', 'a').isalnum() or self.name[0].isdigit():
            raise ValueError(f'name: expected letters, digits, _, got {self.name!r}')
        if not all(1 <= n <= 4096 for n in self.size):
            raise ValueError(f'{self.name}: size: expected 1 to 4096 pixels, got {self.size}')
        if self.crop and not (min(self.crop[:2]) >= 0 and min(self.crop[2:]) >= 1):
            raise ValueError(f'{self.name}: crop: expected x, y, width, height, got {self.crop}')
        if not (self.color or self.depth):
            raise ValueError(f'{self.name}: neither color nor depth is wanted')
        if not 0 < self.max_age_s <= 10:
            raise ValueError(f'{self.name}: max_age_s: expected 0 to 10, got {self.max_age_s}')
        if not 0 < self.min_valid <= 1:
            raise ValueError(f'{self.name}: min_valid: expected 0 to 1, got {self.min_valid}')
        if not 0 < self.depth_range_m[0] < self.depth_range_m[1]:
            raise ValueError(
                f'{self.name}: depth_range_m: expected 0 < low < high, got {self.depth_range_m}'
            )
        if self.holes and not self.depth:
            raise ValueError(f'{self.name}: holes: expected only where depth is wanted')
        if self.frozen_frames != 0 and not self.frozen_frames >= 2:
            raise ValueError(
                f'{self.name}: frozen_frames: expected 0 or at least 2, got {self.frozen_frames}'
            )

    @property
    def kinds(self) -> tuple[str, ...]:
        """Which of colour and depth it gives."""
        return tuple(kind for kind in ('color', 'depth') if getattr(self, kind))


@dataclass(frozen=True, slots=True)
class CameraFrame:
    """A frame that a policy may see.

    Attributes:
        stamp_ns: time of the picture.
        color: uint8 [H, W, 3] RGB, or [H, W, 1] gray; None where not wanted.
        depth_filled: m, float32 [H, W] without holes; None where not wanted.
        valid_fraction: share of depth pixels that were measured; 1 without depth.
    """

    stamp_ns: int
    color: NDArray[np.uint8] | None = field(repr=False)
    depth_filled: DepthImage | None = field(repr=False)
    valid_fraction: float

    def streams(self, camera: str) -> Entries:
        """The pictures by stream, as `wrist/color` and `wrist/depth`, each [H, W, C]."""
        pictures: Entries = {}
        if self.color is not None:
            pictures[f'{camera}/color'] = self.color
        if self.depth_filled is not None:
            pictures[f'{camera}/depth'] = self.depth_filled[..., None]
        return pictures


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a frame is not used; nothing takes its place.

    Attributes:
        stamp_ns: time of the picture.
        reason: opens with the camera's name.
        frozen: whether the camera repeats itself, so that the episode shall pause.
    """

    stamp_ns: int
    reason: str
    frozen: bool = False


class CameraPipeline:
    """Turns raw frames of one camera into what the policy sees, or says why not."""

    def __init__(self, config: CameraConfig, lens: Lens | None = None) -> None:
        """Starts with no frame seen.

        Args:
            config: of the camera.
            lens: of the camera, whose distortion is undone; None for pictures that are straight.

        Raises:
            InputError: the part that is used does not fit in the lens's picture.
        """
        self.config = config
        self._undistortion: Undistortion | None = None
        if lens is not None and lens.bends:
            try:
                self._undistortion = Undistortion(lens, config.crop)
            except InputError as error:
                raise InputError(f'{config.name}: {error}') from error
        self.reset()

    def reset(self) -> None:
        """Forgets the frames seen, after the source was opened anew."""
        self._time = TimeCheck(self.config.max_age_s)
        self._frozen = FrozenCheck(self.config.frozen_frames)

    def process(
        self,
        color: NDArray[Any] | None,
        depth: NDArray[Any] | None,
        stamp_ns: int,
        now_ns: int | None = None,
    ) -> CameraFrame | Refusal:
        """One frame through the whole path; never raises for what a camera sends.

        Args:
            color: uint8 RGB [H, W, 3] or gray [H, W, 1].
            depth: uint16 millimetres or float32 metres [H, W], aligned to the colour.
            stamp_ns: time of the picture.
            now_ns: present time on the stamps' clock; the age is not checked without it.
        """
        try:
            self._time.check(stamp_ns, now_ns)
            images = self._wanted(color, depth)
            frozen = self._frozen.look(images)
            frame = self._frame(images, stamp_ns)  # what else is wrong says more
            if frozen:
                raise FrozenError(frozen)
            return frame
        except InputError as error:
            reason = f'{self.config.name}: {error}'
            return Refusal(stamp_ns, reason, isinstance(error, FrozenError))

    def _wanted(
        self, color: NDArray[Any] | None, depth: NDArray[Any] | None
    ) -> dict[str, NDArray[Any]]:
        """The images that the configuration asks for, each there and of one size."""
        images = {}
        for name, image in (('color', color), ('depth', depth)):
            if getattr(self.config, name):
                if image is None or image.ndim < 2 or image.size == 0:
                    raise InputError(f'no {name} image')
                images[name] = image
        if len({image.shape[:2] for image in images.values()}) > 1:
            sizes = {name: list(image.shape) for name, image in images.items()}
            raise InputError(f'color and depth are not aligned: {sizes}')
        return images

    def _frame(self, images: dict[str, NDArray[Any]], stamp_ns: int) -> CameraFrame:
        color = self._color(images['color']) if 'color' in images else None
        if 'depth' not in images:
            return CameraFrame(stamp_ns, color, None, 1.0)
        filled, valid = self._depth(images['depth'])
        return CameraFrame(stamp_ns, color, filled, valid)

    def _part(self, image: NDArray[Any], nearest: bool = False) -> NDArray[Any]:
        """The straight picture's part that is used."""
        if self._undistortion is not None:
            return self._undistortion.apply(image, nearest)
        return crop(image, self.config.crop) if self.config.crop else image

    def _color(self, image: NDArray[Any]) -> NDArray[np.uint8]:
        if image.ndim != 3 or image.shape[2] not in (1, 3) or image.dtype != np.uint8:
            raise InputError(
                f'color: expected uint8 [H, W, 3] or [H, W, 1], '
                f'got {image.dtype} {list(image.shape)}'
            )
        part = self._part(image)
        return resize(to_gray(part) if self.config.gray else part, self.config.size)

    def measured(self, image: NDArray[Any]) -> DepthImage:
        """Depth of the part that is used, m, NaN where nothing was measured, shape [H, W].

        Raises:
            InputError: no depth image.
        """
        part = self._part(check_raw(image), nearest=True)
        return to_metres(resize(part, self.config.size, nearest=True))

    def _depth(self, image: NDArray[Any]) -> tuple[DepthImage, float]:
        """Filled depth and valid fraction; resized before the filling, so no hole is lost."""
        metres = self.measured(image)
        valid = check_depth(metres, self.config.min_valid, self.config.depth_range_m)
        return fill_holes(metres, self.config.exact_fill), valid
