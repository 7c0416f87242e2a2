# SPDX-License-Identifier: Apache-2.0
"""The part of an imitating agent that tells the policy from the demonstrations.

It reads object-centric entries alone, so that it judges what happens to the objects and not how
the arm looks while it does it (Zhu et al. 2018, section III-B 2).
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from robot_rl.agents import hyperparameters, policy_losses
from robot_rl.models import state, workers
from robot_rl.models.inputs import VectorInput
from robot_rl.models.mlp import MLP
from robot_rl.ranges import Range
from robot_rl.replay.batch import Batch
from robot_rl.types import DataSpec

_RANGES = {
    'updates': Range(1, 100_000),
    'minibatch': Range(1, 1_000_000),
    'noise': Range(0, 1000),
    'reward_limit': Range(0, 1000, above=True),
}


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Hyperparameters.

    Attributes:
        entries: observation entries that it reads; empty for the task's own.
        actions: whether it sees actions too; without them, demonstrations need none.
        hidden: widths of its layers.
        learning_rate: step size.
        updates: gradient steps for each rollout; where it outruns the policy, both go in circles.
        minibatch: rows of either kind in a gradient step, over all workers.
        noise: deviation of Gaussian noise on what it reads, in the units of the entries, so
            that it can't tell a handful of demonstrations by their exact numbers.
        reward_limit: largest imitation reward.
    """

    entries: tuple[str, ...] = ()
    actions: bool = False
    hidden: tuple[int, ...] = (64, 64)
    learning_rate: float = 3e-4
    updates: int = 4
    minibatch: int = 256
    noise: float = 0.0
    reward_limit: float = 10.0

    def __post_init__(self) -> None:
        """Refuses values outside their ranges."""
        hyperparameters.check(self, _RANGES)


class Discriminator:
    """D: the probability that a state, or state and action, was demonstrated.

    Attributes:
        entries: what it reads.
        parts: what `state.save` takes.
    """

    def __init__(
        self, config: DiscriminatorConfig, spec: DataSpec, seed: int, device: torch.device
    ) -> None:
        """Draws the network from the seed."""
        self._config, self._device = config, device
        self._input = VectorInput(spec, config.entries, 'discriminator: entries')
        self.entries = self._input.names
        size = self._input.size + config.actions * spec.action_size
        draw = torch.Generator().manual_seed(seed)
        self._network = MLP((size, *config.hidden, 1), draw).to(device)
        rate = config.learning_rate
        self._optimizer = workers.SharedAdam(self._network.parameters(), rate)
        self._rng = np.random.default_rng(seed)
        self._noise = torch.Generator(device).manual_seed(seed)
        self.parts: dict[str, state.Part] = {
            'discriminator': self._network,
            'discriminator_optimizer': self._optimizer,
            'discriminator_rng': self._rng,
            'discriminator_noise': self._noise,
        }

    @torch.no_grad()
    def reward(self, batch: Batch) -> Tensor:
        """Imitation reward of every row, shape [B], in [0, `reward_limit`]."""
        logit = self._network(self._rows(batch)).squeeze(-1)
        return policy_losses.imitation_reward(logit, self._config.reward_limit)

    def fit(self, batch: Batch, demonstrations: Batch) -> dict[str, float]:
        """Learns to tell a rollout from demonstrations, both weighing the same."""
        own, theirs = self._rows(batch), self._rows(demonstrations)
        measured: list[Tensor] = []
        for _ in range(self._config.updates):
            one, two = self._draw(own), self._draw(theirs)
            logit = self._network(torch.cat([one, two])).squeeze(-1)
            demonstrated = torch.cat([one.new_zeros(len(one)), two.new_ones(len(two))])
            loss = policy_losses.discrimination_loss(logit, demonstrated)
            loss = workers.mean(loss[: len(one)]) + workers.mean(loss[len(one) :])
            self._optimizer.descend(loss)
            right = (logit.detach() > 0).float() == demonstrated
            measured = [loss.detach(), workers.mean(right.float())]
        loss, accuracy = workers.total(measured)
        return {'discriminator_loss': loss.item(), 'discriminator_accuracy': accuracy.item()}

    def _rows(self, batch: Batch) -> Tensor:
        x = torch.from_numpy(self._input.batch(batch.observation)).to(self._device)
        if not self._config.actions:
            return x
        return torch.cat([x, torch.from_numpy(batch.action).to(self._device)], 1)

    def _draw(self, rows: Tensor) -> Tensor:
        """A minibatch with replacement, or all rows where they are no more; with noise."""
        size = max(1, self._config.minibatch // workers.workers())
        if len(rows) > size:
            drawn = torch.from_numpy(self._rng.integers(len(rows), size=size))
            rows = rows[drawn.to(self._device)]
        if self._config.noise > 0:
            noise = torch.randn(rows.shape, generator=self._noise, device=self._device)
            rows = rows + self._config.noise * noise
        return rows
