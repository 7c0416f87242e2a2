# SPDX-License-Identifier: Apache-2.0
"""The updates of DDPG and TD3 with their derivatives written out; see `fast.py`.

`ddpg.py` and `td3.py` hold the algorithms. What a bottleneck adds to an actor's loss is
left to autograd there.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from robot_rl.agents import losses
from robot_rl.agents.cloning import Cloning
from robot_rl.agents.fast import FastCritic, minimum_slope
from robot_rl.agents.rows import Rows
from robot_rl.models.dense import Dense
from robot_rl.models.deterministic import DeterministicActor
from robot_rl.models.training import Adam
from robot_rl.replay.batch import Batch


@dataclass(frozen=True, slots=True)
class Smoothing:
    """Noise on target actions, see `losses.smoothed_action`.

    Attributes:
        scale: standard deviation.
        limit: largest change.
        noise: its source.
    """

    scale: float
    limit: float
    noise: torch.Generator


class FastActor:
    """A deterministic actor without bottleneck, and its slow copy."""

    def __init__(
        self, network: DeterministicActor, target: DeterministicActor, optimizer: Adam
    ) -> None:
        """Works on the very tensors of the networks."""
        self.network, self._target = Dense(network.last), Dense(target.last)
        self.optimizer = optimizer

    def next_action(self, rows: Rows, smoothing: Smoothing | None) -> Tensor:
        """Actions [A, B] of the slow copy in the next state."""
        action = self._target.forward(rows.next_seen).out[0].tanh_()
        if smoothing is None:
            return action
        noise = torch.randn(rows.action.shape, generator=smoothing.noise)
        return losses.smoothed_action(action, noise.mul_(smoothing.scale).t(), smoothing.limit)

    def follow(self, share: float) -> None:
        """Moves the slow copy by this share of the way."""
        self._target.follow(self.network, share)


class FastDPG:
    """Steps of critics and actor, on the CPU; metrics only where `measure`."""

    def __init__(self, actor: FastActor, critic: FastCritic) -> None:
        """Works on the very tensors of the networks."""
        self.actor, self.critic = actor, critic

    @torch.no_grad()
    def move_critic(
        self,
        rows: Rows,
        measure: bool,
        smoothing: Smoothing | None = None,
        bounds: tuple[float, float] | None = None,
    ) -> dict[str, Tensor]:
        """One step of the critics.

        Args:
            rows: the batch.
            measure: whether metrics are wanted.
            smoothing: noise on the target actions, or none.
            bounds: what targets are clipped to, or nothing.
        """
        q = self.critic.next_q(rows, self.actor.next_action(rows, smoothing)).amin(0)
        target = losses.td_target(rows.reward, rows.terminated, q, rows.discount)
        if bounds:
            target = target.clamp(*bounds)
        q = self.critic.regress(rows, target)
        return {'critic_loss': losses.critic_loss(q, target), 'q': q.mean()} if measure else {}

    @torch.no_grad()
    def move_actor(
        self,
        batch: Batch,
        rows: Rows,
        measure: bool,
        cloning: Cloning,
        penalty: float,
    ) -> dict[str, Tensor]:
        """One step of the actor down `Cloning.policy_loss` and the loss on demonstrations.

        Args:
            batch: says which rows were demonstrated.
            rows: the batch.
            measure: whether metrics are wanted.
            cloning: weights of the critics' opinion and of demonstrations.
            penalty: weight of `losses.preactivation_penalty`.
        """
        trace = self.actor.network.forward(rows.seen)
        before = trace.out[0]
        action = torch.tanh(before)
        rated = self.critic.rate(rows.state, action)
        q = rated.out[:, 0].amin(0)
        slope = minimum_slope(rated.out, -1 / len(q)) * cloning.slope(q)
        d = self.critic.action_gradient(rated, slope, len(action))
        shown = cloning.demonstrated(
            batch, action.t(), lambda which, a: self._value(rows.state[which], a)
        )
        if shown:
            d[:, shown.rows] += cloning.weight * shown.slope().t()
        d = d * (1 - action * action)
        d.add_(before, alpha=2 * penalty / before.numel())
        self.actor.optimizer.step(self.actor.network.gradients(trace, d[None]))
        if not measure:
            return {}
        measured = {
            'policy_loss': cloning.policy_loss(q),
            'preactivation': losses.preactivation_penalty(before),
        }
        return measured | (shown.measured() if shown else {})

    def _value(self, state: Tensor, action: Tensor) -> Tensor:
        """Q(s, a) of actions [D, A], shape [D]."""
        return self.critic.rate(state, action.t()).out[:, 0].amin(0)
