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
from robot_rl.models import training
from robot_rl.models.dense import Dense, Trace
from robot_rl.models.deterministic import DeterministicActor
from robot_rl.models.mlp import EnsembleMLP
from robot_rl.models.training import Adam
from robot_rl.replay.batch import Batch


@dataclass(frozen=True)
class Settings:
    """Of the updates.

    Attributes:
        raters: how many of the critics rate the actor's actions; None is all.
        limit: largest noise on target actions, see `losses.smoothed_action`.
        bounds: what targets are clipped to, or nothing.
        compiled: see `training.compiled`.
    """

    raters: int | None = None
    limit: float = 0.0
    bounds: tuple[float, float] | None = None
    compiled: bool = False


class FastActor:
    """A deterministic actor without bottleneck, and its slow copy."""

    def __init__(
        self, network: DeterministicActor, target: DeterministicActor, optimizer: Adam
    ) -> None:
        """Works on the very tensors of the networks."""
        self.network, self._target = Dense(network.last), Dense(target.last)
        self.optimizer = optimizer

    def next_action(self, rows: Rows, noise: Tensor | None, limit: float) -> Tensor:
        """Actions [A, B] of the slow copy in the next state, with noise [B, A] where given."""
        action = self._target.forward(rows.next_seen).out[0].tanh()
        return action if noise is None else losses.smoothed_action(action, noise.t(), limit)

    def follow(self, share: float) -> None:
        """Moves the slow copy by this share of the way."""
        self._target.follow(self.network, share)


class FastDPG:
    """Steps of critics and actor, on the CPU; metrics only where `measure`."""

    def __init__(
        self,
        acting: tuple[DeterministicActor, DeterministicActor, Adam],
        judging: tuple[EnsembleMLP, EnsembleMLP, Adam],
        settings: Settings,
    ) -> None:
        """Works on the very tensors of the networks.

        Args:
            acting: actor, its slow copy, and what moves it.
            judging: critics, their slow copy, and what moves them.
            settings: of the updates.
        """
        self.actor, self.critic = FastActor(*acting), FastCritic(*judging, settings.raters)
        self._settings = settings
        self._for_critics = training.compiled(self._critic_gradients, settings.compiled)
        self._judge = training.compiled(self._judged, settings.compiled)
        self._lead = training.compiled(self._actor_gradients, settings.compiled)
        self._for_actor = training.compiled(self._judged_gradients, settings.compiled)

    @torch.no_grad()
    def move_critic(
        self, rows: Rows, measure: bool, noise: Tensor | None = None
    ) -> dict[str, Tensor]:
        """One step of the critics.

        Args:
            rows: the batch.
            measure: whether metrics are wanted.
            noise: on the target actions, shape [B, A], or none.
        """
        q, target, gradients = self._for_critics(rows, noise)
        self.critic.step(gradients)
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
        if not cloning.weight:  # one call, as each into a compiled function costs some 0.3 ms
            before, q, gradients = self._for_actor(rows, cloning, penalty)
            shown = None
        else:
            trace, action, q, d = self._judge(rows, cloning)
            shown = cloning.demonstrated(
                batch, action.t(), lambda which, a: self._value(rows.state[which], a)
            )
            if shown:
                d[:, shown.rows] += cloning.weight * shown.slope().t()
            before, gradients = trace.out, self._lead(trace, action, d, penalty)
        self.actor.optimizer.step(gradients)
        if not measure:
            return {}
        measured = {
            'policy_loss': cloning.policy_loss(q),
            'preactivation': losses.preactivation_penalty(before),
        }
        return measured | (shown.measured() if shown else {})

    def _critic_gradients(
        self, rows: Rows, noise: Tensor | None
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Values [N, B] of the stored actions, their targets [B], the critics' gradients."""
        action = self.actor.next_action(rows, noise, self._settings.limit)
        q = self.critic.next_q(rows, action).amin(0)
        target = losses.td_target(rows.reward, rows.terminated, q, rows.discount)
        if self._settings.bounds:
            target = target.clamp(*self._settings.bounds)
        q, gradients = self.critic.gradients(rows, target)
        return q, target, gradients

    def _judged(self, rows: Rows, cloning: Cloning) -> tuple[Trace, Tensor, Tensor, Tensor]:
        """The actor's way there, its actions [A, B], their values [B], the loss's slope [A, B]."""
        trace = self.actor.network.forward(rows.seen)
        action = torch.tanh(trace.out[0])
        rated = self.critic.rate(rows.state, action)
        q = rated.out[:, 0].amin(0)
        slope = minimum_slope(rated.out, -1 / len(q)) * cloning.slope(q)
        return trace, action, q, self.critic.action_gradient(rated, slope, len(action))

    def _judged_gradients(
        self, rows: Rows, cloning: Cloning, penalty: float
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Actions before their tanh [1, A, B], their values [B], the actor's gradients."""
        trace, action, q, d = self._judged(rows, cloning)
        return trace.out, q, self._actor_gradients(trace, action, d, penalty)

    def _actor_gradients(
        self, trace: Trace, action: Tensor, d: Tensor, penalty: float
    ) -> list[Tensor]:
        """The actor's gradients from that of its actions [A, B], with the penalty's."""
        before = trace.out[0]
        d = torch.add(d * (1 - action * action), before, alpha=2 * penalty / before.numel())
        return self.actor.network.gradients(trace, d[None])

    def _value(self, state: Tensor, action: Tensor) -> Tensor:
        """Q(s, a) of actions [D, A], shape [D]."""
        return self.critic.rate(state, action.t()).out[:, 0].amin(0)
