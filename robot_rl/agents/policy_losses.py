# SPDX-License-Identifier: Apache-2.0
"""Losses of on-policy agents and of imitation: pure functions of tensors."""

import torch
from torch import Tensor
from torch.nn import functional


def generalized_advantage(error: Tensor, last: Tensor, discount: float, lambda_: float) -> Tensor:
    """A_t = sum_k (gamma lambda)^k error_(t + k), up to the end of what is known of the episode.

    Schulman et al. 2016, eq. 16. Whether the end is a termination stands in its error.

    Args:
        error: r + gamma (1 - terminated) V(s') - V(s), in the order of time, shape [B].
        last: 1 in the last row of each episode, else 0, shape [B].
        discount: gamma.
        lambda_: 0 for one-step errors, 1 for whole returns.
    """
    decay, sums, following = discount * lambda_, [], 0.0
    for now, ends in zip(reversed(error.tolist()), reversed(last.tolist()), strict=True):
        following = now + (0.0 if ends else decay * following)
        sums.append(following)
    return error.new_tensor(sums[::-1])


def clipped_policy_loss(log_ratio: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """-min(rho A, clip(rho, 1 - c, 1 + c) A) of each row (Schulman et al. 2017, eq. 7).

    Args:
        log_ratio: log pi(a|s) - log pi_old(a|s), shape [B].
        advantage: A, shape [B].
        clip: c.
    """
    ratio = log_ratio.clamp(-20, 20).exp()
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)


def divergence(log_ratio: Tensor) -> Tensor:
    """KL(pi_old, pi) from samples of pi_old: rho - 1 - log rho, never negative, shape [B]."""
    bounded = log_ratio.clamp(-20, 20)
    return bounded.exp() - 1 - bounded


def discrimination_loss(logit: Tensor, demonstrated: Tensor) -> Tensor:
    """-log D of demonstrated rows, -log(1 - D) of the policy's (Zhu et al. 2018, eq. 1).

    Args:
        logit: of D, shape [B].
        demonstrated: 1 or 0, shape [B].
    """
    return functional.softplus(torch.where(demonstrated > 0, -logit, logit))


def imitation_reward(logit: Tensor, limit: float) -> Tensor:
    """-log(1 - D), at most `limit` (Zhu et al. 2018, section III-A), for logits of D [B]."""
    return functional.softplus(logit).clamp(max=limit)


def hybrid_reward(imitation: Tensor, task: Tensor, share: float) -> Tensor:
    """lambda r_gail + (1 - lambda) r_task (Zhu et al. 2018, eq. 2).

    Args:
        imitation: r_gail, shape [B].
        task: r_task, shape [B].
        share: lambda in [0, 1].
    """
    return share * imitation + (1 - share) * task
