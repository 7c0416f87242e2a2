# SPDX-License-Identifier: Apache-2.0
"""The update of SAC with its derivatives written out; see `fast.py`.

`sac.py` holds the algorithm. Here the actor sees both observations in one pass.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from robot_rl.agents import losses
from robot_rl.agents.fast import FastCritic, minimum_slope
from robot_rl.agents.rows import Rows
from robot_rl.models import training
from robot_rl.models.dense import Dense, Trace
from robot_rl.models.gaussian import GaussianActor, Sampled
from robot_rl.models.training import Adam


@dataclass(frozen=True, slots=True)
class Actor:
    """The actor and its temperature as an update moves them.

    Attributes:
        network: the policy.
        optimizer: of its parameters.
        log_temperature: scalar.
        temperature_optimizer: of that.
        noise: source of the sampled actions.
    """

    network: GaussianActor
    optimizer: Adam
    log_temperature: Tensor
    temperature_optimizer: Adam
    noise: torch.Generator


@dataclass(frozen=True, slots=True)
class Settings:
    """Hyperparameters of an update, as `SACConfig` has them."""

    tau: float
    target_entropy: float
    min_temperature: float
    actor_critics: str
    compiled: bool


class FastSAC:
    """One step of critics, actor and temperature, on the CPU."""

    def __init__(self, actor: Actor, critic: FastCritic, settings: Settings) -> None:
        """Works on the very tensors of the networks."""
        self._parts, self._critic, self._settings = actor, critic, settings
        self._actor = Dense(actor.network)
        self._for_critics = training.compiled(self._critic_gradients, settings.compiled)
        self._for_actor = training.compiled(self._actor_gradients, settings.compiled)

    @torch.no_grad()
    def update(
        self, rows: Rows, members: Tensor | None, improve: bool, measure: bool
    ) -> dict[str, Tensor]:
        """The step; its metrics where `measure`.

        Args:
            rows: the batch.
            members: of the target critics, whose minimum counts; None for all.
            improve: whether actor and temperature move as well.
            measure: whether metrics are wanted.
        """
        temperature = self._parts.log_temperature.exp()
        noise = self._draw(rows, improve)
        found = self._for_critics(rows, noise, temperature, members)
        q, target, gradients, trace, now = found
        self._critic.step(gradients)
        measured = {}
        if measure:
            loss = losses.critic_loss(q, target)
            measured = {'critic_loss': loss, 'q': q.mean(), 'temperature': temperature}
        if improve:
            q, gradients, slope = self._for_actor(rows, trace, now, temperature)
            self._parts.optimizer.step(gradients)
            self._move_temperature(slope)
            if measure:
                measured['actor_loss'] = losses.soft_actor_loss(q, now.log_prob, temperature)
                measured['entropy'] = -now.log_prob.mean()
        self._critic.follow(self._settings.tau)
        return measured

    def _draw(self, rows: Rows, improve: bool) -> Tensor:
        """Noise for the actions in the next state, and in this one after them if it is needed."""
        count, size = rows.action.shape
        noise = torch.empty(1 + improve, count, size)
        for part in noise:
            part.normal_(generator=self._parts.noise)
        return noise.view(-1, size)

    def _critic_gradients(
        self, rows: Rows, noise: Tensor, temperature: Tensor, members: Tensor | None
    ) -> tuple[Tensor, Tensor, list[Tensor], Trace, Sampled]:
        """Values, their targets, the critics' gradients; and what the actor does in this state."""
        count = len(rows.reward)
        seen = rows.next_seen
        if len(noise) > count:
            seen = torch.cat([seen, rows.seen])
        trace = self._actor.forward(seen)
        sampled = Sampled.of(trace.out[0], noise.t())
        q = self._critic.next_q(rows, sampled.action[:, :count], members)
        value = losses.soft_value(q, sampled.log_prob[:count], temperature)
        target = losses.td_target(rows.reward, rows.terminated, value, rows.discount)
        q, gradients = self._critic.gradients(rows, target)
        return q, target, gradients, trace.since(count), sampled.since(count)

    def _actor_gradients(
        self, rows: Rows, trace: Trace, sampled: Sampled, temperature: Tensor
    ) -> tuple[Tensor, list[Tensor], Tensor]:
        """Values [., B] that the actor climbs, its gradients of `losses.soft_actor_loss`.

        Last the slope of `losses.temperature_loss`.
        """
        rated = self._critic.rate(rows.state, sampled.action)
        q, share = rated.out[:, 0], 1 / len(rows.reward)
        if self._settings.actor_critics == 'mean':
            d_q = torch.full_like(rated.out, -share / len(q))
            q = q.mean(0, keepdim=True)
        else:
            d_q = minimum_slope(rated.out, -share)
        d_action = self._critic.action_gradient(rated, d_q, len(sampled.action))
        d_output = sampled.backward(d_action, temperature * share)
        slope = -(sampled.log_prob.mean() + self._settings.target_entropy)
        return q, self._actor.gradients(trace, d_output[None]), slope

    def _move_temperature(self, slope: Tensor) -> None:
        """One step down the loss with this slope, to the floor."""
        self._parts.temperature_optimizer.step([slope])
        if self._settings.min_temperature > 0:
            self._parts.log_temperature.clamp_(min=math.log(self._settings.min_temperature))
