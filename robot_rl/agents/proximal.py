# SPDX-License-Identifier: Apache-2.0
"""The part of an on-policy agent that acts, and that improves by clipped policy gradients.

Schulman et al. 2017, section 3. Shared by agents that differ in where reward comes from.
"""

import copy
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robot_rl import ranges
from robot_rl.agents import policy_losses
from robot_rl.arrays import State
from robot_rl.models import clipped, state, workers
from robot_rl.models.inputs import VectorInput
from robot_rl.models.mlp import MLP
from robot_rl.models.normalizer import NormalizedInput
from robot_rl.models.recurrent import GaussianPolicy, NumpyPolicy
from robot_rl.ranges import Range
from robot_rl.replay.rollout import Rollout, rows_of
from robot_rl.types import DataSpec, Entries, FloatArray

_RANGES = {
    'hidden': Range(1, 8192),
    'value_hidden': Range(1, 8192),
    'cells': Range(0, 8192),
    'learning_rate': Range(0, 1, above=True),
    'value_learning_rate': Range(0, 1, above=True),
    'gamma': Range(0, 0.99999),
    'gae_lambda': Range(0, 1),
    'clip': Range(0, 1, above=True),
    'epochs': Range(1, 1000),
    'minibatch': Range(1, 1_000_000),
    'max_divergence': Range(0, 100, above=True),
    'max_gradient': Range(0, 1e9, above=True),
    'entropy_weight': Range(0, 100),
    'prediction_weight': Range(0, 1000),
    'initial_std': Range(0.01, 2.5),
    'mean_init_scale': Range(0, 1),
}


@dataclass(frozen=True)
class ProximalConfig:
    """Hyperparameters of acting, of the value, and of how both improve.

    Attributes:
        actor_entries: observation entries that the policy reads; empty for the task's own.
        value_entries: the same for the value, which may know more than the policy.
        normalize: whether what policy and value read is scaled by running statistics.
        predicted_entries: entries that the policy's features are taught to predict; none when
            empty.
        hidden: widths of the policy's layers before its memory.
        value_hidden: widths of the value's layers.
        cells: of the policy's memory (LSTM); 0 for none.
        learning_rate: of the policy.
        value_learning_rate: of the value.
        gamma: discount.
        gae_lambda: lambda of the advantage; 0 for one-step errors, 1 for whole returns.
        clip: how far the ratio of probabilities may leave 1 with profit.
        epochs: passes over each rollout.
        minibatch: transitions of a gradient step, over all workers.
        max_divergence: from the policy that acted, nats; the passes end early beyond it.
        max_gradient: norm to which gradients are shortened.
        entropy_weight: of the entropy bonus.
        prediction_weight: of the prediction's squared error.
        initial_std: of the exploration.
        mean_init_scale: factor on the initial weights of the policy's last layer.
        device: where updates run; `auto` takes CUDA where there is one.
    """

    actor_entries: tuple[str, ...] = ()
    value_entries: tuple[str, ...] = ()
    normalize: bool = False
    predicted_entries: tuple[str, ...] = ()
    hidden: tuple[int, ...] = (128, 128)
    value_hidden: tuple[int, ...] = (128, 128)
    cells: int = 0
    learning_rate: float = 3e-4
    value_learning_rate: float = 1e-3
    gamma: float = 0.98
    gae_lambda: float = 0.95
    clip: float = 0.2
    epochs: int = 10
    minibatch: int = 256
    max_divergence: float = 0.03
    max_gradient: float = 0.5
    entropy_weight: float = 0.0
    prediction_weight: float = 1.0
    initial_std: float = 0.5
    mean_init_scale: float = 0.01
    device: Literal['auto', 'cpu', 'cuda'] = 'auto'

    def __post_init__(self) -> None:
        """Refuses values outside their ranges."""
        for name in ('hidden', 'value_hidden'):
            if not getattr(self, name):
                raise ValueError(f'{name}: expected at least one layer')
        ranges.check(self, _RANGES)


