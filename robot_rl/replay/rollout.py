# SPDX-License-Identifier: Apache-2.0
"""What one policy did, episode by episode: the food of on-policy agents, eaten once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_rl.errors import InputError
from robot_rl.replay.batch import Batch, check_batch
from robot_rl.types import DataSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout(Batch):
    """Transitions in the order of time, episode after episode, each from its first state on.

    Attributes:
        last: whether nothing more is known of the row's episode, shape [B]; the next row then
            begins another one.
        version: updates behind the policy that acted, shape [B].
        log_prob: log likelihood of the action when it was chosen, shape [B]; NaN until known.
        demonstrations: transitions to imitate, for agents that do.
    """

    last: NDArray[np.bool_]
    version: NDArray[np.int64]
    log_prob: NDArray[np.float32]
    demonstrations: Batch | None = None

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Transitions of each episode."""
        return np.diff(np.flatnonzero(self.last), prepend=-1)


def check_rollout(batch: Batch, spec: DataSpec, names: tuple[str, ...]) -> Rollout:
    """The batch, once it is a rollout that fits the data specification.

    Args:
        batch: what is checked.
        spec: shapes of the entries and size of the action.
        names: entries that must be there.

    Raises:
        InputError: names what does not fit.
    """
    check_batch(batch, spec, names)
    if not isinstance(batch, Rollout):
        raise InputError('batch: expected a rollout of the present policy, got any transitions')
    for name in ('last', 'version', 'log_prob'):
        got = getattr(batch, name).shape
        if got != batch.reward.shape:
            raise InputError(f"batch: {name}: expected shape ('B',), got {got}")
    if not batch.last[-1]:
        raise InputError('batch: last: expected True in the last row, got False')
    if not np.isfinite(batch.log_prob).all():
        raise InputError('batch: log_prob: expected finite numbers, got NaN or infinity')
    return batch


def rows_of(lengths: NDArray[np.int64], units: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of these units, one unit after the other, where unit i has lengths[i] rows."""
    starts, drawn = np.cumsum(lengths) - lengths, lengths[units]
    before = np.cumsum(drawn) - drawn
    rows: NDArray[np.int64] = np.arange(drawn.sum()) + np.repeat(starts[units] - before, drawn)
    return rows
