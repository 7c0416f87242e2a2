# SPDX-License-Identifier: Apache-2.0
"""Takes pictures of a chessboard and writes the camera's lens as ROS's calibration YAML.

Hold a printed board before the camera, near and far, in every corner of the picture, and tilted to
all sides. Pictures come from a camera of a rig (config/cameras, or a file), or from a folder.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_rl.errors import InputError
from robot_rl.perception.calibration import Board, Views, calibrate
from robot_rl.perception.lens import MODELS, write_lens
from robot_rl.perception.rig import open_source
from robot_rl.perception.source_config import load_sources
from robot_rl.perception.sources import Reconnecting

Picture = tuple[str, NDArray[np.uint8]]

PICTURES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff')
GOOD_RMS = 1.0  # pixels
PAUSE_S = 0.05


def from_folder(folder: Path) -> Iterator[Picture]:
    """Name and RGB picture of each picture file in a folder.

    Raises:
        InputError: no picture there, or one that cannot be read.
    """
    paths = sorted(p for p in folder.glob('*') if p.suffix.lower() in PICTURES)
    if not paths:
        raise InputError(f'{folder}: no pictures; expected {", ".join(PICTURES)}')
    for path in paths:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise InputError(f'{path}: cannot be read as a picture')
        yield path.name, np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def from_camera(rig: str, name: str, seconds: float) -> Iterator[Picture]:
    """Colour pictures of a camera of a rig for some seconds.

    Raises:
        InputError: no such camera in the rig, or it gives raw topics, a goal or no pictures.
    """
    source = load_sources(rig, (name,))[name]
    if source.kind in ('topic', 'picture'):
        raise InputError(
            f'{rig}: {name}: kind {source.kind}: save pictures in a folder and name that'
        )
    camera = Reconnecting(lambda: open_source(source, time.monotonic_ns), source.retry_s)
    end, number = time.monotonic() + seconds, 0
    try:
        while time.monotonic() < end:
            frame = camera.read(time.monotonic_ns())
            if frame is None or frame.color is None:
                time.sleep(PAUSE_S)
                continue
            number += 1
            yield f'picture {number}', frame.color
    finally:
        camera.close()
    if number == 0:
        raise InputError(f'{rig}: {name}: no picture in {seconds:g} s: {camera.reason}')


def collect(pictures: Iterator[Picture], board: Board, count: int, keep: Path | None) -> Views:
    """Different views of the board, each told as it is found.

    Args:
        pictures: to look at.
        board: that is looked for.
        count: views after which it ends.
        keep: folder for the pictures of the views; None for none.

    Raises:
        InputError: a picture cannot be kept.
    """
    views = Views(board)
    for name, image in pictures:
        if not views.add(image, name):
            continue
        print(f'view {len(views.corners)} of {count}: {name}', flush=True)
        if keep is not None:
            path = keep / f'view_{len(views.corners):03d}.png'
            if not cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR)):
                raise InputError(f'{path}: cannot be written')
        if len(views.corners) >= count:
            break
    return views


def parse_board(text: str, square_m: float) -> Board:
    """A board from its inner corners, such as 9x6.

    Raises:
        InputError: another form.
    """
    columns, _, rows = text.partition('x')
    if not (columns.isdecimal() and rows.isdecimal()):
        raise InputError(f'--board: expected inner corners such as 9x6, got {text!r}')
    return Board(int(columns), int(rows), square_m)


def _make(folder: Path) -> None:
    """A folder, before pictures are taken.

    Raises:
        InputError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'{folder}: cannot be made: {error.strerror or error}') from error


def main(argv: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog='robot-rl calibrate', description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument('--folder', type=Path, help='of pictures')
    where.add_argument('--source', help='rig with the camera: name in config/cameras, or a file')
    parser.add_argument('--camera', default='wrist', help='its name in the rig')
    parser.add_argument('--board', default='9x6', help='inner corners; default 9x6')
    parser.add_argument('--square', type=float, required=True, help='side of a square, m')
    parser.add_argument('--model', choices=tuple(MODELS), default='plumb_bob', help='distortion')
    parser.add_argument('--count', type=int, default=20, help='of different views')
    parser.add_argument('--seconds', type=float, default=120.0, help='at most, with a camera')
    parser.add_argument('--keep', type=Path, help='folder for the pictures that were used')
    parser.add_argument('--output', type=Path, required=True, help='the YAML to write')
    options = parser.parse_args(argv)
    board = parse_board(options.board, options.square)
    for folder in filter(None, (options.keep, options.output.parent)):
        _make(folder)
    if options.folder:
        pictures = from_folder(options.folder)
    else:
        pictures = from_camera(options.source, options.camera, options.seconds)
    views = collect(pictures, board, options.count, options.keep)
    lens, rms = calibrate(views, board, options.model, options.camera)
    write_lens(options.output, lens)
    fx, _, cx, _, fy, cy, *_ = lens.camera_matrix.data
    verdict = 'good' if rms < GOOD_RMS else 'poor: sharper pictures, and a flat board, are needed'
    print(
        f'{options.output}: fx {fx:.1f}  fy {fy:.1f}  cx {cx:.1f}  cy {cy:.1f} pixels from '
        f'{len(views.corners)} views; rms {rms:.2f} pixels, {verdict}'
    )
    return 0
