# SPDX-License-Identifier: Apache-2.0
"""One snapshot out of several sensor streams, refused when a part of it is too old."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from robot_rl.types import Entries, JointState, Snapshot, Wrench


@dataclass(frozen=True)
class AlignConfig:
    """When the parts of a snapshot belong together.

    Attributes:
        tick_period_ns: time between snapshots.
        max_age_ns: how much older than the joint state any other part may be; 0 asks for
            equal stamps.
        pictures: names of the picture streams that must be there.
        picture_ages_ns: limit of those that have one of their own.
    """

    tick_period_ns: int
    max_age_ns: int
    pictures: tuple[str, ...] = ()
    picture_ages_ns: dict[str, int] = field(default_factory=dict)


class Aligner:
    """Keeps the newest of each stream and gives a snapshot once a tick is due.

    Whatever is not newer than what is held is dropped, so duplicates and late messages
    change nothing. The stamp of the joint state is the tick.
    """

    def __init__(self, config: AlignConfig) -> None:
        """Starts with nothing received."""
        self._config = config
        self._state: JointState | None = None
        self._wrench: Wrench | None = None
        self._images: dict[str, tuple[int, NDArray[np.generic]]] = {}
        self._next_tick_ns: int | None = 0

    def restart(self, from_ns: int) -> None:
        """The next snapshot is the first whose joint state is stamped `from_ns` or later."""
        self._next_tick_ns = from_ns

    def pause(self) -> None:
        """No snapshot until `restart`."""
        self._next_tick_ns = None

    def add_state(self, state: JointState) -> None:
        """Takes a joint state."""
        if self._state is None or state.stamp_ns > self._state.stamp_ns:
            self._state = state

    def add_wrench(self, wrench: Wrench) -> None:
        """Takes a wrench."""
        if self._wrench is None or wrench.stamp_ns > self._wrench.stamp_ns:
            self._wrench = wrench

    def add_image(self, stream: str, stamp_ns: int, pixels: NDArray[np.generic]) -> None:
        """Takes a picture."""
        if stream not in self._images or stamp_ns > self._images[stream][0]:
            self._images[stream] = (stamp_ns, pixels)

    def take(self) -> Snapshot | None:
        """The snapshot of the due tick, once; None before all its parts are here and fresh."""
        state, wrench = self._state, self._wrench
        if state is None or wrench is None or self._next_tick_ns is None:
            return None
        if state.stamp_ns < self._next_tick_ns or self.stale(state.stamp_ns):
            return None
        self._next_tick_ns = self._following_tick(state.stamp_ns)
        images: Entries = {name: self._images[name][1] for name in self._config.pictures}
        return Snapshot(state.stamp_ns, state, wrench, images)

    def stale(self, now_ns: int) -> list[str]:
        """Names of the streams that are missing or too old for a snapshot at `now_ns`."""
        stamps: dict[str, int | None] = {
            'joint_states': None if self._state is None else self._state.stamp_ns,
            'wrench': None if self._wrench is None else self._wrench.stamp_ns,
        }
        stamps |= {name: self._image_stamp(name) for name in self._config.pictures}
        return list(self._too_old(stamps.items(), now_ns))

    def _image_stamp(self, stream: str) -> int | None:
        return self._images[stream][0] if stream in self._images else None

    def _too_old(self, stamps: Iterable[tuple[str, int | None]], now_ns: int) -> Iterable[str]:
        for name, stamp in stamps:
            limit_ns = self._config.picture_ages_ns.get(name, self._config.max_age_ns)
            if stamp is None or now_ns - stamp > limit_ns:
                yield name

    def _following_tick(self, stamp_ns: int) -> int:
        """One period on; a tick that is already due again is skipped, not caught up with."""
        due = self._next_tick_ns or 0
        period = self._config.tick_period_ns
        return due + period if stamp_ns - due < period // 2 else stamp_ns + period
