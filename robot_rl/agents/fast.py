# SPDX-License-Identifier: Apache-2.0
"""What the fast updates of SAC, TD3 and DDPG share: the critics' part.

The agents hold the algorithms in terms of losses and autograd; a fast update takes the same step
with every derivative written out, over `models/dense.py`, on the CPU. Tests hold the two together.
Derivatives come from pure functions of tensors, which may be compiled; noise is drawn and
parameters move outside of them.
"""

import torch
from torch import Tensor

from robot_rl.agents.rows import Rows
from robot_rl.models.dense import Dense, Trace
from robot_rl.models.mlp import EnsembleMLP
from robot_rl.models.training import Adam


class FastCritic:
    """Critics, their slow copy, and their part of an update. Actions are [A, B] here."""

    def __init__(
        self,
        critic: EnsembleMLP,
        target: EnsembleMLP,
        optimizer: Adam,
        raters: int | None = None,
    ) -> None:
        """Works on the very tensors of the networks.

        Args:
            critic: the ensemble.
            target: its slow copy.
            optimizer: of the critic's parameters.
            raters: how many of them rate the actor's actions; None is all.
        """
        self._critic, self._target, self._optimizer = Dense(critic), Dense(target), optimizer
        self._raters = Dense(critic, slice(raters))

    def next_q(self, rows: Rows, action: Tensor, members: Tensor | None = None) -> Tensor:
        """Values [N, B] of actions in the next state, by all slow critics or these members."""
        return self._target.forward(_joined(rows.next_state, action), members).out[:, 0]

    def gradients(self, rows: Rows, target: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Q [N, B] of the stored actions, and the gradients of `losses.critic_loss`.

        Args:
            rows: the batch.
            target: y, shape [B].
        """
        trace = self._critic.forward(torch.cat([rows.state, rows.action], 1))
        slope = (trace.out - target) / len(target)
        return trace.out[:, 0], self._critic.gradients(trace, slope)

    def step(self, gradients: list[Tensor]) -> None:
        """One step of the critics down these gradients."""
        self._optimizer.step(gradients)

    def rate(self, state: Tensor, action: Tensor) -> Trace:
        """Evaluates actions [A, B] in states [B, S]; values are its `out`."""
        return self._raters.forward(_joined(state, action))

    def action_gradient(self, trace: Trace, d: Tensor, actions: int) -> Tensor:
        """Gradient [A, B] of the actions that were rated, from that of the values [N, 1, B]."""
        return self._raters.action_gradient(trace, d, actions)

    def follow(self, share: float) -> None:
        """Moves the slow copy by this share of the way."""
        self._target.follow(self._critic, share)


def minimum_slope(out: Tensor, slope: float) -> Tensor:
    """Gradient [N, 1, B] of `slope` times the sum of min_i Q_i, for values [N, 1, B]."""
    if len(out) == 1:
        return torch.full_like(out, slope)
    return torch.zeros_like(out).scatter_(0, out.argmin(0, keepdim=True), slope)


def _joined(state: Tensor, action: Tensor) -> Tensor:
    return torch.cat([state, action.t()], 1)
