# SPDX-License-Identifier: Apache-2.0
"""Counts what the episodes of a run came to."""

from dataclasses import dataclass

from robot_rl.types import Observation, Reward


@dataclass
class Tally:
    """Figures over all finished episodes.

    Attributes:
        episodes: finished.
        successes: of them.
        actions: taken in them.
    """

    episodes: int = 0
    successes: int = 0
    actions: int = 0
    _first_s: float | None = None
    _last_s: float = 0.0

    def start(self, now_s: float) -> None:
        """Notes the time of the first observation, s, monotonic."""
        if self._first_s is None:
            self._first_s = now_s

    def finish(self, observation: Observation, reward: Reward, now_s: float) -> None:
        """Counts an episode that ended in this observation."""
        self.episodes += 1
        self.successes += reward.success
        self.actions += observation.step
        self._last_s = now_s

    def summary(self) -> dict[str, float | int]:
        """The figures, with the success rate and the actions a second of wall time."""
        seconds = self._last_s - (self._first_s or 0.0)
        return {
            'episodes': self.episodes,
            'success_rate': self.successes / max(self.episodes, 1),
            'actions': self.actions,
            'actions_per_s': self.actions / seconds if self.episodes and seconds else 0.0,
        }
