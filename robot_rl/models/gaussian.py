# SPDX-License-Identifier: Apache-2.0
"""The tanh-squashed diagonal Gaussian that stochastic policies act with."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

#: Bounds of the logarithm of the standard deviation before squashing.
LOG_STD_MIN, LOG_STD_MAX = -5.0, 2.0
_HALF_RANGE = (LOG_STD_MAX - LOG_STD_MIN) / 2


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


def act(output: NDArray[np.float32], rng: np.random.Generator | None) -> NDArray[np.float64]:
    """The action [A] for one network output [2 A]: a sample, or tanh(mean) without `rng`."""
    mean, raw = np.split(output.astype(np.float64), 2)
    if rng is None:
        return np.tanh(mean)
    std = np.exp(LOG_STD_MIN + _HALF_RANGE * (np.tanh(raw) + 1))
    return np.tanh(mean + std * rng.standard_normal(mean.shape))
