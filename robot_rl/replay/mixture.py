# SPDX-License-Identifier: Apache-2.0
"""Several sources in one batch: online steps, demonstrations, a person's interventions.

Equal shares of online steps and demonstrations are the symmetric sampling of RLPD (Ball et al.
2023, *Efficient Online Reinforcement Learning with Offline Data*, section 4.1). Each source has
a buffer of its own, so that online steps never push demonstrations out.
"""

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from robot_rl import arrays
from robot_rl.arrays import State
from robot_rl.errors import InputError
from robot_rl.replay.batch import Batch
from robot_rl.replay.buffer import ReplayBuffer
from robot_rl.replay.sampler import Sampler
from robot_rl.replay.shares import split
from robot_rl.types import Entries


@dataclass(frozen=True)
class Source:
    """One of the buffers that a batch is mixed of.

    Attributes:
        sampler: draws from it.
        share: of the batch; what an empty source leaves goes to the others.
        demonstration: whether its transitions count as demonstrations.
        fixed: whether it is read from disk and never changes.
    """

    sampler: Sampler
    share: float
    demonstration: bool = False
    fixed: bool = False

    def sample(self, batch_size: int, rng: np.random.Generator) -> Batch:
        """Transitions, marked as demonstrations where they are."""
        batch = self.sampler.sample(batch_size, rng)
        if not self.demonstration:
            return batch
        return replace(batch, demonstration=np.ones(batch_size, np.bool_))


class Mixture:
    """Batches made of several sources, in their order, each with its share."""

    def __init__(self, sources: dict[str, Source]) -> None:
        """Keeps the sources by name.

        Raises:
            InputError: a share is negative, or they do not add up to 1.
        """
        shares = {name: source.share for name, source in sources.items()}
        if not min(shares.values()) >= 0 or not abs(sum(shares.values()) - 1) < 1e-9:
            raise InputError(f'replay: expected shares that add up to 1, got {shares}')
        self._sources = sources
        self._digests = {
            name: digest(source.sampler.buffer) for name, source in sources.items() if source.fixed
        }

    def __len__(self) -> int:
        """Transitions that can be drawn, from all sources with a share."""
        return sum(len(source.sampler) for source in self._filled())

    def sample(self, batch_size: int, rng: np.random.Generator) -> Batch:
        """A batch; sources without a transition leave their share to the others.

        Raises:
            InputError: no source holds a transition.
        """
        filled = self._filled()
        if not filled:
            raise InputError('replay: no transition stored yet')
        if len(filled) == 1:
            return filled[0].sample(batch_size, rng)
        total = sum(source.share for source in filled)
        ends = split(batch_size, [source.share / total for source in filled], rng.random())
        sizes = np.diff(ends, prepend=0).tolist()
        parts = [s.sample(n, rng) for s, n in zip(filled, sizes, strict=True) if n]
        return join(parts)

    def state_dict(self) -> State:
        """An exact copy of what grows, and the sha256 of what was read from disk."""
        state: State = {}
        for name, source in self._sources.items():
            if source.fixed:
                part: State = {'digest': arrays.from_json(self._digests[name])}
            else:
                part = source.sampler.buffer.state_dict()
            state |= arrays.nest(name, part)
        return state

    def load_state_dict(self, state: State) -> None:
        """Goes on exactly where `state_dict` was taken.

        Raises:
            InputError: other sources, other data on disk, or what `ReplayBuffer` refuses.
        """
        got = {name.split('/', maxsplit=1)[0] for name in state}
        arrays.check_names(got, set(self._sources), 'replay state: sources')
        for name, own in self._digests.items():
            saved = arrays.to_json(state[f'{name}/digest'])
            if saved != own:
                raise InputError(
                    f'replay state: {name}: expected the data with sha256 {saved[:12]}, '
                    f'got {own[:12]}: the file has changed'
                )
        for name, source in self._sources.items():
            if not source.fixed:
                source.sampler.buffer.load_state_dict(arrays.part(state, name))

    def _filled(self) -> list[Source]:
        return [s for s in self._sources.values() if s.share > 0 and len(s.sampler)]


def join(parts: list[Batch]) -> Batch:
    """Batches one after the other as one."""
    if len(parts) == 1:
        return parts[0]

    def entries(which: str) -> Entries:
        names = getattr(parts[0], which)
        return {n: np.concatenate([getattr(part, which)[n] for part in parts]) for n in names}

    return Batch(
        observation=entries('observation'),
        action=np.concatenate([part.action for part in parts]),
        reward=np.concatenate([part.reward for part in parts]),
        next_observation=entries('next_observation'),
        terminated=np.concatenate([part.terminated for part in parts]),
        steps=np.concatenate([part.steps for part in parts]),
        demonstration=np.concatenate([part.demonstration for part in parts]),
    )


def digest(buffer: ReplayBuffer) -> str:
    """The sha256 over all that a buffer holds, hexadecimal."""
    total = hashlib.sha256()
    for name, array in sorted(buffer.state_dict().items()):
        total.update(f'{name} {array.dtype} {array.shape};'.encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()
