# SPDX-License-Identifier: Apache-2.0
"""How long the tool pressed of the last seconds, and how long it may.

A short hard contact is how a plug is inserted; leaning on a part for long wears part, fixture and
motors. So contact above a force that is well below the hard limit is allowed for a time. Once
that is used up the tool pushes no further while the force is that large, and a stop latches where
yielding does not help. Time that lies further back than the window is given back.
"""

import math
from collections import deque
from dataclasses import dataclass

from robot_rl import ranges
from robot_rl.ranges import Range

RANGES = {
    'force': Range(0, 500, 'N', above=True),
    'torque': Range(0, 100, 'N m', above=True),
    'seconds': Range(0, 120, 's', above=True),
    'window': Range(0, 120, 's', above=True),
    'stop_seconds': Range(0, 120, 's', above=True),
}


@dataclass(frozen=True)
class ContactBudget:
    """Contact that may not last.

    Attributes:
        force: N at the wrist, without bias, above which contact is counted; null for any.
        torque: N m at the wrist, likewise; one of the two at least is a number.
        seconds: of counted contact within the window, after which the tool pushes no further as
            long as force or torque is that large.
        window: s, that are looked back.
        stop_seconds: of counted contact within the window that latch a stop; null for never.
    """

    force: float | None
    torque: float | None
    seconds: float
    window: float
    stop_seconds: float | None = None

    def __post_init__(self) -> None:
        """Refuses numbers out of range, and times that could never be reached."""
        ranges.check(self, RANGES)
        if self.force is None and self.torque is None:
            raise ValueError('force: expected a number here or for torque, got null for both')
        if not self.seconds < self.window:
            raise ValueError(
                f'seconds: expected below window, {self.window:g} s, got {self.seconds:g} s'
            )
        if self.stop_seconds is not None and not self.seconds < self.stop_seconds <= self.window:
            raise ValueError(
                f'stop_seconds: expected above seconds, {self.seconds:g} s, and at most window, '
                f'{self.window:g} s, got {self.stop_seconds:g} s'
            )


class ContactTime:
    """Adds up counted contact within the window, in whole nanoseconds, by the wrench's stamps.

    Attributes:
        spent_ns: of counted contact within the window.
    """

    def __init__(self, budget: ContactBudget, longest_gap_s: float) -> None:
        """Starts without contact.

        Args:
            budget: what is counted, and how much of it is allowed.
            longest_gap_s: that one wrench may stand for; what was not measured is not counted.
        """
        self.spent_ns = 0
        self._budget = budget
        self._force = math.inf if budget.force is None else budget.force
        self._torque = math.inf if budget.torque is None else budget.torque
        self._allowed_ns = _ns(budget.seconds)
        self._window_ns, self._longest_ns = _ns(budget.window), _ns(longest_gap_s)
        self._counted: deque[tuple[int, int]] = deque()  # end of a piece, and its length
        self._now_ns = 0
        self._stamp_ns: int | None = None

    @property
    def seconds_left(self) -> float:
        """Until the tool pushes no further; below 0 beyond that."""
        return (self._allowed_ns - self.spent_ns) * 1e-9

    @property
    def over(self) -> str:
        """Why a stop latches; '' where none does."""
        most = self._budget.stop_seconds
        if most is None or self.spent_ns <= _ns(most):
            return ''
        spent = f'{self.spent_ns * 1e-9:.2f} s of contact in {self._budget.window:g} s'
        return f'{spent}, allowed {most:g} s'

    def add(self, stamp_ns: int, force: float, torque: float) -> bool:
        """Takes the next wrench, N and N m; whether the time since the last one is counted.

        A clock that was set back lets no time pass.
        """
        counts = force > self._force or torque > self._torque
        before, self._stamp_ns = self._stamp_ns, stamp_ns
        passed = 0 if before is None else max(0, stamp_ns - before)
        self._now_ns += passed
        if counts and passed:
            length = min(passed, self._longest_ns)
            self._counted.append((self._now_ns, length))
            self.spent_ns += length
        oldest_ns = self._now_ns - self._window_ns
        while self._counted and self._counted[0][0] <= oldest_ns:
            self.spent_ns -= self._counted.popleft()[1]
        return counts


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
