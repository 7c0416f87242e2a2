# SPDX-License-Identifier: Apache-2.0
"""The robot's time, by which ages are measured."""

import time
from collections import deque

CLOCK_WINDOW_NS = 100_000_000
CLOCK_STEP_NS = 1_000_000_000  # the robot's clock was set, or its simulation began anew


class RobotClock:
    """The robot's time, from its stamps and carried on by the monotonic clock.

    Ages are then independent of steps of the wall clock and of offsets between machines. The
    least delayed stamp of the last tenth of a second counts, so that nodes agree on the time also
    where the last message before a silence reached one of them late. In lock step time stands
    still between two stamps.
    """

    def __init__(self, lockstep: bool) -> None:
        """Starts at zero."""
        self._lockstep = lockstep
        self._stamp_ns = 0
        self._ahead_ns = -time.monotonic_ns()
        #: When received and how far ahead of the monotonic clock; the least delayed first.
        self._window: deque[tuple[int, int]] = deque()

    def update(self, stamp_ns: int) -> None:
        """Takes the stamp of a message that the robot has just sent."""
        received_ns = time.monotonic_ns()
        ahead_ns = stamp_ns - received_ns
        window = self._window
        if abs(ahead_ns - self._ahead_ns) > CLOCK_STEP_NS:
            window.clear()
        while window and window[-1][1] <= ahead_ns:
            window.pop()
        window.append((received_ns, ahead_ns))
        while received_ns - window[0][0] > CLOCK_WINDOW_NS:
            window.popleft()
        self._stamp_ns, self._ahead_ns = stamp_ns, window[0][1]

    def now_ns(self) -> int:
        """The robot's time now."""
        return self._stamp_ns if self._lockstep else time.monotonic_ns() + self._ahead_ns
