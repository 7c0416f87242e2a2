# SPDX-License-Identifier: Apache-2.0
"""Actions that get lost, so that a policy learns to bear latency."""

import numpy as np

from robot_rl.types import FloatArray


class ActionDropping:
    """With some probability, the action played before is played again instead of the new one.

    Zhu et al. 2018, section III-B 3. Which ones are lost follows from (seed, episode).
    """

    def __init__(self, probability: float, seed: int) -> None:
        """Loses this share of the actions; the first of an episode always arrives."""
        self._probability, self._seed = probability, seed
        self.start(0)

    def start(self, episode: int) -> None:
        """Begins an episode."""
        self._rng = np.random.default_rng([self._seed, episode, 2])
        self._before: FloatArray | None = None

    def arrive(self, action: FloatArray) -> FloatArray:
        """What is played when this action is sent, shape [A]."""
        lost = self._rng.random() < self._probability
        if not lost or self._before is None:
            self._before = action
        return self._before
