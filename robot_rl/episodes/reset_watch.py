# SPDX-License-Identifier: Apache-2.0
"""Notices when the answer to a reset will not come."""

from typing import Literal


class ResetWatch:
    """Knows whether a reset is being waited for. Times are seconds of a monotonic clock."""

    def __init__(self, limit_s: float) -> None:
        """Waits for nothing.

        Args:
            limit_s: after which an answer is not waited for any more.
        """
        self._limit_s = limit_s
        self.forget()

    def forget(self) -> None:
        """Waits for no answer any more."""
        self._asked_s: float | None = None
        self._servers: set[bytes] = set()

    def ask(self, now_s: float, servers: set[bytes]) -> None:
        """A reset was asked for; `servers` are the identities of those who may answer."""
        self._asked_s, self._servers = now_s, servers

    def look(self, now_s: float, servers: set[bytes]) -> Literal['', 'late', 'replaced']:
        """What is new: the answer is late, or somebody else serves, who was not asked.

        Args:
            now_s: the time.
            servers: identities of those who may answer now.
        """
        if self._asked_s is None:
            return ''
        if self._servers and servers - self._servers:
            return 'replaced'
        return 'late' if now_s - self._asked_s > self._limit_s else ''
