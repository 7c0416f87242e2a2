# SPDX-License-Identifier: Apache-2.0
"""Losses that agents share: pure functions of tensors, each with its equation and source."""

from torch import Tensor


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
