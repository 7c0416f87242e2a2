# SPDX-License-Identifier: Apache-2.0
"""The part of an on-policy agent that acts, and that improves by clipped policy gradients.

Schulman et al. 2017, section 3. Shared by agents that differ in where reward comes from.
"""

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from robot_rl.agents import policy_losses
from robot_rl.agents.proximal_config import ProximalConfig
from robot_rl.arrays import State
from robot_rl.models import clipped, state, training, workers
from robot_rl.models.inputs import VectorInput
from robot_rl.models.mlp import MLP
from robot_rl.models.normalizer import NormalizedInput
from robot_rl.models.recurrent import GaussianPolicy, NumpyPolicy
from robot_rl.models.sight import Eye, Seen, Sighted, behind, see_all
from robot_rl.replay.rollout import Rollout, rows_of
from robot_rl.types import DataSpec, Entries, FloatArray


class ProximalPolicy:
    """A stochastic policy with its clipped update.

    Attributes:
        input: what it reads to act.
        entries: what it reads to act and to learn.
        parts: what `state.save` takes.
    """

    def __init__(
        self,
        config: ProximalConfig,
        spec: DataSpec,
        seed: int,
        device: torch.device,
        eye: Eye | None = None,
    ) -> None:
        """Draws networks and noise from the seed.

        Args:
            config: of the agent.
            spec: of the observations and the action.
            seed: of networks and noise.
            device: where updates run.
            eye: that another's loss trains; where absent, it has its own for pictures.
        """
        self._config, self._device = config, device
        names, normalize = config.actor_entries, config.normalize
        self.input = NormalizedInput(spec, names, 'actor_entries', normalize, config.encoder)
        predicted = config.predicted_entries
        self._target = VectorInput(spec, predicted, 'predicted_entries') if predicted else None
        self.entries = self.input.names + (self._target.names if self._target else ())
        draw = torch.Generator().manual_seed(seed)
        start = (config.mean_init_scale, config.initial_std)

        def make(width: int) -> GaussianPolicy:
            sizes = (width, *config.hidden)
            return GaussianPolicy(sizes, config.cells, spec.action_size, start, draw)

        policy = (
            Sighted(eye, make(eye.size), borrowed=True)
            if eye
            else self.input.behind_eye(make, draw)
        )
        self._policy = policy.to(device)
        self._own: GaussianPolicy = behind(self._policy)
        wanted = self._target.size if self._target else 0
        self._predictor = MLP((config.hidden[-1], wanted), draw).to(device)
        moved = training.trained(policy)
        moved += self._predictor.parameters() if wanted else ()
        rate, limit = config.learning_rate, config.max_gradient
        self._optimizer = workers.SharedAdam(moved, rate, limit)
        self._state = torch.zeros(2, config.cells)
        self._shared_state = self._state.numpy()
        self._act_rng, self._order = (np.random.default_rng([seed, i]) for i in (0, 1))
        self._acting: NumpyPolicy | None = None
        self.parts: dict[str, state.Part] = {
            **self._acting_parts(self._policy, self.input),
            'predictor': self._predictor,
            'policy_optimizer': self._optimizer,
            'memory': self._state,
            'act_rng': self._act_rng,
            'order': self._order,
        }

    def act(self, entries: Entries, explore: bool) -> FloatArray:
        """An action [A]: a sample where `explore`, else the mean; both clipped to [-1, 1]."""
        if self._acting is None:
            self._acting = self._own.to_numpy()
        x = self.input.seen_by(self._policy, entries)
        action = self._acting.mean(x, self._shared_state)
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
        return state.save(self._acting_parts(self._policy, self.input))

    def load_policy_state(self, arrays: State) -> None:
        """Acts with these weights; the memory stays, as an episode may be going on."""
        state.load(self._acting_parts(self._policy, self.input), arrays, 'weights')
        self.refresh()

    @torch.no_grad()
    def log_prob(self, rollout: Rollout, policy: State) -> NDArray[np.float32]:
        """Log likelihood [B] of a rollout's actions under a policy saved by `policy_state`."""
        acted, seen = copy.deepcopy((self._policy, self.input))
        state.load(self._acting_parts(acted, seen), policy, 'policy that acted')
        mean, _ = acted(see_all(acted, self._read(rollout, seen)), rollout.lengths.tolist())
        action = torch.from_numpy(rollout.action).to(self._device)
        return clipped.log_prob(mean, behind(acted).log_std, action).cpu().numpy()

    def improve(self, rollout: Rollout, advantage: Tensor) -> dict[str, float]:
        """Several passes over a rollout, until the policy has moved far enough.

        Args:
            rollout: what policies close to the present one did.
            advantage: of its actions, shape [B].
        """
        x = self._read(rollout, self.input)
        if isinstance(self._policy, Sighted) and self._policy.borrowed:
            x = see_all(self._policy, x)  # which no step here changes
        center, spread = workers.mean_and_std(advantage)
        fixed: dict[str, Any] = {
            'x': x,
            'action': torch.from_numpy(rollout.action).to(self._device),
            'log_prob': torch.from_numpy(rollout.log_prob).to(self._device),
            'advantage': (advantage - center) / (spread + 1e-6),
        }
        if self._target is not None:
            target = self._target.batch(rollout.observation)
            fixed['target'] = torch.from_numpy(target).to(self._device)
        units = rollout.lengths if self._config.cells else np.ones(len(x), np.int64)
        measured: dict[str, float] = {}
        for passes in range(self._config.epochs):
            epoch: list[dict[str, Tensor]] = []
            for drawn in workers.minibatches(units, self._config.minibatch, self._order):
                rows = torch.from_numpy(rows_of(units, drawn)).to(self._device)
                part = {name: known[rows] for name, known in fixed.items()}
                epoch.append(self._descend(part, units[drawn].tolist()))
            measured = workers.average(epoch) | {'passes': float(passes + 1)}
            if measured['divergence'] > self._config.max_divergence:
                break
        self.input.observe(rollout.observation)  # from now on, or the ratio would not start at 1
        self.refresh()
        return measured | {'std': float(self._own.log_std.detach().exp().mean())}

    def _descend(self, part: dict[str, Any], lengths: list[int]) -> dict[str, Tensor]:
        """One gradient step; this worker's part of the means over the minibatch."""
        config = self._config
        mean, features = self._policy(part['x'], lengths)
        log_std = self._own.log_std
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
    def _acting_parts(policy: nn.Module, seen: NormalizedInput) -> dict[str, state.Part]:
        return {'policy': policy, **{f'input_{n}': part for n, part in seen.parts.items()}}

    def _read(self, rollout: Rollout, seen: NormalizedInput) -> Tensor | Seen:
        """The input for a rollout, its pictures as bytes."""
        return seen.tensors(rollout.observation, self._device, floats=False)
