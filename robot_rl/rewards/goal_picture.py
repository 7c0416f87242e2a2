# SPDX-License-Identifier: Apache-2.0
"""Reads the picture of the goal that an image reward compares with."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_rl import resources
from robot_rl.errors import InputError
from robot_rl.rewards.config import GoalImageConfig


def load_goal_image(settings: GoalImageConfig) -> NDArray[np.uint8]:
    """The goal picture, gray, shape [H, W, 1].

    Args:
        settings: its `file` is a PNG (colour is turned to gray) or a uint8 .npy of [H, W] or
            [H, W, 1]; a relative path is looked for here, then in the package's files.

    Raises:
        InputError: the file is missing, is no picture, or has another size.
    """
    path = Path(settings.file)
    if not path.exists():
        path = resources.share_dir() / settings.file
    if not path.is_file():
        raise InputError(f'goal image {settings.file}: no such file')
    image = _read_npy(path) if path.suffix == '.npy' else _read_picture(path)
    if image.dtype != np.uint8 or image.shape not in (settings.size, (*settings.size, 1)):
        raise InputError(
            f'goal image {path}: expected uint8 {list(settings.size)}, '
            f'got {image.dtype} {list(image.shape)}'
        )
    return image.reshape(*settings.size, 1)


def _read_npy(path: Path) -> NDArray[Any]:
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f'goal image {path}: not an array file') from error


def _read_picture(path: Path) -> NDArray[Any]:
    data = np.frombuffer(path.read_bytes(), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
    if image is None:
        raise InputError(f'goal image {path}: not a picture')
    return image
