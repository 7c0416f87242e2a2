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


class FastSAC:
    """One step of critics, actor and temperature, on the CPU."""

    def __init__(self, actor: Actor, critic: FastCritic, settings: Settings) -> None:
        """Works on the very tensors of the networks."""
        self._parts, self._critic, self._settings = actor, critic, settings
        self._actor = Dense(actor.network)

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
        count = len(rows.reward)
        temperature = self._parts.log_temperature.exp()
        trace, sampled = self._sample(rows, improve)
        q = self._critic.next_q(rows, sampled.action[:, :count], members)
        value = losses.soft_value(q, sampled.log_prob[:count], temperature)
        target = losses.td_target(rows.reward, rows.terminated, value, rows.discount)
        q = self._critic.regress(rows, target)
        measured = {}
        if measure:
            loss = losses.critic_loss(q, target)
            measured = {'critic_loss': loss, 'q': q.mean(), 'temperature': temperature}
        if improve:
            now = sampled.since(count)
            q = self._move_actor(rows, trace.since(count), now, temperature)
            self._move_temperature(now.log_prob)
            if measure:
                measured['actor_loss'] = losses.soft_actor_loss(q, now.log_prob, temperature)
                measured['entropy'] = -now.log_prob.mean()
        self._critic.follow(self._settings.tau)
        return measured

    def _sample(self, rows: Rows, improve: bool) -> tuple[Trace, Sampled]:
        """Actions for the next observation, and for this one after them if it is needed."""
        seen = torch.cat([rows.next_seen, rows.seen]) if improve else rows.next_seen
        trace = self._actor.forward(seen)
        noise = torch.empty(len(seen), rows.action.shape[1])
        for part in noise.view(-1, len(rows.reward), noise.shape[1]):
            part.normal_(generator=self._parts.noise)
        return trace, Sampled.of(trace.out[0], noise.t())

    def _move_actor(
        self, rows: Rows, trace: Trace, sampled: Sampled, temperature: Tensor
    ) -> Tensor:
        """One step down `losses.soft_actor_loss`; the values [., B] that it climbs."""
        rated = self._critic.rate(rows.state, sampled.action)
        q, share = rated.out[:, 0], 1 / len(rows.reward)
        if self._settings.actor_critics == 'mean':
            slope = torch.full_like(rated.out, -share / len(q))
            q = q.mean(0, keepdim=True)
        else:
            slope = minimum_slope(rated.out, -share)
        d_action = self._critic.action_gradient(rated, slope, len(sampled.action))
        d_output = sampled.backward(d_action, temperature * share)
        self._parts.optimizer.step(self._actor.gradients(trace, d_output[None]))
        return q

    def _move_temperature(self, log_prob: Tensor) -> None:
        """One step down `losses.temperature_loss`, to the floor."""
        slope = -(log_prob.mean() + self._settings.target_entropy)
        self._parts.temperature_optimizer.step([slope])
        if self._settings.min_temperature > 0:
            self._parts.log_temperature.clamp_(min=math.log(self._settings.min_temperature))
