# SPDX-License-Identifier: Apache-2.0
"""Takes a stream of numbered steps in order, asks again for what is missing, once each."""

from collections.abc import Mapping


class Inbox:
    """Accepts each collector's steps in order, from the first one that is not stored yet.

    Every step names the one that was sent before it. A step whose predecessor is not here waits
    until the sender has sent everything from the missing one on again. Numbers that were never
    sent are lost for good; the stream goes on behind them.
    """

    def __init__(self, stored: Mapping[str, int]) -> None:
        """Starts after what is stored.

        Args:
            stored: first sequence that is still wanted, by collector.
        """
        self._wanted = dict(stored)
        self._waiting: set[str] = set()

    def accept(self, collector: str, sequence: int, previous: int) -> bool:
        """Whether to take this step now.

        Args:
            collector: whose stream.
            sequence: number of the step.
            previous: number of the step sent before it, -1 where there is none.
        """
        wanted = self._wanted.setdefault(collector, 0)
        if sequence < wanted:
            return False
        if previous >= wanted:
            self._waiting.add(collector)
            return False
        self._wanted[collector] = sequence + 1
        self._waiting.discard(collector)
        return True

    @property
    def missing(self) -> dict[str, int]:
        """First missing sequence by collector, for streams that wait."""
        return {collector: self._wanted[collector] for collector in self._waiting}
