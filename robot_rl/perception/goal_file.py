# SPDX-License-Identifier: Apache-2.0
"""Files of a goal picture: PNG of colour, PNG of depth in mm, and YAML of where they are from.

The depth of `goals/plug.png` is `goals/plug_depth.png`, 16 bits, 0 where there is none; what is
known of both is `goals/plug.yaml`. Of a camera without colour, `goals/plug.png` is the depth.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from robot_rl.errors import InputError
from robot_rl.perception.camera import CameraConfig
from robot_rl.perception.depth import DepthImage


@dataclass(frozen=True)
class GoalPicture:
    """What a camera saw of a goal.

    Attributes:
        stamp_ns: time of the picture.
        color: uint8 [H, W, 3] RGB, or [H, W, 1] gray; None from a camera without colour.
        depth: m, float32 [H, W]; None from a camera without depth.
    """

    stamp_ns: int
    color: NDArray[np.uint8] | None = field(repr=False)
    depth: DepthImage | None = field(repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        image = self.depth if self.color is None else self.color
        assert image is not None
        return image.shape[0], image.shape[1]


def write_goal(
    path: Path, goal: GoalPicture, facts: dict[str, Any], overwrite: bool = False
) -> list[Path]:
    """Writes the files of a goal picture; which they are.

    Args:
        path: of the colour, ends in `.png`; of the depth, where there is no colour.
        goal: what was seen.
        facts: what is known of it, such as task and camera; size and stamp are added.
        overwrite: whether files that are there may be replaced.

    Raises:
        InputError: another ending, a file that is there, or a disk that refuses.
    """
    if path.suffix != '.png':
        raise InputError(f'{path}: expected a name that ends in .png')
    data: dict[Path, bytes] = {}
    if goal.color is not None:
        data[path] = _png(goal.color[..., ::-1])  # OpenCV takes BGR
    if goal.depth is not None:
        mm = np.rint(np.nan_to_num(goal.depth) * 1000.0).clip(0, 65535)
        data[_depth_file(path, goal.color is not None)] = _png(mm.astype(np.uint16))
    known = facts | {'size': list(goal.size), 'stamp_ns': goal.stamp_ns}
    data[path.with_suffix('.yaml')] = yaml.safe_dump(known, sort_keys=False).encode()
    there = [str(file) for file in data if file.exists()]
    if there and not overwrite:
        raise InputError(f'{", ".join(there)}: there already; --overwrite replaces it')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for file, content in data.items():
            file.write_bytes(content)
    except OSError as error:
        raise InputError(f'{path}: cannot be written: {error.strerror or error}') from error
    return list(data)


def read_goal(
    path: Path, camera: CameraConfig
) -> tuple[NDArray[np.uint8] | None, NDArray[np.uint16] | None]:
    """Colour and depth of a goal picture, each None where the camera does not give it.

    Args:
        path: that `write_goal` was given.
        camera: of the task, that the picture stands in for.

    Returns:
        RGB [H, W, 3] and depth in mm [H, W], 0 where there is none.

    Raises:
        InputError: a file is missing, is no picture, or has another size or type.
    """
    color = depth = None
    if camera.color:
        how = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
        color = _read(path, how, (*camera.size, 3), 'uint8', f'color of {camera.name}')
        color = np.ascontiguousarray(color[..., ::-1])
    if camera.depth:
        path = _depth_file(path, camera.color)
        depth = _read(path, cv2.IMREAD_UNCHANGED, camera.size, 'uint16', f'depth of {camera.name}')
    return color, depth


def _depth_file(path: Path, color: bool) -> Path:
    """Where the depth is, beside colour or alone."""
    return path.with_name(f'{path.stem}_depth.png') if color else path


def _read(path: Path, how: int, shape: tuple[int, ...], kind: str, what: str) -> NDArray[Any]:
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise InputError(f'{path}: {error.strerror}; expected the {what}') from error
    image = cv2.imdecode(data, how) if data.size else None
    if image is None:
        raise InputError(f'{path}: not a picture; expected the {what}')
    if image.shape != shape or image.dtype != kind:
        raise InputError(
            f'{path}: {what}: expected {kind} {list(shape)}, got {image.dtype} {list(image.shape)}'
        )
    return image


def _png(image: NDArray[Any]) -> bytes:
    done, coded = cv2.imencode('.png', np.ascontiguousarray(image))
    assert done
    return coded.tobytes()
