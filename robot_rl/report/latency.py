# SPDX-License-Identifier: Apache-2.0
"""How long the graph takes from a state to the command that answers it."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class LatencyMeter:
    """Collects the times between sending a state and receiving its command.

    Attributes:
        missed: states that got no command before the next one was sent.
    """

    missed: int = 0
    _sent: tuple[int, float, bool] | None = None
    _seconds: list[float] = field(default_factory=list)
    _observed: list[float] = field(default_factory=list)

    def send(self, stamp_ns: int, now_s: float, observed: bool) -> None:
        """Notes that a state went out.

        Args:
            stamp_ns: its stamp.
            now_s: monotonic clock.
            observed: whether it is an action tick, so that observation, policy and reward
                lie on the way.
        """
        self.missed += self._sent is not None
        self._sent = stamp_ns, now_s, observed

    def receive(self, stamp_ns: int, now_s: float) -> None:
        """Notes a command; only the first for the latest state counts."""
        if self._sent is None or self._sent[0] != stamp_ns:
            return
        _, sent_s, observed = self._sent
        self._sent = None
        (self._observed if observed else self._seconds).append(now_s - sent_s)

    def forget(self) -> None:
        """The latest state wants no answer: an episode ended in it."""
        self._sent = None

    def summary(self) -> dict[str, float | int]:
        """Counts and percentiles, ms; `observation` are the action ticks, `control` the others."""
        found = percentiles('observation', self._observed) | percentiles('control', self._seconds)
        return {'missed': self.missed} | found


def percentiles(name: str, seconds: list[float]) -> dict[str, float | int]:
    """Count and percentiles, ms, of times in s, under keys that begin with a name."""
    result: dict[str, float | int] = {f'{name}_count': len(seconds)}
    for percent in (50, 99, 100) if seconds else ():
        value = float(np.percentile(seconds, percent)) * 1e3
        result[f'{name}_p{percent}_ms'] = round(value, 3)
    return result
