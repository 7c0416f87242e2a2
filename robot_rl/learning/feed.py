# SPDX-License-Identifier: Apache-2.0
"""What a learner asks of the place that its steps go to and its batches come from."""

from typing import Protocol

import numpy as np

from robot_rl.arrays import State
from robot_rl.replay.batch import Batch
from robot_rl.types import Step


class Store(Protocol):
    """Keeps the stream's steps, and the books on it.

    Attributes:
        gaps: steps that never came.
        duplicates: steps that came again and were dropped.
        rejected: steps dropped because a number in them was not finite.
    """

    gaps: int
    duplicates: int
    rejected: int

    @property
    def sequences(self) -> dict[str, int]:
        """Number of the first step that is still wanted, of every collector heard so far."""

    def next_sequence(self, collector: str) -> int:
        """The same of one collector."""

    def add(self, step: Step) -> bool:
        """Takes a step; a misfit is an `InputError`."""


class Draw(Protocol):
    """Gives batches, and is saved and restored."""

    def __len__(self) -> int:
        """Transitions that can be drawn."""

    def sample(self, batch_size: int, rng: np.random.Generator) -> Batch:
        """A batch."""

    def state_dict(self) -> State:
        """An exact copy of everything."""

    def load_state_dict(self, state: State) -> None:
        """Replaces everything by what `state_dict` gave."""


class Feed(Protocol):
    """Both together."""

    @property
    def online(self) -> Store:
        """The steps of the stream."""

    @property
    def mixture(self) -> Draw:
        """The batches."""

    @property
    def demonstrations(self) -> int:
        """Transitions read from disk."""

    def add(self, step: Step) -> None:
        """Stores a step wherever it belongs; a misfit is an `InputError`."""
