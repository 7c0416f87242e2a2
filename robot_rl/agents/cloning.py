# SPDX-License-Identifier: Apache-2.0
"""What demonstrations add to the loss of a deterministic actor (Nair 2022, section 4.4)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from robot_rl import ranges
from robot_rl.agents import losses
from robot_rl.ranges import Range
from robot_rl.replay.batch import Batch

#: Q [D] of actions [D, A] in rows [D] of a batch.
Rate = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Cloning:
    """Weights of the critic's opinion and of the demonstrations.

    Attributes:
        q_weight: of the critic's mean value, lambda_1.
        weight: of the mean cloning loss over the demonstrations in a batch, lambda_2 N_D; 0
            leaves demonstrations to the critic alone.
        q_filter: whether only those demonstrated actions are cloned that the critic rates above
            the actor's own.
        normalize_q: whether the critic's values are divided by their mean size, so that the
            weights hold for any scale of rewards (Fujimoto and Gu 2021, eq. 5).
    """

    q_weight: float = 1.0
    weight: float = 0.0
    q_filter: bool = True
    normalize_q: bool = False

    def __post_init__(self) -> None:
        """Refuses values outside their ranges."""
        ranges.check(self, {'q_weight': Range(0, 1000), 'weight': Range(0, 1000)})
        if not self.q_weight + self.weight > 0:
            raise ValueError('q_weight and weight: expected one of them above 0')

    def beside_q(self, weight: float) -> float:
        """The weight of a term that belongs to the critic's: as much smaller as lambda_1 is."""
        return self.q_weight * weight

    def policy_loss(self, q: Tensor) -> Tensor:
        """-lambda_1 times the mean of Q(s, pi(s)), shape [B]."""
        return -self.slope(q.detach()) * q.mean()

    def slope(self, q: Tensor) -> Tensor | float:
        """What the mean of Q(s, pi(s)), shape [B], is weighed by: lambda_1, over its mean size."""
        return (
            self.q_weight / q.abs().mean().clamp(min=1e-6) if self.normalize_q else self.q_weight
        )

    def demonstrated(self, batch: Batch, action: Tensor, rate: Rate) -> 'Demonstrated | None':
        """What the batch's demonstrations are compared with; None without any, or weight.

        Args:
            batch: holds demonstrations among its rows, or none.
            action: of the actor for all rows, shape [B, A].
            rate: Q [D] of actions [D, A] in rows [D] of the batch.
        """
        found = np.flatnonzero(batch.demonstration)
        if not self.weight or not len(found):
            return None
        rows = torch.from_numpy(found).to(action.device)
        label, own = torch.from_numpy(batch.action[found]).to(action.device), action[rows]
        passed = torch.ones(len(found), device=action.device)
        if self.q_filter:
            with torch.no_grad():
                rated = rate(torch.cat([rows, rows]), torch.cat([label, own]))
                passed = losses.q_filter(*rated.chunk(2))
        return Demonstrated(rows, label, own, passed)

    def demonstration_loss(self, batch: Batch, action: Tensor, rate: Rate) -> dict[str, Tensor]:
        """The mean cloning loss of the batch's demonstrations, with the share that passed.

        Args:
            batch: as for `demonstrated`.
            action: the same.
            rate: the same.

        Returns:
            `cloning_loss` and `cloned_share`; nothing without demonstrations or weight.
        """
        shown = self.demonstrated(batch, action, rate)
        return shown.measured() if shown else {}


@dataclass(frozen=True, slots=True)
class Demonstrated:
    """Demonstrations of a batch beside what the actor would do.

    Attributes:
        rows: where they are in the batch, shape [D].
        label: demonstrated actions, shape [D, A].
        own: the actor's, shape [D, A].
        passed: 1 for those that are cloned, else 0, shape [D].
    """

    rows: Tensor
    label: Tensor
    own: Tensor
    passed: Tensor

    def measured(self) -> dict[str, Tensor]:
        """`losses.cloning_loss`, and the share of demonstrations that passed."""
        loss = losses.cloning_loss(self.own, self.label, self.passed)
        return {'cloning_loss': loss, 'cloned_share': self.passed.mean()}

    def slope(self) -> Tensor:
        """Gradient [D, A] of `losses.cloning_loss` with respect to the actor's actions."""
        return (2 / len(self.rows)) * self.passed[:, None] * (self.own - self.label)
