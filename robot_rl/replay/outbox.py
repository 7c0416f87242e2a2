# SPDX-License-Identifier: Apache-2.0
"""Steps that were sent and are kept until the learner has them durably."""

from collections import deque
from typing import Generic, TypeVar

T = TypeVar('T')


class Outbox(Generic[T]):
    """A queue of numbered items that forgets what is acknowledged, and only that.

    Past its capacity the oldest item is dropped and counted: a robot must not run out of
    memory because nobody learns.
    """

    def __init__(self, capacity: int) -> None:
        """Starts empty.

        Args:
            capacity: items that are kept at most.
        """
        self._items: deque[tuple[int, T]] = deque()
        self._capacity = capacity
        self.dropped = 0

    def __len__(self) -> int:
        """Number of items that wait for an acknowledgement."""
        return len(self._items)

    def put(self, sequence: int, item: T) -> None:
        """Keeps one item; sequences must rise."""
        if self._items and sequence <= self._items[-1][0]:
            raise ValueError(f'sequence {sequence} after {self._items[-1][0]}')
        self._items.append((sequence, item))
        if len(self._items) > self._capacity:
            self._items.popleft()
            self.dropped += 1

    def acknowledge(self, wanted: int) -> None:
        """Forgets every item before `wanted`, the first sequence that is still wanted."""
        while self._items and self._items[0][0] < wanted:
            self._items.popleft()

    def pending(self, wanted: int = 0) -> list[T]:
        """The items from the sequence `wanted` on that are kept, oldest first."""
        return [item for sequence, item in self._items if sequence >= wanted]
