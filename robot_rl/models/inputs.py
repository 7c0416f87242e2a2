# SPDX-License-Identifier: Apache-2.0
"""Joins the vectors of an observation into the input of a network."""

import math

import numpy as np
from numpy.typing import NDArray

from robot_rl.errors import InputError
from robot_rl.types import RAW_ENTRIES, DataSpec, Entries, EntrySpec


def is_picture(entry: EntrySpec) -> bool:
    """Whether an entry has rows, columns and channels."""
    return len(entry.shape) == 3


def own_entries(spec: DataSpec) -> tuple[str, ...]:
    """Names of the task's own entries."""
    return tuple(name for name in spec.entries if name not in RAW_ENTRIES)


class VectorInput:
    """The entries that one network reads, flattened and concatenated in their order.

    Attributes:
        names: the entries.
        size: width of the joined vector.
    """

    def __init__(
        self, spec: DataSpec, names: tuple[str, ...], where: str, empty: bool = False
    ) -> None:
        """Resolves the names; without any, all of the task's own entries are read.

        Args:
            spec: what the observations hold.
            names: entries to read; empty for all but the raw ones of `RAW_ENTRIES`.
            where: key of the configuration, for messages.
            empty: whether no names mean no entries.

        Raises:
            InputError: an entry that the task lacks, an image, or nothing to read.
        """
        self.names = names if names or empty else own_entries(spec)
        for name in self.names:
            if name not in spec.entries:
                raise InputError(f'{where}: no entry {name!r}; the task has {list(spec.entries)}')
            if is_picture(spec.entries[name]):
                raise InputError(
                    f'{where}: entry {name!r} is an image; expected vectors only, or an encoder '
                    f'for an agent that has one'
                )
        if not (self.names or empty):
            raise InputError(f'{where}: the task has no entry of its own to read')
        self._shapes = [spec.entries[name].shape for name in self.names]
        self.size = sum(math.prod(shape) for shape in self._shapes)

    def batch(self, entries: Entries) -> NDArray[np.float32]:
        """Joined entries of many observations, shape [B, size]; not to be written to."""
        parts = [entries[name].reshape(len(entries[name]), -1) for name in self.names]
        if not parts:
            return np.zeros((len(next(iter(entries.values()))), 0), np.float32)
        if len(parts) == 1 and parts[0].dtype == np.float32:
            return np.ascontiguousarray(parts[0], np.float32)
        return np.concatenate(parts, axis=1, dtype=np.float32, casting='unsafe')

    def single(self, entries: Entries) -> NDArray[np.float32]:
        """Joined entries of one observation, shape [size].

        Raises:
            InputError: an entry is missing or has another shape; names it.
        """
        check_shapes(entries, dict(zip(self.names, self._shapes, strict=True)))
        parts = [entries[name].ravel() for name in self.names]
        if not parts:
            return np.zeros(0, np.float32)
        return np.concatenate(parts, dtype=np.float32, casting='unsafe')


def check_shapes(entries: Entries, shapes: dict[str, tuple[int, ...]]) -> None:
    """Refuses an observation in which an entry is missing or has another shape; names it."""
    for name, shape in shapes.items():
        got = entries[name].shape if name in entries else 'nothing'
        if got != shape:
            raise InputError(f'observation: {name}: expected shape {shape}, got {got}')
