# SPDX-License-Identifier: Apache-2.0
"""The part of an on-policy agent that knows what to expect: value and advantage.

It may read what the policy does not see (Zhu et al. 2018, section III-B 2).
"""

import numpy as np
import torch
from torch import Tensor

from robot_rl.agents import losses, policy_losses
from robot_rl.agents.proximal import ProximalPolicy
from robot_rl.agents.proximal_config import ProximalConfig
from robot_rl.models import state, training, workers
from robot_rl.models.asymmetric import is_shared
from robot_rl.models.mlp import MLP
from robot_rl.models.normalizer import NormalizedInput
from robot_rl.models.sight import Seen, Sighted, behind, see_all
from robot_rl.replay.rollout import Rollout
from robot_rl.types import DataSpec, Entries

#: Share that mean and deviation of the returns move with each rollout.
_PACE = 0.2
#: A deviation below this counts as this.
_MIN_SPREAD = 1e-2


class Baseline:
    """V(s), learned in units of the returns' spread (van Hasselt et al. 2016).

    When the units change, the last layer is rescaled, so that the values stay.

    Attributes:
        input: what it reads.
        network: gives V(s) in these units, behind an eye where it reads pictures.
        entries: what it reads, by name.
        parts: what `state.save` takes.
    """

    def __init__(
        self, config: ProximalConfig, spec: DataSpec, seed: int, device: torch.device
    ) -> None:
        """Draws the network from the seed."""
        self._config, self._device = config, device
        names, normalize = config.value_entries, config.normalize
        self.input = NormalizedInput(spec, names, 'value_entries', normalize, config.encoder)
        self.entries = self.input.names
        draw = torch.Generator().manual_seed(seed)
        network = self.input.behind_eye(lambda n: MLP((n, *config.value_hidden, 1), draw), draw)
        self.network = network.to(device)
        rate, limit = config.value_learning_rate, config.max_gradient
        self._optimizer = workers.SharedAdam(training.trained(network), rate, limit)
        self._units = torch.zeros(3, device=device)  # mean, spread, rollouts seen
        self._units[1] = 1.0
        self._order = np.random.default_rng(seed)
        self.parts: dict[str, state.Part] = {
            'value': self.network,
            'value_optimizer': self._optimizer,
            'value_units': self._units,
            'value_order': self._order,
            **{f'value_{name}': part for name, part in self.input.parts.items()},
        }

    @torch.no_grad()
    def judge(self, rollout: Rollout, reward: Tensor) -> tuple[Tensor, Tensor]:
        """Advantage and return of every row, shape [B] each.

        A time limit cuts an episode without ending the task: the value of its last state
        counts there.
        """
        value, following = self._value(rollout.observation), self._value(rollout.next_observation)
        terminated = torch.from_numpy(rollout.terminated).to(self._device).float()
        gamma = torch.full_like(reward, self._config.gamma)
        error = losses.td_target(reward, terminated, following, gamma) - value
        last = torch.from_numpy(rollout.last)
        lambda_ = self._config.gae_lambda
        advantage = policy_losses.generalized_advantage(error, last, self._config.gamma, lambda_)
        return advantage, advantage + value

    def fit(self, rollout: Rollout, target: Tensor) -> dict[str, float]:
        """Several passes of regression to the returns [B] of a rollout."""
        self._change_units(target)
        x = self._read(rollout.observation)
        wanted = (target - self._units[0]) / self._units[1]
        loss = wanted.new_zeros(())
        for _ in range(self._config.epochs):
            ones = np.ones(len(x), np.int64)
            for drawn in workers.minibatches(ones, self._config.minibatch, self._order):
                rows = torch.from_numpy(drawn).to(self._device)
                error = self.network(x[rows]).squeeze(-1) - wanted[rows]
                loss = workers.mean(error.square())
                self._optimizer.descend(loss)
        self.input.observe(rollout.observation)
        (summed,) = workers.total([loss.detach()])
        return {'value_loss': summed.item(), 'value_mean': self._units[0].item()}

    def _value(self, entries: Entries) -> Tensor:
        x = see_all(self.network, self._read(entries))
        value: Tensor = self.network(x).squeeze(-1) * self._units[1] + self._units[0]
        return value

    def _read(self, entries: Entries) -> Tensor | Seen:
        """The input for many observations, their pictures as bytes."""
        return self.input.tensors(entries, self._device, floats=False)

    @torch.no_grad()
    def _change_units(self, target: Tensor) -> None:
        mean, spread = workers.mean_and_std(target)
        old_mean, old_spread, seen = self._units.clone()
        pace = _PACE if seen > 0 else 1.0
        self._units[0] = old_mean + pace * (mean - old_mean)
        self._units[1] = (old_spread + pace * (spread - old_spread)).clamp(min=_MIN_SPREAD)
        self._units[2] += 1
        factor = old_spread / self._units[1]
        last: MLP = behind(self.network)
        last.weights[-1].mul_(factor)
        shift = (old_mean - self._units[0]) / self._units[1]
        last.biases[-1].mul_(factor).add_(shift)


def policy_and_value(
    config: ProximalConfig, spec: DataSpec, seed: int, device: torch.device
) -> tuple[ProximalPolicy, Baseline]:
    """Both parts of an on-policy agent, with one encoder where the value's loss shall train it.

    Raises:
        InputError: an entry that does not fit, or what `is_shared` refuses.
    """
    value = Baseline(config, spec, seed + 1, device)
    lends = config.encoder is not None and config.encoder.gradients == 'critic'
    eye = value.network.eye if lends and isinstance(value.network, Sighted) else None
    policy = ProximalPolicy(config, spec, seed, device, eye)
    is_shared(config.encoder, policy.input, value.input)
    return policy, value
