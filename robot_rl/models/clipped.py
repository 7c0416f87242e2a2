# SPDX-License-Identifier: Apache-2.0
"""The diagonal Gaussian whose samples are clipped to [-1, 1], with its exact likelihood.

What lies beyond a bound is played at the bound, so that the bound carries probability of its own
(Fujita and Maeda 2018, section 4). The likelihood of what was played, unlike that of the sample
before clipping, follows from a recorded action alone, and its gradient has a smaller variance.
"""

import math

import torch
from torch import Tensor

_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)
#: Deviations from which the series for the tail is good to a millionth.
_FAR = -10.0
_ENTROPY_OF_UNIT = 0.5 * math.log(2 * math.pi * math.e)

#: Bounds of the logarithm of the standard deviation; above e, nearly all would be clipped.
LOG_STD_MIN, LOG_STD_MAX = -5.0, 1.0


def log_prob(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    """Log likelihood of clipped actions, summed over the axes.

    Inside it is a density, at a bound the logarithm of the probability of the tail beyond.

    Args:
        mean: before clipping, shape [B, A].
        log_std: shape [A].
        action: in [-1, 1], shape [B, A].

    Returns:
        Shape [B].
    """
    std = log_std.exp()
    inside = -0.5 * ((action - mean) / std).square() - log_std - _LOG_SQRT_2PI
    below, above = _log_tail((-1 - mean) / std), _log_tail((mean - 1) / std)
    each = torch.where(action <= -1, below, torch.where(action >= 1, above, inside))
    return each.sum(-1)


def _log_tail(z: Tensor) -> Tensor:
    """log Phi(z), with a gradient that holds far out, where torch's own does not.

    There Phi(z) = phi(z) / -z (1 - 1 / z^2 + 3 / z^4 - ...).
    """
    near = torch.special.log_ndtr(z.clamp(min=_FAR))
    out = z.clamp(max=_FAR)
    square = out.square()
    series = torch.log1p(-1 / square + 3 / square.square())
    far = -0.5 * square - torch.log(-out) - _LOG_SQRT_2PI + series
    return torch.where(z < _FAR, far, near)


def entropy(log_std: Tensor) -> Tensor:
    """Differential entropy before clipping, nats, a scalar, for log_std of shape [A]."""
    return (log_std + _ENTROPY_OF_UNIT).sum()
