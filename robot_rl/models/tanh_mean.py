# SPDX-License-Identifier: Apache-2.0
"""The Gaussian policy that is fitted to stored actions: bounded mean, one width in all states.

A tanh-squashed Gaussian has no density at the bounds, where stored actions often lie; this one
has a density for every action.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from robot_rl.models.mlp import MLP, FloatLayers, forward_numpy

_HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


class TanhMeanActor(MLP):
    """a ~ N(tanh(f(x)), std^2), std learned per axis between its floor and 1."""

    def __init__(
        self,
        sizes: tuple[int, ...],
        action_size: int,
        start: tuple[float, float],
        generator: torch.Generator,
    ) -> None:
        """Draws the weights.

        Args:
            sizes: width of the input and of each hidden layer.
            action_size: A.
            start: floor of the standard deviation, and its initial value, above the floor.
            generator: source of the initial weights.
        """
        super().__init__((*sizes, action_size), generator)
        self._floor, initial = start
        share = (initial - self._floor) / (1 - self._floor)
        self.raw_std = nn.Parameter(torch.full((action_size,), math.log(share / (1 - share))))

    def std(self) -> Tensor:
        """Standard deviation, shape [A]; its gradient never vanishes for good."""
        return self._floor + (1 - self._floor) * torch.sigmoid(self.raw_std)

    def log_prob(self, x: Tensor, action: Tensor) -> Tensor:
        """Log density [B] of actions [B, A] at inputs [B, I]."""
        std = self.std()
        error = (action - torch.tanh(self(x))) / std
        return (-0.5 * error.square() - std.log() - _HALF_LOG_TWO_PI).sum(1)

    @torch.no_grad()
    def sample(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Actions [B, A] in [-1, 1] for inputs [B, I], without gradient."""
        mean = torch.tanh(self(x))
        noise = torch.randn(mean.shape, generator=generator, device=x.device)
        return torch.addcmul(mean, self.std(), noise).clamp_(-1, 1)

    @torch.no_grad()
    def for_acting(self) -> tuple[FloatLayers, NDArray[np.float64]]:
        """The layers and the standard deviation [A] that `act` needs."""
        return self.to_numpy(), self.std().cpu().numpy().astype(np.float64)


def act(
    policy: tuple[FloatLayers, NDArray[np.float64]],
    x: NDArray[np.float32],
    rng: np.random.Generator | None,
) -> NDArray[np.float64]:
    """The action [A] of a `TanhMeanActor` for one input [I], without torch.

    Args:
        policy: from the actor's `for_acting`.
        x: shape [I].
        rng: source of the noise; None for the mean.
    """
    layers, std = policy
    mean = np.tanh(forward_numpy(layers, x).astype(np.float64))
    if rng is None:
        return mean
    return np.clip(mean + std * rng.standard_normal(mean.shape), -1, 1)
