# SPDX-License-Identifier: Apache-2.0
"""Colour and depth that came apart, put together to frames by their stamps."""

from collections import deque
from typing import Any

from numpy.typing import NDArray

from robot_rl.errors import InputError
from robot_rl.perception.sources import RawFrame

#: Colour and depth of one frame may be this far apart.
PAIRING_NS = 10_000_000
LONELY = 6  # pictures without a frame, after which something is wrong


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
        self._lonely: deque[str] = deque(maxlen=LONELY)
        self._apart_ns: deque[int] = deque(maxlen=LONELY)

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
        self._lonely.append(kind)
        stamps = [stamp for stamp, _ in self._newest.values()]
        if len(stamps) < len(self._kinds):
            return None
        apart_ns = max(stamps) - min(stamps)
        if apart_ns > PAIRING_NS:
            self._apart_ns.append(apart_ns)
            return None
        pictures = {name: image for name, (_, image) in self._newest.items()}
        self.clear()
        return RawFrame(min(stamps), pictures.get('color'), pictures.get('depth'))

    def clear(self) -> None:
        """Forgets the pictures that wait for another, as after one that is refused."""
        self._newest = {}
        self._lonely.clear()
        self._apart_ns.clear()

    def lack(self, camera: str) -> str:
        """Why the pictures of late make no frame; empty while they do, or few have come.

        Args:
            camera: its name, below which the raw topics lie.
        """
        if len(self._lonely) < LONELY:
            return ''
        topics = {kind: f'{camera}/{kind}/image_raw' for kind in self._kinds}
        there = ' and '.join(topics[kind] for kind in self._kinds if kind in self._lonely)
        for kind in self._kinds:
            if kind not in self._lonely:
                return f'{topics[kind]}: nothing comes, only {there}'
        return (
            f'{there}: stamps are {min(self._apart_ns) * 1e-6:.1f} ms apart or more, '
            f'expected {PAIRING_NS * 1e-6:g} at most'
        )
