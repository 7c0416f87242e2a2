# SPDX-License-Identifier: Apache-2.0
"""Replay memory: every state stored once, transitions as links between rows.

A row of the ring holds one state, how it was rewarded on arrival, and what was done in it.
Consecutive steps of one collector and episode are linked, so no next observation is stored
twice. Returns over several steps and relabelling are ways of sampling (`replay/sampler.py`);
sources with ratios, such as demonstrations beside online steps, are several buffers
(`replay/mixture.py`).
"""

from dataclasses import dataclass

import numpy as np

from robot_rl import arrays
from robot_rl.arrays import State
from robot_rl.errors import InputError
from robot_rl.replay.batch import Batch
from robot_rl.replay.columns import ActionKind, Columns
from robot_rl.replay.episodes import Episodes, Rows, below
from robot_rl.types import DataSpec, FloatArray, Step

__all__ = ['ActionKind', 'ReplayBuffer', 'Rows']

_NONE = -1


@dataclass(slots=True)
class _Stream:
    """Where one collector's stream stands: the number it sends next, and its open state."""

    next_sequence: int = 0
    row: int = _NONE
    episode: int = _NONE
    step: int = _NONE

    def close(self) -> None:
        """Forgets the open state: nothing follows it."""
        self.row = _NONE


class ReplayBuffer:
    """Ring of states with uniform sampling of the transitions between them.

    Attributes:
        capacity: states kept at most.
        columns: what is stored of each state, by row.
        links: the row that follows each row in its episode, or -1.
        episodes: where each row stands in its episode.
        gaps: steps that never came.
        duplicates: steps that came again and were dropped.
        rejected: steps dropped because a number in them was not finite.
    """

    def __init__(self, capacity: int, spec: DataSpec, action: ActionKind = 'requested') -> None:
        """Reserves the memory; entries that `spec` does not name are not stored.

        Args:
            capacity: states kept; the oldest go first.
            spec: shapes of the entries and size of the action.
            action: which of a step's two actions a transition holds. `requested` makes safety a
                part of the world: what a refused push leads to is learned. With `executed`
                no transition ever holds the refused push, and critics may overrate it.
        """
        if not capacity >= 2:
            raise InputError(f'capacity: expected at least 2 states, got {capacity}')
        self.capacity = capacity
        self.columns = Columns(capacity, spec, action)
        self.episodes = Episodes(capacity)
        self.links: Rows = np.full(capacity, _NONE, np.int64)
        self._valid: Rows = np.full(capacity, _NONE, np.int64)
        self._place: Rows = np.full(capacity, _NONE, np.int64)
        self._transitions = 0
        self._written = 0
        self._streams: dict[str, _Stream] = {}
        self.gaps = self.duplicates = self.rejected = 0

    def __len__(self) -> int:
        """Number of transitions that can be drawn."""
        return self._transitions

    def next_sequence(self, collector: str) -> int:
        """Number of the first step that is still wanted from a collector."""
        return self._streams[collector].next_sequence if collector in self._streams else 0

    @property
    def sequences(self) -> dict[str, int]:
        """`next_sequence` of every collector heard so far."""
        return {name: stream.next_sequence for name, stream in self._streams.items()}

    def add(self, step: Step) -> bool:
        """Stores a step and links it to the one before; whether that made a transition.

        Raises:
            InputError: an entry is missing or does not fit; names it.
        """
        stream = self._streams.setdefault(step.observation.collector, _Stream())
        if step.sequence < stream.next_sequence:
            self.duplicates += 1
            return False
        self.columns.check(step)
        lost, stream.next_sequence = step.sequence - stream.next_sequence, step.sequence + 1
        self.gaps += lost
        if not self.columns.finite(step):
            self.rejected += 1
            stream.close()
            return False
        row = self._write(step)
        follows = (
            not lost
            and stream.row != _NONE
            and stream.episode == step.observation.episode
            and stream.step + 1 == step.observation.step
        )
        if follows:
            self._link(stream.row, row)
        else:
            self.episodes.start(row)
        stream.row = _NONE if step.last else row
        stream.episode, stream.step = step.observation.episode, step.observation.step
        return follows

    def is_open(self, collector: str) -> bool:
        """Whether the next step of a collector may make a transition with its last one."""
        return collector in self._streams and self._streams[collector].row != _NONE

    def close(self, collector: str) -> None:
        """Lets nothing follow the last step of a collector."""
        if collector in self._streams:
            self._streams[collector].close()

    def sample(self, batch_size: int, rng: np.random.Generator) -> Batch:
        """Transitions drawn uniformly with replacement.

        Raises:
            InputError: there is none yet.
        """
        return self.gather(self.sample_rows(batch_size, rng))

    def sample_rows(self, batch_size: int, rng: np.random.Generator) -> Rows:
        """Rows of states that a transition leads away from, shape [B].

        Raises:
            InputError: there is none yet.
        """
        self._check_filled()
        return self._valid.take(rng.integers(0, self._transitions, batch_size))

    def choose_rows(self, uniform: FloatArray) -> Rows:
        """As `sample_rows`; random numbers in [0, 1) choose, shape [B]."""
        self._check_filled()
        return self._valid.take(below(self._transitions, uniform))

    def gather(self, rows: Rows) -> Batch:
        """The transitions that start in these rows, shape [B]."""
        following, columns = self.links.take(rows), self.columns
        return Batch(
            observation=columns.observe(rows),
            action=columns.action.take(rows, axis=0),
            reward=columns.reward.take(following),
            next_observation=columns.observe(following),
            terminated=columns.terminated.take(following),
            steps=np.ones(len(rows), np.int64),
            demonstration=np.zeros(len(rows), np.bool_),
        )

    @property
    def nbytes(self) -> int:
        """Memory that the arrays take."""
        return sum(array.nbytes for array in self._arrays().values()) + self.episodes.nbytes

    def _check_filled(self) -> None:
        if not self._transitions:
            raise InputError('replay: no transition stored yet')

    def state_dict(self) -> State:
        """An exact copy of everything, without the unused rows."""
        filled = min(self._written, self.capacity)
        state: State = {name: array[:filled].copy() for name, array in self._arrays().items()}
        streams = {
            n: [s.next_sequence, s.row, s.episode, s.step] for n, s in self._streams.items()
        }
        counts = [self._transitions, self._written, self.gaps, self.duplicates, self.rejected]
        state['book'] = arrays.from_json([self.capacity, counts, streams])
        return state

    def load_state_dict(self, state: State) -> None:
        """Replaces everything by what `state_dict` gave.

        Raises:
            InputError: another capacity, other entries, or other shapes.
        """
        columns = self._arrays()
        arrays.check_names(set(state), {'book', *columns}, 'replay state')
        capacity, counts, streams = arrays.to_json(state['book'])
        if capacity != self.capacity:
            raise InputError(f'replay state: capacity: expected {self.capacity}, got {capacity}')
        filled = min(counts[1], capacity)
        for name, column in columns.items():
            shape = (filled, *column.shape[1:])
            if state[name].shape != shape or state[name].dtype != column.dtype:
                got = f'{state[name].dtype} {state[name].shape}'
                raise InputError(
                    f'replay state: {name}: expected {column.dtype} {shape}, got {got}'
                )
        for name, column in columns.items():
            column[:filled] = state[name]
        self.links[filled:] = _NONE
        self._transitions, self._written, self.gaps, self.duplicates, self.rejected = counts
        self._streams = {name: _Stream(*values) for name, values in streams.items()}
        order = (self._written - filled + np.arange(filled)) % self.capacity
        self.episodes.rebuild(order, self.links)

    def _arrays(self) -> State:
        books = {'links': self.links, 'valid': self._valid, 'place': self._place}
        return self.columns.arrays() | books

    def _write(self, step: Step) -> int:
        row = self._written % self.capacity
        if self._written >= self.capacity:
            self._free(row)
        self._written += 1
        self.columns.write(row, step)
        return row

    def _free(self, row: int) -> None:
        """Ends what starts in a row; what leads to it started in an older row, freed before."""
        self.episodes.drop(row)
        for stream in self._streams.values():
            if stream.row == row:
                stream.close()
        if self.links[row] != _NONE:
            self._transitions -= 1
            place, moved = self._place[row], self._valid[self._transitions]
            self._valid[place], self._place[moved] = moved, place
            self.links[row] = _NONE

    def _link(self, row: int, following: int) -> None:
        self.links[row] = following
        self.episodes.append(row, following)
        self._valid[self._transitions], self._place[row] = row, self._transitions
        self._transitions += 1
