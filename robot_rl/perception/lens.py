# SPDX-License-Identifier: Apache-2.0
"""What a camera's lens does to a picture, kept in ROS's calibration YAML, and how to undo it."""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from robot_rl import config
from robot_rl.errors import InputError
from robot_rl.types import FloatArray

#: Numbers of distortion coefficients by model, in the order of OpenCV.
MODELS = {'plumb_bob': (0, 4, 5), 'rational_polynomial': (8, 12, 14), 'equidistant': (4,)}


@dataclass(frozen=True)
class Matrix:
    """A matrix as ROS's calibration files write it.

    Attributes:
        rows: of it.
        cols: columns of it.
        data: row by row.
    """

    rows: int
    cols: int
    data: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuses another number of values."""
        if len(self.data) != self.rows * self.cols:
            raise ValueError(f'expected {self.rows} x {self.cols} values, got {len(self.data)}')

    @property
    def array(self) -> FloatArray:
        """Shape [rows, cols]."""
        return np.array(self.data, np.float64).reshape(self.rows, self.cols)

    @staticmethod
    def of(values: Any) -> 'Matrix':
        """Of an array [R, C]."""
        array = np.atleast_2d(np.asarray(values, np.float64))
        return Matrix(array.shape[0], array.shape[1], tuple(map(float, array.ravel())))


@dataclass(frozen=True)
class Lens:
    """Intrinsics of one camera, with the keys of ROS's calibration files.

    Attributes:
        image_width: pixels of the pictures that it was calibrated with.
        image_height: pixels.
        camera_matrix: fx, 0, cx; 0, fy, cy; 0, 0, 1; pixels.
        distortion_model: a key of `MODELS`.
        distortion_coefficients: in the order of OpenCV; none for a lens without distortion.
        camera_name: for people.
        rectification_matrix: of a stereo pair; read and not used.
        projection_matrix: of a stereo pair; read and not used.
    """

    image_width: int
    image_height: int
    camera_matrix: Matrix
    distortion_model: Literal['plumb_bob', 'rational_polynomial', 'equidistant']
    distortion_coefficients: Matrix
    camera_name: str = ''
    rectification_matrix: Matrix | None = None
    projection_matrix: Matrix | None = None

    def __post_init__(self) -> None:
        """Refuses what is no camera."""
        if not (1 <= self.image_width <= 16384 and 1 <= self.image_height <= 16384):
            raise ValueError(f'image of {self.image_width} x {self.image_height} pixels')
        if (self.camera_matrix.rows, self.camera_matrix.cols) != (3, 3):
            raise ValueError('camera_matrix: expected 3 x 3 values')
        fx, fy = self.camera_matrix.data[0], self.camera_matrix.data[4]
        if not (0 < fx < math.inf and 0 < fy < math.inf):
            raise ValueError(f'camera_matrix: expected focal lengths above 0, got {fx}, {fy}')
        count, known = len(self.distortion_coefficients.data), MODELS[self.distortion_model]
        if count not in known:
            raise ValueError(
                f'distortion_coefficients: {self.distortion_model} has '
                f'{" or ".join(map(str, known))} of them, got {count}'
            )

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the pictures."""
        return self.image_height, self.image_width

    @property
    def bends(self) -> bool:
        """Whether there is any distortion to undo."""
        return self.distortion_model == 'equidistant' or any(self.distortion_coefficients.data)


def read_lens(path: str | Path) -> Lens:
    """The lens in a calibration file.

    Raises:
        InputError: names the file and key.
    """
    return config.load(Lens, path)


def write_lens(path: str | Path, lens: Lens) -> None:
    """Writes a calibration file that ROS's own tools read, too.

    Raises:
        InputError: it can't be written.
    """
    projection = np.hstack([lens.camera_matrix.array, np.zeros((3, 1))])
    whole = dataclasses.replace(
        lens,
        rectification_matrix=lens.rectification_matrix or Matrix.of(np.eye(3)),
        projection_matrix=lens.projection_matrix or Matrix.of(projection),
    )
    try:
        Path(path).write_text(yaml.safe_dump(config.to_dict(whole), sort_keys=False))
    except OSError as error:
        raise InputError(f'{path}: cannot be written: {error.strerror or error}') from error


class Undistortion:
    """Look-up tables that straighten pictures of one lens, and cut a part out at once."""

    def __init__(self, lens: Lens, crop: tuple[int, int, int, int] | None = None) -> None:
        """Computes the tables; 20 ms for 640 x 480.

        Args:
            lens: of the camera; the straight picture keeps its camera matrix.
            crop: x, y, width, height in the straight picture, pixels; all when None.

        Raises:
            InputError: the part does not lie within the picture.
        """
        self.size = lens.size
        x, y, width, height = crop or (0, 0, lens.image_width, lens.image_height)
        if x + width > lens.image_width or y + height > lens.image_height:
            raise InputError(
                f'crop: x, y, width, height {[x, y, width, height]} does not fit in an image of '
                f'{lens.image_width} x {lens.image_height} pixels'
            )
        matrix = lens.camera_matrix.array
        target = matrix - np.array([[0, 0, x], [0, 0, y], [0, 0, 0]])
        coefficients = lens.distortion_coefficients.array.ravel()
        wanted = matrix, coefficients, np.eye(3), target, (width, height), cv2.CV_32FC1
        if lens.distortion_model == 'equidistant':
            maps = cv2.fisheye.initUndistortRectifyMap(*wanted)
        else:
            maps = cv2.initUndistortRectifyMap(*wanted)
        self._smooth = cv2.convertMaps(*maps, cv2.CV_16SC2)
        self._nearest = cv2.convertMaps(*maps, cv2.CV_16SC2, nninterpolation=True)

    def apply(self, image: NDArray[Any], nearest: bool = False) -> NDArray[Any]:
        """The straight picture; a trailing channel of 1 is kept.

        Args:
            image: shape [H, W] or [H, W, C], of the lens's size.
            nearest: each pixel takes one source pixel's value, and is a hole (0, or NaN) where
                the source has none; else black there.

        Raises:
            InputError: an image of another size.
        """
        if image.shape[:2] != self.size:
            rows, columns = image.shape[:2]
            raise InputError(
                f'image of {columns} x {rows} pixels, but the lens was calibrated with '
                f'{self.size[1]} x {self.size[0]}'
            )
        maps = self._nearest if nearest else self._smooth
        how = cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR
        border = math.nan if nearest and image.dtype.kind == 'f' else 0
        straight = cv2.remap(np.ascontiguousarray(image), *maps, how, borderValue=border)
        return np.asarray(straight).reshape(*straight.shape[:2], *image.shape[2:])
