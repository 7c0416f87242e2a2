# SPDX-License-Identifier: Apache-2.0
"""Counts missed deadlines, so that an overloaded machine does not go on moving an arm."""

from collections import deque

WINDOW_NS = 1_000_000_000
ALLOWED = 5


class Deadlines:
    """Control periods of the last second in which no command came in time, while they came.

    A period is missed where no command was given in it, or where its command needed longer than
    the period. After a second without commands nobody was late: none were wanted.
    """

    def __init__(self, period_ns: int) -> None:
        """Starts before the first command; `period_ns` is control's."""
        self._period_ns = period_ns
        self._stamp_ns: int | None = None
        self._missed: deque[int] = deque()

    def command(self, stamp_ns: int, now_ns: int) -> None:
        """A command came.

        Args:
            stamp_ns: of the state that it answers.
            now_ns: the time on the same clock.
        """
        before, self._stamp_ns = self._stamp_ns, stamp_ns
        late = now_ns - stamp_ns > self._period_ns
        skipped = 0 if before is None else self._skipped(stamp_ns - before)
        self._missed.extend([now_ns] * max(skipped, late))

    def missed(self, now_ns: int) -> int:
        """How many were missed in the last second; a clock that was set forgets them."""
        while self._missed and not 0 <= now_ns - self._missed[0] < WINDOW_NS:
            self._missed.popleft()
        return len(self._missed)

    def overload(self, now_ns: int) -> str:
        """What to say of too many missed deadlines; '' while there are not."""
        missed = self.missed(now_ns)
        return f'{missed} deadlines missed in 1 s' if missed > ALLOWED else ''

    def _skipped(self, gap_ns: int) -> int:
        return max(0, round(gap_ns / self._period_ns) - 1) if gap_ns < WINDOW_NS else 0
