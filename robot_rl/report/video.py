# SPDX-License-Identifier: Apache-2.0
"""Films of episodes: text on pictures, two episodes side by side, MP4."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_rl.errors import InputError
from robot_rl.report.files import whole_file

Frame = NDArray[np.uint8]

_FONT = cv2.FONT_HERSHEY_SIMPLEX


def overlay(frame: Frame, lines: Sequence[str], good: bool | None = None) -> Frame:
    """A copy of the frame with lines of text on a dark strip at its top.

    Args:
        frame: RGB, shape [H, W, 3].
        lines: such as a title, a step, a reward.
        good: a frame around the picture, green for True and red for False; none for None.
    """
    picture = np.ascontiguousarray(frame).copy()
    scale = max(picture.shape[0] / 700, 0.35)
    height = round(34 * scale)
    strip = picture[: height * len(lines) + height // 2] if lines else picture[:0]
    strip[:] = strip // 3
    for i, line in enumerate(lines, 1):
        at = (height // 3, height * i)
        cv2.putText(picture, line, at, _FONT, scale, (255, 255, 255), 1, cv2.LINE_AA)
    if good is not None:
        color = (60, 200, 80) if good else (210, 60, 60)
        corner = (picture.shape[1] - 1, picture.shape[0] - 1)
        cv2.rectangle(picture, (0, 0), corner, color, max(2, picture.shape[0] // 80))
    return picture


def side_by_side(left: Sequence[Frame], right: Sequence[Frame]) -> Iterator[Frame]:
    """Two films as one, with a gap between; the shorter one holds its last picture.

    Args:
        left: RGB frames of one shape [H, W, 3].
        right: RGB frames of the same height.

    Raises:
        InputError: a film is empty, or the heights differ.
    """
    if not (left and right):
        raise InputError('video: a film without pictures')
    if left[0].shape[0] != right[0].shape[0]:
        raise InputError(f'video: heights differ: {left[0].shape[0]} and {right[0].shape[0]}')
    gap = np.full((left[0].shape[0], 8, 3), 255, np.uint8)
    for i in range(max(len(left), len(right))):
        pair = (left[min(i, len(left) - 1)], gap, right[min(i, len(right) - 1)])
        yield np.concatenate(pair, axis=1)


def write_video(path: str | Path, frames: Iterable[Frame], fps: float) -> str:
    """Writes an MP4 and gives the codec's name: h264, or mpeg4 where PyAV is missing.

    Args:
        path: of the film; it is there whole or not at all.
        frames: RGB, each [H, W, 3] uint8 of the first one's size; an odd size gets one more
            row or column, as the codec wants even ones.
        fps: pictures a second.

    Raises:
        InputError: no pictures, pictures of different sizes, or the file can't be written.
    """
    if not 0 < fps <= 240:
        raise InputError(f'video: expected 0 to 240 pictures a second, got {fps}')
    pictures = _even(frames)
    first = next(pictures, None)
    if first is None:
        raise InputError(f'video {path}: no pictures')
    try:
        import av  # noqa: F401, PLC0415
    except ImportError:
        write, codec = _write_mpeg4, 'mpeg4'
    else:
        write, codec = _write_h264, 'h264'
    with whole_file(path) as temporary:
        write(temporary, chain([first], pictures), fps)
    return codec


def _write_h264(path: Path, frames: Iterator[Frame], fps: float) -> None:
    import av  # noqa: PLC0415

    with av.open(str(path), 'w', format='mp4', options={'movflags': 'faststart'}) as file:
        stream = None
        for picture in frames:
            if stream is None:
                stream = file.add_stream('libx264', rate=round(fps))
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = 'yuv420p'
                stream.options = {'crf': '20', 'preset': 'veryfast'}
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format='rgb24')))
        if stream is not None:
            file.mux(stream.encode())


def _write_mpeg4(path: Path, frames: Iterator[Frame], fps: float) -> None:
    writer = None
    named = path.with_suffix('.mp4')  # OpenCV chooses the container by the name
    for picture in frames:
        if writer is None:
            size = (picture.shape[1], picture.shape[0])
            writer = cv2.VideoWriter(str(named), cv2.VideoWriter.fourcc(*'mp4v'), fps, size)
            if not writer.isOpened():
                raise OSError(f'no encoder, or {path.parent} cannot be written')
        writer.write(np.ascontiguousarray(picture[..., ::-1]))
    if writer is not None:
        writer.release()
    named.replace(path)


def _even(frames: Iterable[Frame]) -> Iterator[Frame]:
    """The frames with even sides; refuses a change of size."""
    shape = None
    for frame in frames:
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            raise InputError(
                f'video: expected uint8 [H, W, 3], got {frame.dtype} {list(frame.shape)}'
            )
        shape = shape or frame.shape
        if frame.shape != shape:
            raise InputError(f'video: a picture of {list(frame.shape)} among {list(shape)}')
        odd = ((0, shape[0] % 2), (0, shape[1] % 2), (0, 0))
        yield np.pad(frame, odd, mode='edge') if shape[0] % 2 or shape[1] % 2 else frame
