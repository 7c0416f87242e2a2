# SPDX-License-Identifier: Apache-2.0
"""Steps that were sent and are kept until the learner has them durably."""

from collections import deque
from typing import Generic, TypeVar

T = TypeVar('T')


class Outbox(Generic[T]):
    """A queue of numbered items that forgets what is acknowledged, and only that.

    Past its capacity the oldest item is dropped and counted: a robot must not run out of
    memory because nobody learns.

    Attributes:
        last: the last number that was put, -1 before the first.
        dropped: items that were never acknowledged.
    """

    def __init__(self, capacity: int) -> None:
        """Starts empty.

        Args:
            capacity: items that are kept at most.
        """
        self.last = -1
        self._items: deque[tuple[int, T]] = deque()
        self._capacity = capacity
        self.dropped = 0

    def __len__(self) -> int:
        """Number of items that wait for an acknowledgement."""
        return len(self._items)

    def put(self, sequence: int, item: T) -> None:
        """Keeps one item; sequences must rise."""
        if sequence <= self.last:
            raise ValueError(f'sequence {sequence} after {self.last}')
        self.last = sequence
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


class Outboxes(Generic[T]):
    """An outbox for each collector, since every start of one numbers its steps from 0 again.

    What a collector that has died has sent is kept like the rest. Of more than `most` collectors
    those go first whose items are all acknowledged, then the oldest.
    """

    def __init__(self, capacity: int, most: int = 8) -> None:
        """Starts empty.

        Args:
            capacity: items that each keeps at most.
            most: collectors.
        """
        self._capacity, self._most = capacity, most
        self._boxes: dict[str, Outbox[T]] = {}

    def of(self, collector: str) -> Outbox[T]:
        """The outbox of one collector."""
        if collector not in self._boxes:
            while len(self._boxes) >= self._most:
                empty = (name for name, box in self._boxes.items() if not len(box))
                del self._boxes[next(empty, next(iter(self._boxes)))]
            self._boxes[collector] = Outbox(self._capacity)
        return self._boxes[collector]

    def named(self, collector: str) -> list[Outbox[T]]:
        """Those that a name means: one or none, and all where it is empty; oldest first."""
        return [box for name, box in self._boxes.items() if collector in ('', name)]
