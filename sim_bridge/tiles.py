# SPDX-License-Identifier: Apache-2.0
"""Sheets of small pictures, enlarged so that their pixels can be counted."""

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_rl.report.video import Frame, overlay

SIDE = 160  # pixels of a picture on the sheet
STRIP = 22  # pixels of the line of text above
GAP = 6


def enlarged(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """A picture [H, W, 1 or 3] with sides of so many pixels, shape [side, side, 1 or 3]."""
    large = cv2.resize(picture, (side, side), interpolation=cv2.INTER_NEAREST)
    return np.asarray(large, np.uint8).reshape(side, side, -1)


def tile(pictures: list[NDArray[np.uint8]], titles: list[str]) -> Frame:
    """Pictures [H, W, 1 or 3], RGB or gray, side by side, each with its title above."""
    shown = []
    for picture, title in zip(pictures, titles, strict=True):
        framed = np.full((SIDE + STRIP, SIDE, 3), 40, np.uint8)
        framed[STRIP:] = enlarged(picture, SIDE)
        shown.append(overlay(framed, [title]))
    return np.pad(np.hstack(shown), ((GAP, GAP), (GAP, GAP), (0, 0)), constant_values=255)


def sheet_of(tiles: list[Frame], across: int) -> Frame:
    """Tiles of one size in rows of so many, white where the last row is not full."""
    tiles = tiles + [np.full_like(tiles[0], 255)] * (-len(tiles) % across)
    rows = [np.hstack(tiles[i : i + across]) for i in range(0, len(tiles), across)]
    return np.vstack(rows)
