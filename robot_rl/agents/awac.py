# SPDX-License-Identifier: Apache-2.0
"""Advantage-weighted actor-critic (Nair 2022, chapter 7): offline, then online, one update.

Critics follow the policy, the policy clones the data weighted by the critics' advantages.

Differs from the text:
    * two critics, of which the smaller counts; eq. 33 and 34 have one;
    * the value of a state is the critics' value of one action drawn from the policy; its error
      scales the weights of one state alike;
    * the weights of eq. 42 are clipped, so that one transition cannot fill a batch;
    * the policy's weights come from the critics before their step of the same update;
    * the critics may normalise their layers (Ball et al. 2023, section 4.2); off is the text's
      form;
    * the policy is Gaussian with a tanh on its mean and one standard deviation in all states,
      not squashed: stored actions on the bounds have a density. It has a floor, which keeps
      exploration alive online. An action is clipped to its range;
    * actor and critics may read different entries (Pinto et al. 2017, section IV-A).
"""

import copy
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robot_rl import ranges
from robot_rl.agents import losses
from robot_rl.arrays import State
from robot_rl.models import state, tanh_mean, training
from robot_rl.models.inputs import VectorInput
from robot_rl.models.mlp import EnsembleMLP, FloatLayers
from robot_rl.ranges import Range
from robot_rl.replay.batch import Batch, check_batch
from robot_rl.types import DataSpec, Entries, FloatArray

_RANGES = {
    'hidden': Range(1, 8192),
    'critics': Range(1, 100),
    'learning_rate': Range(0, 1, above=True),
    'gamma': Range(0, 0.99999),
    'tau': Range(0, 1, above=True),
    'temperature': Range(0, 1e6, above=True),
    'weight_limit': Range(1, 1e6),
    'min_std': Range(1e-3, 0.5),
    'initial_std': Range(1e-3, 0.99),
}
_PARTS = (
    *('actor', 'critic', 'target', 'actor_optimizer', 'critic_optimizer'),
    *('noise', 'act_rng', 'updates'),
)


@dataclass(frozen=True)
class AWACConfig:
    """Hyperparameters.

    Attributes:
        actor_entries: observation entries that the actor reads; empty for the task's own.
        critic_entries: the same for the critics.
        hidden: widths of the hidden layers of all networks.
        critics: members of the ensemble; their minimum is the value.
        layer_norm: whether the critics normalise their hidden layers.
        learning_rate: of actor and critics.
        gamma: discount.
        tau: share that the target critics move each update.
        temperature: lambda, in units of the return; the larger, the nearer to plain cloning.
        weight_limit: largest weight of a transition in the actor's loss.
        min_std: floor of the policy's standard deviation, in units of the action.
        initial_std: the same at the start.
        device: where updates run; `auto` takes CUDA where there is one.
    """

    actor_entries: tuple[str, ...] = ()
    critic_entries: tuple[str, ...] = ()
    hidden: tuple[int, ...] = (256, 256)
    critics: int = 2
    layer_norm: bool = True
    learning_rate: float = 3e-4
    gamma: float = 0.99
    tau: float = 0.005
    temperature: float = 0.3
    weight_limit: float = 100.0
    min_std: float = 0.05
    initial_std: float = 0.3
    device: Literal['auto', 'cpu', 'cuda'] = 'auto'

    def __post_init__(self) -> None:
        """Refuses values outside their ranges."""
        if not self.hidden:
            raise ValueError('hidden: expected at least one layer')
        ranges.check(self, _RANGES)
        if not self.initial_std > self.min_std:
            raise ValueError(f'initial_std: expected more than min_std, {self.min_std}')


