# SPDX-License-Identifier: Apache-2.0
"""A batch as the networks of an actor-critic read it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robot_rl.models.asymmetric import ActorCriticInput
from robot_rl.replay.batch import Batch


@dataclass(frozen=True, slots=True)
class Rows:
    """A batch as the networks read it.

    Attributes:
        seen: input of the actor, shape [B, I], or with pictures.
        state: input of the critics but for the action, shape [B, S], or with pictures.
        action: shape [B, A].
        next_seen: of the next observation, as `seen`.
        next_state: of the next observation, as `state`.
        reward: shape [B].
        terminated: 1 where the task ended, else 0, shape [B].
        discount: of the next value, shape [B].
    """

    seen: Any
    state: Any
    action: Tensor
    next_seen: Any
    next_state: Any
    reward: Tensor
    terminated: Tensor
    discount: Tensor

    @classmethod
    def of(
        cls, batch: Batch, inputs: ActorCriticInput, gamma: float, device: torch.device
    ) -> 'Rows':
        """Reads a batch, whose observations count in the statistics of the inputs.

        Args:
            batch: of an agent with this input.
            inputs: of actor and critics.
            gamma: discount of a step.
            device: where the tensors are to be.
        """
        inputs.observe(batch.observation)
        seen, state = inputs.batch(batch.observation, device)
        next_seen, next_state = inputs.batch(batch.next_observation, device)
        terminated = batch.terminated.astype(np.float32)
        discount = np.power(gamma, batch.steps, dtype=np.float32)
        return cls(
            seen=seen,
            state=state,
            action=torch.from_numpy(batch.action).to(device),
            next_seen=next_seen,
            next_state=next_state,
            reward=torch.from_numpy(batch.reward).to(device),
            terminated=torch.from_numpy(terminated).to(device),
            discount=torch.from_numpy(discount).to(device),
        )

    def judged_by(self, state: Tensor, shared: bool) -> 'Rows':
        """The same for the actor's step, with what the critics made of the pictures.

        Args:
            state: input of the critics' layers in their own step, shape [B, S].
            shared: whether the actor's layers read the same.
        """
        known = state.detach()
        return replace(self, state=known, seen=known if shared else self.seen)
