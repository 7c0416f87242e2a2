# SPDX-License-Identifier: Apache-2.0
"""Pictures of a chessboard through a known lens, drawn pixel by pixel."""

from functools import lru_cache

import cv2
import numpy as np

from robot_rl.perception.calibration import Board
from robot_rl.perception.lens import Lens, Matrix

BOARD = Board(9, 6, 0.03)
SIZE = (480, 640)
FINER = 2  # pixels drawn for one of the picture

PINHOLE = Lens(
    640,
    480,
    Matrix.of([[615.0, 0, 327.0], [0, 612.0, 236.0], [0, 0, 1]]),
    'plumb_bob',
    Matrix.of([[0.08, -0.18, 0.001, -0.0015, 0.0]]),
)
FISHEYE = Lens(
    640,
    480,
    Matrix.of([[285.0, 0, 322.0], [0, 286.0, 241.0], [0, 0, 1]]),
    'equidistant',
    Matrix.of([[0.02, -0.01, 0.004, -0.001]]),
)


@lru_cache
def rays(lens: Lens) -> np.ndarray:
    """Where each fine pixel looks, x / z and y / z, shape [H, W, 2]."""
    rows, columns = (np.arange(n * FINER) for n in lens.size)
    places = np.stack(np.meshgrid((columns + 0.5) / FINER - 0.5, (rows + 0.5) / FINER - 0.5), -1)
    matrix, coefficients = lens.camera_matrix.array, lens.distortion_coefficients.array.ravel()
    flat = places.reshape(-1, 1, 2)
    if lens.distortion_model == 'equidistant':
        straight = cv2.fisheye.undistortPoints(flat, matrix, coefficients)
    else:
        done = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 30, 1e-9)
        straight = cv2.undistortPoints(flat, matrix, coefficients, criteria=done)
    return straight.reshape(*places.shape)


def picture(seen: np.ndarray, turn_xyz: tuple, middle_xyz: tuple) -> np.ndarray:
    """RGB picture [H, W, 3] of the board.

    Args:
        seen: of `rays`.
        turn_xyz: rotation vector of the board, rad.
        middle_xyz: of the board in the camera, m.
    """
    rotation, _ = cv2.Rodrigues(np.array(turn_xyz, float))
    rays_xyz = np.concatenate([seen, np.ones((*seen.shape[:2], 1))], -1)
    normal, middle = rotation[:, 2], np.array(middle_xyz)
    hit = rays_xyz * ((normal @ middle) / (rays_xyz @ normal))[..., None]
    flat = (hit - middle) @ rotation[:, :2]
    squares = flat / BOARD.square_m + np.array([BOARD.columns - 1, BOARD.rows - 1]) / 2
    cells = np.floor(squares).astype(int) + 1
    inside = ((cells >= 0) & (cells <= [BOARD.columns, BOARD.rows])).all(-1)
    dark = inside & (cells.sum(-1) % 2 == 0)
    fine = np.where(dark, 30, 220).astype(np.uint8)
    rows, columns = fine.shape
    small = cv2.resize(fine, (columns // FINER, rows // FINER), interpolation=cv2.INTER_AREA)
    return np.repeat(small[..., None], 3, axis=-1)


def poses(count: int, distance: float, seed: int = 0) -> list[tuple]:
    """Ways to hold the board so that it fills different parts of the picture."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        away = rng.uniform(0.85, 1.25) * distance
        spread = rng.uniform([-0.22, -0.16], [0.22, 0.16]) * away
        turn = rng.uniform([-0.5, -0.5, -0.25], [0.5, 0.5, 0.25])
        made.append((tuple(turn), (*spread, away)))
    return made
