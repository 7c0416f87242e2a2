# SPDX-License-Identifier: Apache-2.0
"""The arrays of a replay ring: for every row a state, how it was reached, what was done in it."""

import itertools
import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from robot_rl.arrays import State
from robot_rl.errors import InputError
from robot_rl.replay.episodes import Rows
from robot_rl.types import DataSpec, Entries, FloatArray, Step

ActionKind = Literal['requested', 'executed']


class Columns:
    """Preallocated arrays, filled row by row.

    All vectors of a state lie side by side, so that one look into memory fetches them.

    Attributes:
        entries: of the observations, float32 [N, E] or uint8 [N, H, W, C]; views of what is
            stored, so that many rows are read faster with `observe` and `entry`.
        action: shape [N, A].
        reward: on arrival, shape [N].
        terminated: on arrival, shape [N].
    """

    def __init__(self, capacity: int, spec: DataSpec, action: ActionKind) -> None:
        """Reserves the memory; entries that `spec` does not name are not stored."""
        self._spec, self._kind = spec, action
        widths = {n: math.prod(e.shape) for n, e in spec.entries.items() if e.dtype != 'uint8'}
        ends = itertools.accumulate(widths.values())
        self._places = {n: slice(e - w, e) for (n, w), e in zip(widths.items(), ends, strict=True)}
        self._vectors = np.zeros((capacity, sum(widths.values())), np.float32)
        self._images: dict[str, NDArray[np.generic]] = {
            name: np.zeros((capacity, *entry.shape), np.uint8)
            for name, entry in spec.entries.items()
            if entry.dtype == 'uint8'
        }
        self.entries = self._named(self._vectors, self._images)
        self.action = np.zeros((capacity, spec.action_size), np.float32)
        self.reward = np.zeros(capacity, np.float32)
        self.terminated = np.zeros(capacity, np.bool_)

    def arrays(self) -> State:
        """All of them by name."""
        entries = {f'entries/{name}': array for name, array in self.entries.items()}
        return entries | {n: getattr(self, n) for n in ('action', 'reward', 'terminated')}

    def check(self, step: Step) -> None:
        """Refuses a step that does not fit.

        Raises:
            InputError: names the entry that is missing, or what has another shape.
        """
        entries = step.observation.entries
        for name, spec in self._spec.entries.items():
            if name not in entries:
                raise InputError(f'replay: step has no entry {name!r}; it has {list(entries)}')
            if entries[name].shape != spec.shape:
                got = entries[name].shape
                raise InputError(f'replay: entry {name!r}: expected {spec.shape}, got {got}')
        size, wanted = self._action_of(step).shape, (self._spec.action_size,)
        if size != wanted:
            raise InputError(f'replay: {self._kind} action: expected {wanted}, got {size}')

    def finite(self, step: Step) -> bool:
        """Whether all numbers of a step can be stored as float32."""
        entries = step.observation.entries
        floats = [entries[n] for n, e in self._spec.entries.items() if e.dtype != 'uint8']
        values = (self._action_of(step), np.float64(step.reward), *floats)
        with np.errstate(over='ignore'):
            return all(bool(np.isfinite(np.asarray(v, np.float32)).all()) for v in values)

    def write(self, row: int, step: Step) -> None:
        """Stores a step in a row."""
        for name, array in self.entries.items():
            array[row] = step.observation.entries[name]
        self.action[row] = self._action_of(step)
        self.reward[row] = step.reward
        self.terminated[row] = step.terminated

    def observe(self, rows: Rows) -> Entries:
        """Entries of the states in these rows, shape [B, ...] each."""
        images = {name: array.take(rows, axis=0) for name, array in self._images.items()}
        return self._named(self._vectors.take(rows, axis=0), images)

    def entry(self, name: str, rows: Rows) -> NDArray[np.generic]:
        """One entry of the states in these rows, of any shape, shape [..., E] or as an image."""
        if name in self._images:
            return self._images[name].take(rows, axis=0)
        joined = self._vectors.take(rows, axis=0)[..., self._places[name]]
        return joined.reshape(*rows.shape, *self._spec.entries[name].shape)

    def _named(self, vectors: NDArray[np.float32], images: Entries) -> Entries:
        """Entries in the order of the specification, as views of joined vectors [B, ...]."""
        return {
            name: images[name]
            if name in images
            else _shaped(vectors[:, self._places[name]], entry.shape)
            for name, entry in self._spec.entries.items()
        }

    def _action_of(self, step: Step) -> FloatArray:
        return step.requested if self._kind == 'requested' else step.executed


def _shaped(flat: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    return flat if len(shape) == 1 else flat.reshape(-1, *shape)
