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

    def policy_loss(self, q: Tensor) -> Tensor:
        """-lambda_1 times the mean of Q(s, pi(s)), shape [B]."""
        return -self.slope(q.detach()) * q.mean()

    def slope(self, q: Tensor) -> Tensor | float:
        """What the mean of Q(s, pi(s)), shape [B], is weighed by: lambda_1, over its mean size."""
        return (
            self.q_weight / q.abs().mean().clamp(min=1e-6) if self.normalize_q else self.q_weight
        )

    def demonstration_loss(
        self, batch: Batch, action: Tensor, rate: Callable[[Tensor, Tensor], Tensor]
    ) -> dict[str, Tensor]:
        """The mean cloning loss of the batch's demonstrations, with the share that passed.

        Args:
            batch: holds demonstrations among its rows, or none.
            action: of the actor for all rows, shape [B, A].
            rate: Q [D] of actions [D, A] in rows [D] of the batch.

        Returns:
            `cloning_loss` and `cloned_share`; nothing without demonstrations or weight.
        """
        found = np.flatnonzero(batch.demonstration)
        if not self.weight or not len(found):
            return {}
        rows = torch.from_numpy(found).to(action.device)
        label, own = torch.from_numpy(batch.action[found]).to(action.device), action[rows]
        passed = torch.ones(len(found), device=action.device)
        if self.q_filter:
            with torch.no_grad():
                rated = rate(torch.cat([rows, rows]), torch.cat([label, own]))
                passed = losses.q_filter(*rated.chunk(2))
        loss = losses.cloning_loss(own, label, passed)
        return {'cloning_loss': loss, 'cloned_share': passed.mean()}
