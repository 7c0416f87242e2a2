# SPDX-License-Identifier: Apache-2.0
"""Joins the vectors of an observation into the input of a network."""

import math

import numpy as np
from numpy.typing import NDArray

from robot_rl.errors import InputError
from robot_rl.types import RAW_ENTRIES, DataSpec, Entries


class VectorInput:
    """The entries that one network reads, flattened and concatenated in their order.

    Attributes:
        names: the entries.
        size: width of the joined vector.
    """

    def __init__(self, spec: DataSpec, names: tuple[str, ...], where: str) -> None:
        """Resolves the names; without any, all of the task's own entries are read.

        Args:
            spec: what the observations hold.
            names: entries to read; empty for all but the raw ones of `RAW_ENTRIES`.
            where: key of the configuration, for messages.

        Raises:
            InputError: an entry that the task lacks, an image, or nothing to read.
        """
        self.names = names or tuple(n for n in spec.entries if n not in RAW_ENTRIES)
        for name in self.names:
            if name not in spec.entries:
                raise InputError(f'{where}: no entry {name!r}; the task has {list(spec.entries)}')
            if spec.entries[name].dtype == 'uint8':
                raise InputError(f'{where}: entry {name!r} is an image; expected vectors only')
        if not self.names:
            raise InputError(f'{where}: the task has no entry of its own to read')
        self._shapes = [spec.entries[name].shape for name in self.names]
        self.size = sum(math.prod(shape) for shape in self._shapes)

    def batch(self, entries: Entries) -> NDArray[np.float32]:
        """Joined entries of many observations, shape [B, size]; not to be written to."""
        parts = [entries[name].reshape(len(entries[name]), -1) for name in self.names]
        if len(parts) == 1 and parts[0].dtype == np.float32:
            return np.ascontiguousarray(parts[0], np.float32)
        return np.concatenate(parts, axis=1, dtype=np.float32, casting='unsafe')

    def single(self, entries: Entries) -> NDArray[np.float32]:
        """Joined entries of one observation, shape [size].

        Raises:
            InputError: an entry is missing or has another shape; names it.
        """
        for name, shape in zip(self.names, self._shapes, strict=True):
            got = entries[name].shape if name in entries else 'nothing'
            if got != shape:
                raise InputError(f'observation: {name}: expected shape {shape}, got {got}')
        parts = [entries[name].ravel() for name in self.names]
        return np.concatenate(parts, dtype=np.float32, casting='unsafe')
