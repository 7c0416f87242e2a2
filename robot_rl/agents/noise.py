# SPDX-License-Identifier: Apache-2.0
"""Exploration noise that agents share."""

import numpy as np
import torch

from robot_rl.types import FloatArray


class OrnsteinUhlenbeck:
    """Temporally correlated noise: n <- (1 - theta) n + sigma N(0, 1), from n = 0.

    It tends to the standard deviation sigma / sqrt(theta (2 - theta)) (Lillicrap et al. 2016,
    section 7, with a time step of 1).

    Attributes:
        value: the noise, a float64 tensor [A], which is saved with the agent.
    """

    def __init__(self, size: int, theta: float, sigma: float) -> None:
        """Starts at zero."""
        self.value = torch.zeros(size, dtype=torch.float64)
        self._shared: FloatArray = self.value.numpy()
        self._theta, self._sigma = theta, sigma

    def reset(self) -> None:
        """Starts over, as at the beginning of an episode."""
        self._shared[:] = 0.0

    def step(self, rng: np.random.Generator) -> FloatArray:
        """The next noise, shape [A]."""
        self._shared *= 1 - self._theta
        self._shared += self._sigma * rng.standard_normal(self._shared.shape)
        return self._shared
