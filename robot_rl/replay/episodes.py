# SPDX-License-Identifier: Apache-2.0
"""Where each row of a replay ring stands in its episode, so that later states are found at once.

An episode here is what can be followed without a gap: consecutive steps of one collector. Its
rows need not lie side by side, since several collectors write in turn and the ring wraps. Each
episode therefore lists its rows in a segment of a pool. A segment is a ring itself; it moves to
one of twice its size when it is full.
"""

import numpy as np
from numpy.typing import NDArray

from robot_rl.types import FloatArray

Rows = NDArray[np.int64]
_SMALLEST = 16


def below(limits: Rows | int, uniform: FloatArray) -> Rows:
    """Whole numbers from 0 on and below the limits, shape [B].

    A double below 1 times a whole number is never rounded up to that number.

    Args:
        limits: at least 1, shape [B] or a scalar.
        uniform: random numbers in [0, 1), shape [B].
    """
    numbers: Rows = (uniform * limits).astype(np.int64)
    return numbers


class Episodes:
    """Episodes of the rows of a ring; every draw is vectorised over rows, shape [B]."""

    def __init__(self, capacity: int) -> None:
        """Starts empty.

        Args:
            capacity: rows of the ring; each episode holds one at least.
        """
        self._row: Rows = np.zeros((capacity, 2), np.int64)
        self._episode, self._number = self._row.T
        self._table: Rows = np.zeros((capacity, 4), np.int64)  # one line an episode
        self._first, self._end, self._offset, self._mask = self._table.T
        self.clear()

    def clear(self) -> None:
        """Forgets everything."""
        self._pool: Rows = np.zeros(_SMALLEST, np.int64)
        self._pool_used = self._episodes_used = 0
        self._free_episodes: list[int] = []
        self._free_segments: dict[int, list[int]] = {}

    @property
    def nbytes(self) -> int:
        """Memory in use."""
        return self._row.nbytes + self._table.nbytes + self._pool.nbytes

    def start(self, row: int) -> None:
        """Begins an episode with a row."""
        if self._free_episodes:
            episode = self._free_episodes.pop()
        else:
            episode, self._episodes_used = self._episodes_used, self._episodes_used + 1
        self._first[episode] = self._end[episode] = 0
        self._offset[episode], self._mask[episode] = self._segment(_SMALLEST), _SMALLEST - 1
        self._put(episode, row)

    def append(self, previous: int, row: int) -> None:
        """Lets a row follow the newest row of an episode."""
        episode = int(self._episode[previous])
        if self._end[episode] - self._first[episode] > self._mask[episode]:
            self._grow(episode)
        self._put(episode, row)

    def drop(self, row: int) -> None:
        """Forgets a row; it must be the oldest of its episode."""
        episode = int(self._episode[row])
        self._first[episode] += 1
        if self._first[episode] == self._end[episode]:
            self._release(episode)
            self._free_episodes.append(episode)

    def rebuild(self, rows: Rows, links: Rows) -> None:
        """Replaces everything by what links say.

        Args:
            rows: in the order of writing, shape [N].
            links: for every row of the ring the one that follows in its episode, or -1.
        """
        self.clear()
        before = np.full(len(self._episode), -1, np.int64)
        leading = rows[links[rows] >= 0]
        before[links[leading]] = leading
        for row, previous in zip(rows.tolist(), before[rows].tolist(), strict=True):
            if previous >= 0:
                self.append(previous, row)
            else:
                self.start(row)

    def later(self, rows: Rows, uniform: FloatArray) -> Rows:
        """One state after each row, from what is there; every row needs a later one.

        Args:
            rows: shape [B].
            uniform: random numbers in [0, 1) that choose, shape [B].
        """
        episode, number = self._row.take(rows, axis=0).T
        return self._choose(self._table.take(episode, axis=0), number + 1, uniform)

    def any(self, rows: Rows, uniform: FloatArray) -> Rows:
        """One state of each row's episode, from what is still there; as `later`."""
        table = self._table.take(self._row.take(rows, axis=0)[:, 0], axis=0)
        return self._choose(table, table[:, 0], uniform)

    def first(self, rows: Rows) -> Rows:
        """The first state of each row's episode; the oldest that is still there."""
        table = self._table.take(self._row.take(rows, axis=0)[:, 0], axis=0)
        return self._at(table, table[:, 0])

    def final(self, rows: Rows) -> Rows:
        """The last state of each row's episode; the newest where it still goes on."""
        table = self._table.take(self._row.take(rows, axis=0)[:, 0], axis=0)
        return self._at(table, table[:, 1] - 1)

    def _choose(self, table: Rows, first: Rows, uniform: FloatArray) -> Rows:
        """A state of each episode with a number from `first` on."""
        return self._at(table, first + below(table[:, 1] - first, uniform))

    def _at(self, table: Rows, number: Rows) -> Rows:
        """Rows of the states with these numbers; `table` holds one line an episode."""
        return self._pool.take(table[:, 2] + (number & table[:, 3]))

    def _put(self, episode: int, row: int) -> None:
        number = self._end[episode]
        self._pool[self._offset[episode] + (number & self._mask[episode])] = row
        self._episode[row], self._number[row] = episode, number
        self._end[episode] = number + 1

    def _grow(self, episode: int) -> None:
        numbers = np.arange(self._first[episode], self._end[episode])
        rows = self._at(self._table[episode : episode + 1], numbers)
        self._release(episode)
        size = 2 * (int(self._mask[episode]) + 1)
        self._offset[episode], self._mask[episode] = self._segment(size), size - 1
        self._pool[self._offset[episode] + (numbers & (size - 1))] = rows

    def _release(self, episode: int) -> None:
        size = int(self._mask[episode]) + 1
        self._free_segments.setdefault(size, []).append(int(self._offset[episode]))

    def _segment(self, size: int) -> int:
        """Where a segment of the pool of this size begins."""
        if self._free_segments.get(size):
            return self._free_segments[size].pop()
        offset, self._pool_used = self._pool_used, self._pool_used + size
        if self._pool_used > len(self._pool):
            larger = np.zeros(max(2 * len(self._pool), self._pool_used), np.int64)
            larger[:offset] = self._pool[:offset]
            self._pool = larger
        return offset
