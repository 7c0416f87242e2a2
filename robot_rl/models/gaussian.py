# SPDX-License-Identifier: Apache-2.0
"""The tanh-squashed diagonal Gaussian, and the stochastic policy that acts with it."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from robot_rl.models.mlp import MLP, FloatLayers, forward_numpy

#: Bounds of the logarithm of the standard deviation before squashing.
LOG_STD_MIN, LOG_STD_MAX = -5.0, 2.0
_HALF_RANGE = (LOG_STD_MAX - LOG_STD_MIN) / 2
#: Of the log density, for each axis.
_CONSTANT = 0.5 * math.log(2 * math.pi) + 2 * math.log(2)


def split(output: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and log standard deviation, [B, A] each, of a network's output [B, 2 A].

    The latter is bounded by a tanh, whose gradient, unlike a clamp's, never vanishes for good.
    """
    mean, raw = output.chunk(2, dim=-1)
    return mean, LOG_STD_MIN + _HALF_RANGE * (torch.tanh(raw) + 1)


def raw_of_std(std: float) -> float:
    """The network output that `split` turns into the standard deviation `std`."""
    return math.atanh((math.log(std) - LOG_STD_MIN) / _HALF_RANGE - 1)


def sample(mean: Tensor, log_std: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """An action and its log density (Haarnoja et al. 2018, appendix C).

    With u = mean + std noise and a = tanh(u), log pi(a) = log N(u) - sum log(1 - a^2), where
    log(1 - tanh(u)^2) = 2 (log 2 - u - softplus(-2 u)) stays finite for any u.

    Args:
        mean: before squashing, shape [B, A].
        log_std: before squashing, shape [B, A].
        noise: standard normal, shape [B, A].

    Returns:
        The action in (-1, 1), shape [B, A], and log pi, shape [B].
    """
    u = torch.addcmul(mean, log_std.exp(), noise)
    log_normal = -0.5 * noise.square() - log_std - 0.5 * math.log(2 * math.pi)
    log_slope = 2 * (math.log(2) - u - functional.softplus(-2 * u))
    return torch.tanh(u), (log_normal - log_slope).sum(-1)


@dataclass(frozen=True, slots=True)
class Sampled:
    """What `sample` gives, with its derivatives written out; axes come before rows here.

    Attributes:
        action: in (-1, 1), shape [A, B].
        log_prob: shape [B].
    """

    action: Tensor
    log_prob: Tensor
    _raw_tanh: Tensor
    _scaled_noise: Tensor

    @classmethod
    def of(cls, output: Tensor, noise: Tensor) -> 'Sampled':
        """Samples from a network's output [2 A, B] with standard normal noise [A, B]."""
        mean, raw = output.chunk(2)
        raw_tanh = torch.tanh(raw)
        log_std = raw_tanh.mul(_HALF_RANGE).add_(LOG_STD_MIN + _HALF_RANGE)
        scaled = log_std.exp().mul_(noise)
        u = mean + scaled
        log_prob = functional.softplus(-2 * u).add_(u).mul_(2).sub_(log_std)
        log_prob = log_prob.addcmul_(noise, noise, value=-0.5).sum(0).sub_(len(u) * _CONSTANT)
        return cls(torch.tanh(u), log_prob, raw_tanh, scaled)

    def since(self, row: int) -> 'Sampled':
        """The same for the rows from this one on, as views."""
        return Sampled(
            self.action[:, row:],
            self.log_prob[row:],
            self._raw_tanh[:, row:],
            self._scaled_noise[:, row:],
        )

    def backward(self, d_action: Tensor, d_log_prob: Tensor) -> Tensor:
        """Gradient of the output [2 A, B], by the chain rule.

        With u and a as in `sample`: da / du = 1 - a^2, d log pi / du = 2 a and, beside what
        passes through u, d log pi / d log std = -1.

        Args:
            d_action: of the action, shape [A, B].
            d_log_prob: of the log density, scalar or shape [B].
        """
        a, t = self.action, self._raw_tanh
        d_u = d_action * (1 - a * a) + 2 * d_log_prob * a
        d_raw = (d_u * self._scaled_noise - d_log_prob) * (1 - t * t)
        return torch.cat([d_u, d_raw.mul_(_HALF_RANGE)])


class GaussianActor(MLP):
    """A policy: mean and standard deviation of the Gaussian from the observation."""

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
            start: factor on the initial weights of the last layer, which near zero makes the
                mean start at zero; and the initial standard deviation.
            generator: source of the initial weights.
        """
        super().__init__((*sizes, 2 * action_size), generator)
        scale, std = start
        with torch.no_grad():
            self.weights[-1].mul_(scale)
            self.biases[-1].zero_()[action_size:].fill_(raw_of_std(std))

    def sample(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Reparameterised actions [B, A] and their log density [B] for inputs [B, I]."""
        mean, log_std = split(self(x))
        noise = torch.randn(mean.shape, generator=generator, device=x.device)
        return sample(mean, log_std, noise)


def act(
    layers: FloatLayers, x: NDArray[np.float32], rng: np.random.Generator | None
) -> NDArray[np.float64]:
    """The action [A] of a `GaussianActor` for one input [I], without torch.

    Args:
        layers: from the actor's `to_numpy`.
        x: shape [I].
        rng: source of the noise; None for the squashed mean.
    """
    mean, raw = np.split(forward_numpy(layers, x).astype(np.float64), 2)
    if rng is None:
        return np.tanh(mean)
    std = np.exp(LOG_STD_MIN + _HALF_RANGE * (np.tanh(raw) + 1))
    return np.tanh(mean + std * rng.standard_normal(mean.shape))
