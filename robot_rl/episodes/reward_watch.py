# SPDX-License-Identifier: Apache-2.0
"""Notices when rewards are silent, so that nobody acts without them."""

from collections import deque
from typing import Literal


class RewardWatch:
    """Knows which observations wait for their reward. Times are seconds of a monotonic clock."""

    def __init__(self, limit_s: float) -> None:
        """Nothing is owed.

        Args:
            limit_s: how long an observation may be without its reward.
        """
        self._limit_s = limit_s
        self.forget()

    def forget(self) -> None:
        """Waits for no reward any more."""
        self._owed: deque[tuple[int, float]] = deque()
        self._senders: set[bytes] | None = None  # who sent rewards when they fell silent

    def ask(self, stamp_ns: int, now_s: float) -> None:
        """An observation was sent."""
        self._owed.append((stamp_ns, now_s))

    def answer(self, stamp_ns: int) -> bool:
        """A reward came; none for an earlier stamp will. Whether that ended a silence."""
        while self._owed and self._owed[0][0] <= stamp_ns:
            self._owed.popleft()
        return self._senders is not None

    def look(self, now_s: float, senders: set[bytes]) -> Literal['', 'silent', 'replaced']:
        """What is new: rewards fell silent, or since then somebody else sends them.

        Args:
            now_s: the time.
            senders: identities of those who publish rewards.
        """
        if self._senders is not None:
            return 'replaced' if senders - self._senders else ''
        if not self._owed or not now_s - self._owed[0][1] > self._limit_s:
            return ''
        self._senders = senders
        return 'silent'
