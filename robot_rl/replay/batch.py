# SPDX-License-Identifier: Apache-2.0
"""Transitions as an agent learns from them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_rl.errors import InputError
from robot_rl.types import DataSpec, Entries


@dataclass(frozen=True, slots=True)
class Batch:
    """Transitions drawn from replay; shape letters as in `types.py`.

    Attributes:
        observation: entries, float32 [B, E] or uint8 [B, H, W, C].
        action: the one that was requested or executed, as replay was told, shape [B, A].
        reward: on arrival in the next observation, shape [B]; over several steps the discounted
            sum of what was received.
        next_observation: entries, as `observation`.
        terminated: whether the task ended there, shape [B]; False at a time limit, so that
            the value of the next observation still counts.
        steps: from the observation to the next one, shape [B]; 1 unless returns over several
            steps are asked for. The value of the next observation counts gamma ** steps.
        demonstration: whether a demonstration holds the transition, shape [B].
    """

    observation: Entries
    action: NDArray[np.float32]
    reward: NDArray[np.float32]
    next_observation: Entries
    terminated: NDArray[np.bool_]
    steps: NDArray[np.int64]
    demonstration: NDArray[np.bool_]


def check_batch(batch: Batch, spec: DataSpec, names: tuple[str, ...]) -> None:
    """Refuses a batch that does not fit the data specification.

    Args:
        batch: what is checked.
        spec: shapes of the entries and size of the action.
        names: entries that must be there.

    Raises:
        InputError: names the array, its shape, and the shape that was expected.
    """
    size = batch.reward.shape[0] if batch.reward.ndim else 0
    _expect('reward', batch.reward, (size,))
    _expect('action', batch.action, (size, spec.action_size))
    for name in ('terminated', 'steps', 'demonstration'):
        _expect(name, getattr(batch, name), (size,))
    for where in ('observation', 'next_observation'):
        entries: Entries = getattr(batch, where)
        for name in names:
            if name not in entries:
                raise InputError(f'batch: {where} has no entry {name!r}; it has {list(entries)}')
            _expect(f'{where} {name!r}', entries[name], (size, *spec.entries[name].shape))


def _expect(name: str, array: NDArray[np.generic], shape: tuple[int, ...]) -> None:
    if array.shape != shape or 0 in shape[:1]:
        wanted = ('B', *shape[1:])
        raise InputError(f'batch: {name}: expected shape {wanted}, got {array.shape}')
