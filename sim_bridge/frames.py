# SPDX-License-Identifier: Apache-2.0
"""Frames as cameras hand them on: with noise in their depth, late, or lost."""

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_rl.types import Entries, FloatArray


class Frames:
    """What cameras tell in place of what they see; colour and depth of a frame stay together."""

    def __init__(self, action_hz: float) -> None:
        """Hands everything on as it is, before `begin`.

        Args:
            action_hz: frames a second.
        """
        self._hz = action_hz
        self.forget()

    def forget(self, saved: dict[str, Any] | None = None) -> None:
        """Leaves the episode; the next begins anew, or where `save` was called."""
        self._saved = saved
        self._rng: np.random.Generator | None = None
        self._late: dict[str, deque[Entries]] = {}

    def save(self) -> dict[str, Any] | None:
        """What its future depends on; None before the first frame of an episode."""
        if self._rng is None:
            return self._saved
        late = {camera: list(row) for camera, row in self._late.items()}
        return {'rng': self._rng.bit_generator.state, 'late': late}

    def begin(self, drawn: Mapping[str, FloatArray], rng: np.random.Generator) -> None:
        """Starts an episode.

        Args:
            drawn: its `depth_noise`, m, `latency`, s, and `dropped`, each shape [1].
            rng: of noise and losses.
        """
        self._half = float(drawn['depth_noise'][0])
        self._steps = round(float(drawn['latency'][0]) * self._hz)
        self._dropped = float(drawn['dropped'][0])
        self._rng, self._late = rng, {}
        if self._saved is not None:
            rng.bit_generator.state = self._saved['rng']
            self._late = {c: deque(row, self._steps + 1) for c, row in self._saved['late'].items()}

    def sense(self, camera: str, frame: Entries) -> Entries:
        """The frame that comes now, while a camera sees this one.

        Args:
            camera: its name.
            frame: its pictures of this tick by stream, uint8 colour, and depth in m, float.
        """
        if self._rng is None:
            return frame
        if self._half:
            frame = {s: _noisy(p, self._half, self._rng) for s, p in frame.items()}
        if not (self._steps or self._dropped):
            return frame
        row = self._late.setdefault(camera, deque(maxlen=self._steps + 1))
        if row and self._rng.random() < self._dropped:
            frame = row[-1]
        row.append(frame)
        return row[0]


def _noisy(
    picture: NDArray[np.generic], half: float, rng: np.random.Generator
) -> NDArray[np.generic]:
    """Depth with a uniform error of this half width, m; colour as it is."""
    if picture.dtype.kind != 'f':
        return picture
    return np.asarray(picture + rng.uniform(-half, half, picture.shape).astype(np.float32))
