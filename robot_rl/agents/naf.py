# SPDX-License-Identifier: Apache-2.0
"""Normalized advantage functions (Gu et al. 2016, sections III and IV) and their linear form.

Q(x, u) = V(x) - 1/2 (u - mu(x))^T P(x) (u - mu(x)), P = L L^T, has its maximum at mu(x): one loss
trains critic and policy. In the graph it is the paper's asynchronous learner: collectors take up
the policy at the start of an episode, or at any step, and the learner's ratio of updates to
steps stands for the two speeds.

Differs from the paper:
    * layer norm in all networks, which the paper has in its asynchronous experiments; those
      with one update a step had batch norm;
    * the diagonal of L is positive by softplus;
    * in the linear form P is L L^T as well, and enters with the minus sign that its printed
      equation lacks;
    * one encoder serves all networks where pictures are read, and the one loss trains it;
    * the paper names neither the noise nor the target's share: noise and its values are those of
      DDPG (Lillicrap et al. 2016); the noise restarts with each episode and the action is
      clipped to its range.
"""

import copy
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from robot_rl.agents import hyperparameters, losses
from robot_rl.agents.noise import OrnsteinUhlenbeck
from robot_rl.agents.rows import Rows
from robot_rl.arrays import State
from robot_rl.models import quadratic, state, training
from robot_rl.models.acting import Acting
from robot_rl.models.asymmetric import ActorCriticInput
from robot_rl.models.encoder import EncoderConfig
from robot_rl.models.mlp import FloatLayers
from robot_rl.models.quadratic import LayerNormMLP
from robot_rl.models.sight import Sighted, see
from robot_rl.ranges import Range
from robot_rl.replay.batch import Batch, check_batch
from robot_rl.types import DataSpec, Entries, FloatArray

_RANGES = {
    'noise_theta': Range(0, 1),
    'noise_sigma': Range(0, 2),
}
_PARTS = ('policy', 'value', 'factor', 'target', 'optimizer', 'noise_value', 'act_rng', 'updates')
#: Of the gradient: far over that of any batch but one with a wild row, whose square is no number.
_MAX_NORM = 1e4


@dataclass(frozen=True)
class NAFConfig:
    """Hyperparameters.

    Attributes:
        entries: observation entries that are read; empty for the task's own.
        form: `network` is NAF; `linear` is Linear-NAF: mu = tanh(k + K x), P the same in all
            states, V = x^T B x + x^T b + c.
        hidden: widths of the hidden layers of mu, L and V, a network each.
        learning_rate: of all of them.
        gamma: discount.
        tau: share that the target value moves each update.
        noise_theta: how much of the exploration noise is forgotten each action.
        noise_sigma: how much is added, in units of the action.
        encoder: of the pictures among the entries, one for mu, L and V; none when absent.
        device: where updates run; `auto` takes CUDA where there is one.
    """

    entries: tuple[str, ...] = ()
    form: Literal['network', 'linear'] = 'network'
    hidden: tuple[int, ...] = (100, 100)
    learning_rate: float = 1e-3
    gamma: float = 0.98
    tau: float = 0.005
    noise_theta: float = 0.15
    noise_sigma: float = 0.2
    encoder: EncoderConfig | None = None
    device: Literal['auto', 'cpu', 'cuda'] = 'auto'

    def __post_init__(self) -> None:
        """Refuses values outside their ranges."""
        hyperparameters.check(self, _RANGES)