class AWAC:
    """Off-policy twin critics and advantage-weighted cloning."""

    Config = AWACConfig

    def __init__(self, config: AWACConfig, spec: DataSpec, seed: int) -> None:
        """Draws networks and noise from the seed."""
        self._config, self._spec = config, spec
        self._actor_input = VectorInput(spec, config.actor_entries, 'actor_entries')
        self._critic_input = VectorInput(spec, config.critic_entries, 'critic_entries')
        self.entries = tuple(dict.fromkeys(self._actor_input.names + self._critic_input.names))
        self._device = training.resolve_device(config.device)
        self._updates = torch.zeros((), dtype=torch.int64)
        self._acting: tuple[FloatLayers, FloatArray] | None = None
        self._make_networks(seed)

    @property
    def updates(self) -> int:
        """Updates done so far."""
        return int(self._updates)

    def act(self, entries: Entries, explore: bool) -> FloatArray:
        """An action [A]: a sample where `explore`, else the mean."""
        if self._acting is None:
            self._acting = self._actor.for_acting()
        rng = self._act_rng if explore else None
        return tanh_mean.act(self._acting, self._actor_input.single(entries), rng)

    def reseed(self, seed: int) -> None:
        """Restarts the exploration noise of `act`."""
        self._act_rng.bit_generator.state = np.random.default_rng(seed).bit_generator.state

    def update(self, batch: Batch, measure: bool = True) -> dict[str, float]:
        """One step of critics and actor; metrics only where `measure`."""
        check_batch(batch, self._spec, self.entries)
        state = self._tensor(self._critic_input.batch(batch.observation))
        seen = self._tensor(self._actor_input.batch(batch.observation))
        action = self._tensor(batch.action)
        q = self._critic(torch.cat([state, action], 1))
        advantage = q.detach().amin(0) - self._value(self._critic, state, seen)
        critic_loss = losses.critic_loss(q, self._target_q(batch))
        self._critic_optimizer.descend(critic_loss)
        limit = self._config.weight_limit
        weight = losses.advantage_weight(advantage, 1 / self._config.temperature, limit)
        actor_loss = losses.weighted_cloning_loss(self._actor.log_prob(seen, action), weight)
        self._actor_optimizer.descend(actor_loss)
        training.polyak(self._target, self._critic, self._config.tau)
        self._updates += 1
        self._acting = None
        measured = {'critic_loss': critic_loss, 'q': q.mean(), 'actor_loss': actor_loss}
        measured |= {'advantage': advantage.mean(), 'weight': weight.mean()}
        return {name: value.item() for name, value in measured.items()} if measure else {}

    @torch.no_grad()
    def _value(self, critic: EnsembleMLP, state: Tensor, seen: Tensor) -> Tensor:
        """V(s) [B], estimated by one action of the policy."""
        action = self._actor.sample(seen, self._noise)
        q: Tensor = critic(torch.cat([state, action], 1))
        return q.amin(0)

    @torch.no_grad()
    def _target_q(self, batch: Batch) -> Tensor:
        """The right-hand side of eq. 34."""
        state = self._tensor(self._critic_input.batch(batch.next_observation))
        seen = self._tensor(self._actor_input.batch(batch.next_observation))
        value = self._value(self._target, state, seen)
        reward, terminated = self._tensor(batch.reward), self._tensor(batch.terminated)
        discount = self._config.gamma ** self._tensor(batch.steps)
        return losses.td_target(reward, terminated.float(), value, discount)

    def _tensor(self, array: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(array).to(self._device)

    def policy_state(self) -> State:
        """The actor's weights."""
        return state.save({'actor': self._actor})

    def load_policy_state(self, arrays: State) -> None:
        """Acts with these weights."""
        state.load({'actor': self._actor}, arrays, 'weights')
        self._acting = None

    def state_dict(self) -> State:
        """Networks, moments, random states and the number of updates."""
        return state.save(self._parts)

    def load_state_dict(self, arrays: State) -> None:
        """Goes on where `state_dict` was taken."""
        state.load(self._parts, arrays, 'agent state')
        self._acting = None

    def _make_networks(self, seed: int) -> None:
        config, size = self._config, self._spec.action_size
        draw = torch.Generator().manual_seed(seed)
        sizes, start = (
            (self._actor_input.size, *config.hidden),
            (config.min_std, config.initial_std),
        )
        actor = tanh_mean.TanhMeanActor(sizes, size, start, draw)
        sizes = (self._critic_input.size + size, *config.hidden)
        critic = EnsembleMLP(sizes, config.critics, config.layer_norm, draw)
        self._actor, self._critic = actor.to(self._device), critic.to(self._device)
        self._target = copy.deepcopy(self._critic).requires_grad_(False)
        self._noise = torch.Generator(self._device).manual_seed(seed + 1)
        self._act_rng = np.random.default_rng(seed)
        rate = config.learning_rate
        self._actor_optimizer = training.Adam(self._actor.parameters(), rate)
        self._critic_optimizer = training.Adam(self._critic.parameters(), rate)
        self._parts: dict[str, state.Part] = {name: getattr(self, f'_{name}') for name in _PARTS}
