# SPDX-License-Identifier: Apache-2.0
"""Collects steps into whole episodes until an on-policy agent learns from them.

An episode counts from its first state on, as far as it is known without a gap and its actions
are the policy's own. What stands after a lost step, an unusable number, or a person's takeover
is left out up to the next episode, and counted; the state before it is a truncation, not an end.
The action learned from is the policy's own: what became of it on the way, a repeated action or
a push that safety refused, is a part of the world.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from robot_rl import arrays
from robot_rl.arrays import State
from robot_rl.errors import InputError
from robot_rl.replay.rollout import Rollout
from robot_rl.replay.rows import Row, finite, make_row, stack
from robot_rl.types import DataSpec, Step


@dataclass(slots=True)
class _Episode:
    rows: list[Row] = field(default_factory=list)
    terminated: bool = False

    @property
    def transitions(self) -> int:
        return max(0, len(self.rows) - 1)

    @property
    def versions(self) -> set[int]:
        return {row.version for row in self.rows[:-1]}


@dataclass(slots=True)
class _Stream:
    next_sequence: int = 0
    episode: int = -1
    step: int = -1
    open: _Episode | None = None


class RolloutBuffer:
    """Episodes that are complete and not yet learned from, and those going on.

    Attributes:
        gaps: steps that never came.
        duplicates: steps that came again and were dropped.
        rejected: steps dropped because a number in them was not finite.
        discarded: steps left out because their episode was cut before them.
        stale: transitions dropped because the policy that acted is not known any more, or
            because too many waited.
    """

    def __init__(self, capacity: int, spec: DataSpec) -> None:
        """Starts empty; entries that `spec` does not name are not kept.

        Args:
            capacity: transitions that wait at most; the oldest episodes go first.
            spec: shapes of the entries and size of the action.
        """
        self._capacity, self._spec = capacity, spec
        self._streams: dict[str, _Stream] = {}
        self._complete: list[_Episode] = []
        self.gaps = self.duplicates = self.rejected = self.discarded = self.stale = 0

    def __len__(self) -> int:
        """Transitions of complete episodes."""
        return sum(episode.transitions for episode in self._complete)

    def next_sequence(self, collector: str) -> int:
        """Number of the first step that is still wanted from a collector."""
        return self._streams[collector].next_sequence if collector in self._streams else 0

    @property
    def sequences(self) -> dict[str, int]:
        """`next_sequence` of every collector heard so far."""
        return {name: stream.next_sequence for name, stream in self._streams.items()}

    def add(self, step: Step) -> bool:
        """Takes a step; whether it ended what can be known of an episode.

        Raises:
            InputError: an entry is missing or does not fit; names it.
        """
        stream = self._streams.setdefault(step.observation.collector, _Stream())
        if step.sequence < stream.next_sequence:
            self.duplicates += 1
            return False
        row = make_row(step, self._spec)
        follows = step.sequence == stream.next_sequence and self._follows(stream, step)
        self.gaps += step.sequence - stream.next_sequence
        stream.next_sequence = step.sequence + 1
        stream.episode, stream.step = step.observation.episode, step.observation.step
        usable = finite(row)
        self.rejected += not usable
        closed = False
        if not (follows and usable):
            closed = self._close(stream)
            if step.observation.first and usable:
                stream.open = _Episode()
        if stream.open is None:
            self.discarded += usable
            return closed
        stream.open.rows.append(row)
        stream.open.terminated = step.terminated
        own = step.source == 'policy' and bool(np.isfinite(row.action).all())
        return self._close(stream) if step.last or not own else closed

    def keep_only(self, versions: Collection[int]) -> None:
        """Drops complete episodes that another version took part in, and those too many."""
        waiting = 0
        kept = []
        for episode in reversed(self._complete):
            waiting += episode.transitions
            if episode.versions <= set(versions) and waiting <= self._capacity:
                kept.append(episode)
            else:
                waiting -= episode.transitions
                self.stale += episode.transitions
        self._complete = kept[::-1]

    def take(self) -> Rollout:
        """All complete episodes, which are forgotten here.

        Raises:
            InputError: there is none.
        """
        if not self._complete:
            raise InputError('rollout: no complete episode yet')
        episodes, self._complete = self._complete, []
        rows = [row for episode in episodes for row in episode.rows[:-1]]
        following = [row for episode in episodes for row in episode.rows[1:]]
        last = np.zeros(len(rows), np.bool_)
        last[np.cumsum([episode.transitions for episode in episodes]) - 1] = True
        terminated = last.copy()
        terminated[last] = [episode.terminated for episode in episodes]
        return Rollout(
            observation=stack(rows, self._spec),
            action=np.stack([row.action for row in rows]),
            reward=np.array([row.reward for row in following], np.float32),
            next_observation=stack(following, self._spec),
            terminated=terminated,
            steps=np.ones(len(rows), np.int64),
            demonstration=np.zeros(len(rows), np.bool_),
            last=last,
            version=np.array([row.version for row in rows], np.int64),
            log_prob=np.full(len(rows), np.nan, np.float32),
        )

    def state_dict(self) -> State:
        """An exact copy of everything."""
        opened = [(name, s.open) for name, s in self._streams.items() if s.open is not None]
        episodes = [*self._complete, *(episode for _, episode in opened)]
        rows = [row for episode in episodes for row in episode.rows]
        streams = {n: [s.next_sequence, s.episode, s.step] for n, s in self._streams.items()}
        sizes = [[len(episode.rows), episode.terminated] for episode in episodes]
        counts = [getattr(self, name) for name in _COUNTERS]
        book = [sizes, [name for name, _ in opened], streams, counts]
        columns: State = {f'entries/{n}': a for n, a in stack(rows, self._spec).items()}
        shape = (len(rows), self._spec.action_size)
        columns['action'] = np.array([row.action for row in rows], np.float32).reshape(shape)
        columns['reward'] = np.array([row.reward for row in rows], np.float64)
        columns['version'] = np.array([row.version for row in rows], np.int64)
        return columns | {'book': arrays.from_json(book)}

    def load_state_dict(self, state: State) -> None:
        """Replaces everything by what `state_dict` gave.

        Raises:
            InputError: other entries or other shapes.
        """
        columns = {f'entries/{name}': e.shape for name, e in self._spec.entries.items()}
        columns |= {'action': (self._spec.action_size,), 'reward': (), 'version': ()}
        arrays.check_names(set(state), {'book', *columns}, 'rollout state')
        for name, shape in columns.items():
            if state[name].shape[1:] != shape:
                got = state[name].shape[1:]
                raise InputError(f'rollout state: {name}: expected {shape}, got {got}')
        sizes, opened, streams, counts = arrays.to_json(state['book'])
        episodes, start = [], 0
        for size, terminated in sizes:
            rows = [self._load_row(state, start + i) for i in range(size)]
            episodes.append(_Episode(rows, terminated))
            start += size
        self._streams = {name: _Stream(*values) for name, values in streams.items()}
        whole = len(episodes) - len(opened)
        self._complete = episodes[:whole]
        for name, episode in zip(opened, episodes[whole:], strict=True):
            self._streams[name].open = episode
        for name, value in zip(_COUNTERS, counts, strict=True):
            setattr(self, name, value)

    def _load_row(self, state: State, i: int) -> Row:
        entries = {name: state[f'entries/{name}'][i] for name in self._spec.entries}
        action = state['action'][i].astype(np.float32)
        return Row(entries, action, float(state['reward'][i]), int(state['version'][i]))

    def _follows(self, stream: _Stream, step: Step) -> bool:
        observation = step.observation
        there = stream.episode == observation.episode and stream.step + 1 == observation.step
        return there and stream.open is not None

    def _close(self, stream: _Stream) -> bool:
        """Ends the open episode in the last state that is known; whether anything is in it."""
        episode, stream.open = stream.open, None
        if episode is None or not episode.transitions:
            return False
        self._complete.append(episode)
        return True


_COUNTERS = ('gaps', 'duplicates', 'rejected', 'discarded', 'stale')