class NAF:
    """Q-learning with a Q-function that is quadratic in the action."""

    Config = NAFConfig

    def __init__(self, config: NAFConfig, spec: DataSpec, seed: int) -> None:
        """Draws networks and noise from the seed."""
        self._config, self._spec = config, spec
        read, keys = (config.entries, config.entries), ('entries', 'entries')
        self._input = ActorCriticInput(spec, *read, False, config.encoder, keys)
        self.entries = self._input.names
        self._device = training.resolve_device(config.device)
        self._updates = torch.zeros((), dtype=torch.int64)
        size = spec.action_size
        self._noise = OrnsteinUhlenbeck(size, config.noise_theta, config.noise_sigma)
        self._noise_value = self._noise.value
        self._make_networks(seed)

    @property
    def updates(self) -> int:
        """Updates done so far."""
        return int(self._updates)

    def act(self, entries: Entries, explore: bool) -> FloatArray:
        """An action [A]: mu, with correlated noise where `explore`."""
        return self._acting.act(entries, explore)

    def _play(
        self, layers: FloatLayers, x: NDArray[np.float32], rng: np.random.Generator | None
    ) -> FloatArray:
        action = np.tanh(quadratic.forward_numpy(layers, x).astype(np.float64))
        if rng is not None:
            action += self._noise.step(rng)
        return np.clip(action, -1, 1)

    def reseed(self, seed: int) -> None:
        """Starts the exploration noise of an episode."""
        self._acting.reseed(seed)
        self._noise.reset()

    def update(self, batch: Batch, measure: bool = True) -> dict[str, float]:
        """One step down the squared Bellman error; metrics only where `measure`."""
        check_batch(batch, self._spec, self.entries)
        rows = Rows.of(batch, self._input, self._config.gamma, self._device)
        x = see(self._policy, rows.seen)
        mean, value = torch.tanh(self._policy(x)), self._value(x)[:, 0]
        factor = quadratic.lower_triangular(self._factor(x), self._spec.action_size)
        advantage = losses.quadratic_advantage(rows.action, mean, factor)
        loss = losses.critic_loss((value + advantage)[None], self._target_q(rows))
        self._optimizer.descend(loss)
        training.polyak(self._target, self._value, self._config.tau)
        self._updates += 1
        self._acting.refresh()
        measured = {'loss': loss, 'value': value.mean(), 'advantage': advantage.mean()}
        return {name: value.item() for name, value in measured.items()} if measure else {}

    @torch.no_grad()
    def _target_q(self, rows: Rows) -> Tensor:
        """r + gamma V'(x') of algorithm 1; the best action's advantage is zero."""
        value = self._target(rows.next_state)[:, 0]
        return losses.td_target(rows.reward, rows.terminated, value, rows.discount)

    def policy_state(self) -> State:
        """The policy's weights and how its input is scaled."""
        return self._acting.state()

    def load_policy_state(self, arrays: State) -> None:
        """Acts with these weights."""
        self._acting.load(arrays)

    def state_dict(self) -> State:
        """Networks, moments, noise, random state and the number of updates."""
        return state.save(self._parts)

    def load_state_dict(self, arrays: State) -> None:
        """Goes on where `state_dict` was taken."""
        state.load(self._parts, arrays, 'agent state')
        self._acting.refresh()

    def _make_networks(self, seed: int) -> None:
        draw = torch.Generator().manual_seed(seed)
        seen, size = self._input.actor, self._spec.action_size
        eye = seen.make_eye(draw) if seen.views else None
        width = eye.size if eye else seen.size
        policy, value, factor = _networks(self._config, width, size, draw)
        if eye:
            policy, value = Sighted(eye, policy), Sighted(eye, value, borrowed=True)
        self._policy, self._value = policy.to(self._device), value.to(self._device)
        self._factor = factor.to(self._device)
        self._target = copy.deepcopy(self._value).requires_grad_(False)
        learned = (self._policy, self._value, self._factor)
        moved = [p for network in learned for p in training.trained(network)]
        self._optimizer = training.Adam(moved, self._config.learning_rate, _MAX_NORM)
        self._acting = Acting(self._policy, seen, seed, LayerNormMLP.to_numpy, self._play)
        self._act_rng = self._acting.rng
        self._parts: dict[str, state.Part] = {name: getattr(self, f'_{name}') for name in _PARTS}
        self._parts |= self._input.parts


def _networks(
    config: NAFConfig, inputs: int, size: int, draw: torch.Generator
) -> tuple[nn.Module, nn.Module, nn.Module]:
    """mu before its tanh, V, and the entries of L."""
    outputs = (size, 1, quadratic.triangle_size(size))
    if config.form == 'linear':
        linear = LayerNormMLP((inputs, size), draw)
        return linear, quadratic.QuadraticForm(inputs), quadratic.Constant(outputs[2])
    policy, value, factor = (LayerNormMLP((inputs, *config.hidden, o), draw) for o in outputs)
    return policy, value, factor
