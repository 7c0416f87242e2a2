# SPDX-License-Identifier: Apache-2.0
"""The lens of a camera, from pictures of a chessboard (OpenCV's method of Zhang)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_rl.errors import InputError
from robot_rl.perception.image import to_gray
from robot_rl.perception.lens import Lens, Matrix

Corners = NDArray[np.float32]
Model = Literal['plumb_bob', 'rational_polynomial', 'equidistant']

LEAST_VIEWS = 5
#: The detector of sector shapes (SB) misses boards in pictures that were compressed even a little.
_FLAGS = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_FAST_CHECK
_FINE = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_COUNT, 40, 1e-3)
MOVED = 0.04  # share of the picture's width by which a corner moves between two views


@dataclass(frozen=True)
class Board:
    """A chessboard.

    Attributes:
        columns: inner corners along its longer side.
        rows: inner corners along its shorter side.
        square_m: side of a square, m.
    """

    columns: int
    rows: int
    square_m: float

    def __post_init__(self) -> None:
        """Refuses what no detector finds."""
        if not (3 <= self.rows <= 50 and 3 <= self.columns <= 50):
            raise InputError(
                f'board: expected 3 to 50 inner corners a side, got {self.columns}x{self.rows}'
            )
        if not 0.001 <= self.square_m <= 1:
            raise InputError(f'board: square: expected 0.001 to 1 m, got {self.square_m}')

    @property
    def points(self) -> NDArray[np.float32]:
        """The corners in the board's plane, m, shape [N, 3]."""
        grid = np.mgrid[: self.columns, : self.rows].T.reshape(-1, 2) * self.square_m
        return np.hstack([grid, np.zeros((len(grid), 1))]).astype(np.float32)


def find_board(image: NDArray[np.uint8], board: Board) -> Corners | None:
    """The corners of the board in a picture, pixels, shape [N, 2]; None where it is not whole.

    Args:
        image: RGB or gray, shape [H, W, C].
        board: that is looked for.
    """
    gray, shape = to_gray(image)[..., 0], (board.columns, board.rows)
    found, corners = cv2.findChessboardCorners(gray, shape, flags=_FLAGS)
    if not found:
        return None
    places = np.asarray(corners, np.float32).reshape(-1, 2)
    apart = float(np.linalg.norm(np.diff(places[: board.columns], axis=0), axis=1).min())
    window = max(2, min(11, round(apart / 3)))
    fine = cv2.cornerSubPix(gray, places, (window, window), (-1, -1), _FINE)
    return np.asarray(fine, np.float32).reshape(-1, 2)


class Views:
    """Collects views of a board that differ from one another.

    Attributes:
        corners: of each view, pixels, shape [N, 2].
        size: rows and columns of the pictures; None before the first.
    """

    def __init__(self, board: Board) -> None:
        """Has no view."""
        self._board = board
        self.corners: list[Corners] = []
        self.size: tuple[int, int] | None = None

    def add(self, image: NDArray[np.uint8], name: str) -> bool:
        """Whether a picture shows the board in another pose than those before.

        Args:
            image: RGB or gray, shape [H, W, C].
            name: of the picture, for the message.

        Raises:
            InputError: a picture of another size than those before.
        """
        size = image.shape[0], image.shape[1]
        if self.size not in (None, size):
            raise InputError(
                f'{name}: {size[1]} x {size[0]} pixels, but those before had '
                f'{self.size[1] if self.size else 0} x {self.size[0] if self.size else 0}'
            )
        self.size = size
        corners = find_board(image, self._board)
        if corners is None or any(_near(corners, other, size[1]) for other in self.corners):
            return False
        self.corners.append(corners)
        return True


def _near(one: Corners, other: Corners, width: int) -> bool:
    """Whether no corner has moved far; a board may also be seen the other way round."""
    moved = min(float(np.abs(one - o).max()) for o in (other, other[::-1]))
    return moved < MOVED * width


def calibrate(views: Views, board: Board, model: Model, name: str = '') -> tuple[Lens, float]:
    """The lens, and the root mean square of what it leaves unexplained, pixels.

    Args:
        views: of the board.
        board: that is seen.
        model: of the distortion.
        name: of the camera.

    Raises:
        InputError: too few views, or views that determine no lens.
    """
    if len(views.corners) < LEAST_VIEWS or views.size is None:
        raise InputError(
            f'calibrate: {len(views.corners)} different views of a board with '
            f'{board.columns}x{board.rows} inner corners; need {LEAST_VIEWS}'
        )
    rows, columns = views.size
    try:
        rms, matrix, coefficients = _SOLVERS[model](views.corners, board, (columns, rows))
        if not (np.isfinite(matrix).all() and np.isfinite(coefficients).all()):
            raise ValueError('no finite solution')
        lens = Lens(columns, rows, Matrix.of(matrix), model, Matrix.of(coefficients.ravel()), name)
    except (cv2.error, ValueError) as error:
        why = ' '.join(str(error).split())
        raise InputError(f'calibrate: these views determine no lens: {why}') from error
    return lens, rms


_Solution = tuple[float, NDArray[Any], NDArray[Any]]


def _plumb_bob(corners: Sequence[Corners], board: Board, size: tuple[int, int]) -> _Solution:
    return _pinhole(corners, board, size, 0)


def _rational(corners: Sequence[Corners], board: Board, size: tuple[int, int]) -> _Solution:
    rms, matrix, coefficients = _pinhole(corners, board, size, cv2.CALIB_RATIONAL_MODEL)
    return rms, matrix, coefficients.ravel()[:8]


def _pinhole(
    corners: Sequence[Corners], board: Board, size: tuple[int, int], flags: int
) -> _Solution:
    points = [board.points] * len(corners)
    empty = np.zeros((0, 0))
    rms, matrix, coefficients, *_ = cv2.calibrateCamera(
        points, list(corners), size, empty, empty, flags=flags
    )
    return float(rms), np.asarray(matrix), np.asarray(coefficients)


def _fisheye(corners: Sequence[Corners], board: Board, size: tuple[int, int]) -> _Solution:
    points = [board.points[None].astype(np.float64)] * len(corners)
    seen = [each[None].astype(np.float64) for each in corners]
    flags = cv2.CALIB_RECOMPUTE_EXTRINSIC | cv2.CALIB_FIX_SKEW
    rms, matrix, coefficients, *_ = cv2.fisheye.calibrate(
        points, seen, size, np.eye(3), np.zeros((4, 1)), flags=flags
    )
    return float(rms), np.asarray(matrix), np.asarray(coefficients)


_SOLVERS = {
    'plumb_bob': _plumb_bob,
    'rational_polynomial': _rational,
    'equidistant': _fisheye,
}
