# SPDX-License-Identifier: Apache-2.0
"""Losses that agents share: pure functions of tensors, each with its equation and source."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn


def td_target(reward: Tensor, terminated: Tensor, next_value: Tensor, discount: Tensor) -> Tensor:
    """Target r + gamma^n (1 - terminated) V(s'), n steps on.

    A time limit does not terminate: the value of the state it cut in still counts.

    Args:
        reward: on arrival, shape [B].
        terminated: 1 where the task ended there, else 0, shape [B].
        next_value: V(s'), shape [B].
        discount: gamma^n, shape [B].
    """
    return reward + discount * (1 - terminated) * next_value


def soft_value(q: Tensor, log_prob: Tensor, temperature: Tensor) -> Tensor:
    """V(s) = min_i Q_i(s, a) - alpha log pi(a|s), a from pi (Haarnoja et al. 2018, eq. 3).

    Args:
        q: of every critic for the sampled action, shape [N, B].
        log_prob: log pi(a|s), shape [B].
        temperature: alpha, scalar.
    """
    return q.amin(0) - temperature * log_prob


def critic_loss(q: Tensor, target: Tensor) -> Tensor:
    """Half the squared error, mean over the batch, summed over critics (ibid., eq. 5).

    Args:
        q: of every critic for the stored action, shape [N, B].
        target: shape [B], without gradient.
    """
    return 0.5 * (q - target).square().mean(1).sum()


def soft_actor_loss(q: Tensor, log_prob: Tensor, temperature: Tensor) -> Tensor:
    """Mean of alpha log pi(a|s) - min_i Q_i(s, a), a from pi (ibid., eq. 7).

    Args:
        q: shape [N, B], with the gradient through the action.
        log_prob: shape [B].
        temperature: alpha, scalar, without gradient.
    """
    return -soft_value(q, log_prob, temperature).mean()


def temperature_loss(log_temperature: Tensor, log_prob: Tensor, target_entropy: float) -> Tensor:
    """log alpha times the excess of entropy over its target (ibid., eq. 18, in log alpha).

    Args:
        log_temperature: scalar.
        log_prob: log pi(a|s), shape [B], without gradient.
        target_entropy: nats.
    """
    return -log_temperature * (log_prob + target_entropy).mean()


def return_bounds(low: float, high: float, gamma: float) -> tuple[float, float]:
    """Smallest and largest return that rewards in [low, high] allow, however long the episode.

    Targets clipped to it can't drift away; with rewards of -1 and 0 it is [-1 / (1 - gamma), 0]
    (Andrychowicz et al. 2017, appendix A).
    """
    forever = 1 / (1 - gamma)
    return min(low, low * forever), max(high, high * forever)


def smoothed_action(action: Tensor, noise: Tensor, limit: float) -> Tensor:
    """clip(a + clip(noise, -limit, limit), -1, 1): similar actions get similar values.

    Target policy smoothing (Fujimoto et al. 2018, section 5.3).

    Args:
        action: of the target policy, shape [B, A].
        noise: Gaussian, shape [B, A].
        limit: largest change.
    """
    return (action + noise.clamp(-limit, limit)).clamp(-1, 1)


def preactivation_penalty(preactivation: Tensor) -> Tensor:
    """Mean square of actions before their tanh, which keeps it off saturation.

    Pinto et al. 2017, section V-H.

    Args:
        preactivation: shape [B, A].
    """
    return preactivation.square().mean()


def squared_weights(parameters: Iterable[Tensor]) -> Tensor:
    """Half the sum of the squares of all weights: L2 regularisation but for its coefficient."""
    return 0.5 * torch.stack([p.square().sum() for p in parameters]).sum()


def with_l2(loss: Tensor, network: nn.Module, coefficient: float) -> Tensor:
    """A loss with the L2 regularisation of a network's weights; itself where that is 0."""
    return loss + coefficient * squared_weights(network.parameters()) if coefficient else loss


def q_filter(demonstrated: Tensor, own: Tensor) -> Tensor:
    """1 where the critic rates the demonstrated action above the policy's own, else 0.

    Nair 2022, section 4.4.3: 1[Q(s, a) > Q(s, pi(s))].

    Args:
        demonstrated: Q(s, a) of demonstrations, shape [B].
        own: Q(s, pi(s)) in the same states, shape [B].
    """
    return (demonstrated > own).float()


def cloning_loss(action: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """Weighted squared distance of actions to their labels, mean over the rows.

    Nair 2022, eq. 13 with weights of 1 and eq. 15 with those of `q_filter`, times 1 / N_D.

    Args:
        action: of the policy, shape [B, A].
        label: wanted action, shape [B, A].
        weight: shape [B].
    """
    return (weight * (action - label).square().sum(1)).mean()


def expectile_loss(error: Tensor, tau: float) -> Tensor:
    """Mean of |tau - 1(u < 0)| u^2, least at the tau-expectile (Nair 2022, eq. 47).

    Args:
        error: u = Q(s, a) - V(s), shape [B].
        tau: in (0, 1); 0.5 is half the squared error.
    """
    return (torch.where(error < 0, 1 - tau, tau) * error.square()).mean()


def advantage_weight(advantage: Tensor, inverse_temperature: float, limit: float) -> Tensor:
    """min(exp(beta A(s, a)), limit), without overflow (Nair 2022, eq. 42 and 49).

    Args:
        advantage: A(s, a), shape [B], without gradient.
        inverse_temperature: beta, which is 1 / lambda in eq. 42.
        limit: largest weight.
    """
    return (inverse_temperature * advantage).clamp(max=math.log(limit)).exp()


def weighted_cloning_loss(log_prob: Tensor, weight: Tensor) -> Tensor:
    """Minus the mean of w log pi(a|s) over stored actions (Nair 2022, eq. 42 and 49).

    Args:
        log_prob: log pi(a|s), shape [B].
        weight: shape [B], without gradient.
    """
    return -(weight * log_prob).mean()


def quadratic_advantage(action: Tensor, mean: Tensor, factor: Tensor) -> Tensor:
    """A = -1/2 (u - mu)^T L L^T (u - mu) (Gu et al. 2016, section III).

    Args:
        action: u, shape [B, A].
        mean: mu(x), shape [B, A].
        factor: L(x), lower triangular, shape [B, A, A], or [1, A, A] for all states alike.
    """
    projected = torch.matmul((action - mean).unsqueeze(1), factor).squeeze(1)
    return -0.5 * projected.square().sum(1)
