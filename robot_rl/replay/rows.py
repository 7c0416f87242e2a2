# SPDX-License-Identifier: Apache-2.0
"""Single states of an episode on their way to a rollout."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_rl.errors import InputError
from robot_rl.types import DataSpec, Entries, EntrySpec, Step


@dataclass(slots=True)
class Row:
    """One state.

    Attributes:
        entries: what was observed.
        action: the policy's own, shape [A].
        reward: on arrival.
        version: updates behind the policy that acted.
    """

    entries: Entries
    action: NDArray[np.float32]
    reward: float
    version: int


def make_row(step: Step, spec: DataSpec) -> Row:
    """The state of a step, with a copy of the entries that `spec` names.

    Raises:
        InputError: an entry is missing or has another shape; names it.
    """
    entries: Entries = {}
    for name, entry in spec.entries.items():
        if name not in step.observation.entries:
            have = list(step.observation.entries)
            raise InputError(f'rollout: step has no entry {name!r}; it has {have}')
        value = step.observation.entries[name]
        if value.shape != entry.shape:
            raise InputError(f'rollout: entry {name!r}: expected {entry.shape}, got {value.shape}')
        with np.errstate(over='ignore'):
            entries[name] = np.array(value, _kind(entry))
    if step.policy.shape != (spec.action_size,):
        got, wanted = step.policy.shape, (spec.action_size,)
        raise InputError(f'rollout: policy action: expected {wanted}, got {got}')
    return Row(entries, step.policy.astype(np.float32), step.reward, step.version)


def finite(row: Row) -> bool:
    """Whether entries and reward are, as single floats; the action may be missing."""
    floats = [a for a in row.entries.values() if a.dtype == np.float32]
    with np.errstate(over='ignore'):
        reward = np.asarray(row.reward, np.float32)
    return all(bool(np.isfinite(a).all()) for a in (reward, *floats))


def stack(rows: list[Row], spec: DataSpec) -> Entries:
    """Entries of many states, each [B, ...], also for none."""
    result: Entries = {}
    for name, entry in spec.entries.items():
        stacked = np.array([row.entries[name] for row in rows], _kind(entry))
        result[name] = stacked.reshape(len(rows), *entry.shape)
    return result


def _kind(entry: EntrySpec) -> type[np.generic]:
    return np.uint8 if entry.dtype == 'uint8' else np.float32
