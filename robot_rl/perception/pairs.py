# SPDX-License-Identifier: Apache-2.0
"""Colour and depth that came apart, put together to frames by their stamps."""

from typing import Any

from numpy.typing import NDArray

from robot_rl.errors import InputError
from robot_rl.perception.sources import RawFrame

#: Colour and depth of one frame may be this far apart.
PAIRING_NS = 10_000_000


class Pairs:
    """Holds the newest picture of each kind until those of one frame are complete."""

    def __init__(self, kinds: tuple[str, ...], size: tuple[int, int] | None = None) -> None:
        """Has no picture.

        Args:
            kinds: of the pictures that make a frame, `color` and `depth` or one of them.
            size: rows and columns that a picture must have; any when None.
        """
        self._kinds, self._size = kinds, size
        self._newest: dict[str, tuple[int, NDArray[Any]]] = {}

    def add(self, kind: str, stamp_ns: int, pixels: NDArray[Any]) -> RawFrame | None:
        """The frame that this picture completes.

        Args:
            kind: of the picture.
            stamp_ns: its time.
            pixels: shape [H, W, C].

        Raises:
            InputError: a picture of another size.
        """
        rows, columns = pixels.shape[:2]
        if self._size is not None and (rows, columns) != self._size:
            raise InputError(
                f'{kind}: gives {columns} x {rows} pixels, '
                f'wanted {self._size[1]} x {self._size[0]}'
            )
        self._newest[kind] = stamp_ns, pixels
        stamps = [stamp for stamp, _ in self._newest.values()]
        if len(stamps) < len(self._kinds) or max(stamps) - min(stamps) > PAIRING_NS:
            return None
        pictures = {name: image for name, (_, image) in self._newest.items()}
        self._newest = {}
        return RawFrame(min(stamps), pictures.get('color'), pictures.get('depth'))