class ProximalPolicy:
    """A stochastic policy with its clipped update.

    Attributes:
        entries: what it reads to act and to learn.
        parts: what `state.save` takes.
    """

    def __init__(
        self, config: ProximalConfig, spec: DataSpec, seed: int, device: torch.device
    ) -> None:
        """Draws networks and noise from the seed."""
        self._config, self._device = config, device
        names, normalize = config.actor_entries, config.normalize
        self._input = NormalizedInput(spec, names, 'actor_entries', normalize)
        predicted = config.predicted_entries
        self._target = VectorInput(spec, predicted, 'predicted_entries') if predicted else None
        self.entries = self._input.names + (self._target.names if self._target else ())
        draw = torch.Generator().manual_seed(seed)
        start = (config.mean_init_scale, config.initial_std)
        sizes = (self._input.size, *config.hidden)
        policy = GaussianPolicy(sizes, config.cells, spec.action_size, start, draw)
        self._policy = policy.to(device)
        wanted = self._target.size if self._target else 0
        self._predictor = MLP((sizes[-1], wanted), draw).to(device)
        moved = [*policy.parameters(), *(self._predictor.parameters() if wanted else ())]
        rate, limit = config.learning_rate, config.max_gradient
        self._optimizer = workers.SharedAdam(moved, rate, limit)
        self._state = torch.zeros(2, config.cells)
        self._shared_state = self._state.numpy()
        self._act_rng, self._order = (np.random.default_rng([seed, i]) for i in (0, 1))
        self._acting: NumpyPolicy | None = None
        self.parts: dict[str, state.Part] = {
            **self._acting_parts(self._policy, self._input),
            'predictor': self._predictor,
            'policy_optimizer': self._optimizer,
            'memory': self._state,
            'act_rng': self._act_rng,
            'order': self._order,
        }

    def act(self, entries: Entries, explore: bool) -> FloatArray:
        """An action [A]: a sample where `explore`, else the mean; both clipped to [-1, 1]."""
        if self._acting is None:
            self._acting = self._policy.to_numpy()
        action = self._acting.mean(self._input.single(entries), self._shared_state)
        if explore:
            action = action + self._acting.std * self._act_rng.standard_normal(action.shape)
        return np.clip(action, -1.0, 1.0)

    def reseed(self, seed: int) -> None:
        """Begins an episode: empties the memory and restarts the exploration noise."""
        self._state.zero_()
        self._act_rng.bit_generator.state = np.random.default_rng(seed).bit_generator.state

    def refresh(self) -> None:
        """Acts with the present weights from now on."""
        self._acting = None

    def policy_state(self) -> State:
        """The policy's weights."""
        return state.save(self._acting_parts(self._policy, self._input))

    def load_policy_state(self, arrays: State) -> None:
        """Acts with these weights; the memory stays, as an episode may be going on."""
        state.load(self._acting_parts(self._policy, self._input), arrays, 'weights')
        self.refresh()

    @torch.no_grad()
    def log_prob(self, rollout: Rollout, policy: State) -> NDArray[np.float32]:
        """Log likelihood [B] of a rollout's actions under a policy saved by `policy_state`."""
        acted, seen = copy.deepcopy((self._policy, self._input))
        state.load(self._acting_parts(acted, seen), policy, 'policy that acted')
        mean, _ = acted(*self._inputs(rollout, seen))
        action = torch.from_numpy(rollout.action).to(self._device)
        return clipped.log_prob(mean, acted.log_std, action).cpu().numpy()

    def improve(self, rollout: Rollout, advantage: Tensor) -> dict[str, float]:
        """Several passes over a rollout, until the policy has moved far enough.

        Args:
            rollout: what policies close to the present one did.
            advantage: of its actions, shape [B].
        """
        x, lengths = self._inputs(rollout, self._input)
        center, spread = workers.mean_and_std(advantage)
        fixed = {
            'x': x,
            'action': torch.from_numpy(rollout.action).to(self._device),
            'log_prob': torch.from_numpy(rollout.log_prob).to(self._device),
            'advantage': (advantage - center) / (spread + 1e-6),
        }
        if self._target is not None:
            target = self._target.batch(rollout.observation)
            fixed['target'] = torch.from_numpy(target).to(self._device)
        units = np.array(lengths) if self._config.cells else np.ones(len(x), np.int64)
        measured: dict[str, float] = {}
        for passes in range(self._config.epochs):
            epoch: list[dict[str, Tensor]] = []
            for drawn in workers.minibatches(units, self._config.minibatch, self._order):
                rows = torch.from_numpy(rows_of(units, drawn)).to(self._device)
                part = {name: tensor.index_select(0, rows) for name, tensor in fixed.items()}
                epoch.append(self._descend(part, units[drawn].tolist()))
            measured = workers.average(epoch) | {'passes': float(passes + 1)}
            if measured['divergence'] > self._config.max_divergence:
                break
        self._input.observe(rollout.observation)  # from now on, or the ratio would not start at 1
        self.refresh()
        return measured | {'std': float(self._policy.log_std.detach().exp().mean())}

    def _descend(self, part: dict[str, Tensor], lengths: list[int]) -> dict[str, Tensor]:
        """One gradient step; this worker's part of the means over the minibatch."""
        config = self._config
        mean, features = self._policy(part['x'], lengths)
        log_std = self._policy.log_std
        log_ratio = clipped.log_prob(mean, log_std, part['action']) - part['log_prob']
        surrogate = policy_losses.clipped_policy_loss(log_ratio, part['advantage'], config.clip)
        measured = {
            'policy_loss': workers.mean(surrogate),
            'entropy': clipped.entropy(log_std) / workers.workers(),
            'divergence': workers.mean(policy_losses.divergence(log_ratio.detach())),
        }
        loss = measured['policy_loss'] - config.entropy_weight * measured['entropy']
        if 'target' in part:
            error = (self._predictor(features) - part['target']).square().mean(1)
            measured['prediction_loss'] = workers.mean(error)
            loss = loss + config.prediction_weight * measured['prediction_loss']
        self._optimizer.descend(loss)
        log_std.data.clamp_(clipped.LOG_STD_MIN, clipped.LOG_STD_MAX)
        return {name: value.detach() for name, value in measured.items()}

    @staticmethod
    def _acting_parts(policy: GaussianPolicy, seen: NormalizedInput) -> dict[str, state.Part]:
        return {'policy': policy, **{f'input_{n}': part for n, part in seen.parts.items()}}

    def _inputs(self, rollout: Rollout, seen: NormalizedInput) -> tuple[Tensor, list[int]]:
        x = torch.from_numpy(seen.batch(rollout.observation)).to(self._device)
        return x, rollout.lengths.tolist()
