# SPDX-License-Identifier: Apache-2.0
"""Implicit Q-learning (Nair 2022, chapter 8): offline, then online, with the same update.

No value of an action that is not in the data is ever asked for.

Differs from the text:
    * values and policy learn in the same update, which section 8.3.3 allows, and the policy's
      weights come from the value before that update;
    * the weights of eq. 49 are clipped, so that one transition cannot fill a batch;
    * critics and value may normalise their layers (Ball et al. 2023, section 4.2); off is the
      text's form;
    * the policy is Gaussian with a tanh on its mean and one standard deviation in all states,
      not squashed: stored actions on the bounds have a density. It has a floor, which keeps
      exploration alive online. An action is clipped to its range;
    * actor and critics may read different entries (Pinto et al. 2017, section IV-A);
    * where the critics read pictures, the value reads the features of their slow copy.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from robot_rl.agents import hyperparameters, losses
from robot_rl.agents.rows import Rows
from robot_rl.arrays import State
from robot_rl.models import state, tanh_mean, training
from robot_rl.models.acting import Acting
from robot_rl.models.asymmetric import ActorCriticInput
from robot_rl.models.encoder import EncoderConfig
from robot_rl.models.mlp import EnsembleMLP
from robot_rl.models.sight import see
from robot_rl.models.tanh_mean import TanhMeanActor
from robot_rl.ranges import Range
from robot_rl.replay.batch import Batch, check_batch
from robot_rl.types import DataSpec, Entries, FloatArray

_RANGES = {
    'expectile': Range(0.5, 0.999),
    'inverse_temperature': Range(0, 1e6),
    'weight_limit': Range(1, 1e6),
    'min_std': Range(1e-3, 0.5),
    'initial_std': Range(1e-3, 0.99),
}
_PARTS = (
    *('actor', 'critic', 'target', 'value', 'actor_optimizer'),
    *('critic_optimizer', 'value_optimizer', 'act_rng', 'updates'),
)


@dataclass(frozen=True)
class IQLConfig:
    """Hyperparameters.

    Attributes:
        actor_entries: observation entries that the actor reads; empty for the task's own.
        critic_entries: the same for critics and value.
        hidden: widths of the hidden layers of all networks.
        critics: members of the ensemble; the minimum of their targets is the value.
        layer_norm: whether critics and value normalise their hidden layers.
        learning_rate: of actor, critics and value.
        gamma: discount.
        tau: share that the target critics move each update.
        expectile: 0.5 gives the mean over the data's actions, towards 1 their best.
        inverse_temperature: beta; 0 clones every action alike.
        weight_limit: largest weight of a transition in the actor's loss.
        min_std: floor of the policy's standard deviation, in units of the action.
        initial_std: the same at the start.
        encoder: of the pictures among the entries; none when absent.
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
    expectile: float = 0.7
    inverse_temperature: float = 3.0
    weight_limit: float = 100.0
    min_std: float = 0.05
    initial_std: float = 0.3
    encoder: EncoderConfig | None = None
    device: Literal['auto', 'cpu', 'cuda'] = 'auto'

    def __post_init__(self) -> None:
        """Refuses values outside their ranges."""
        hyperparameters.check(self, _RANGES)
        if not self.initial_std > self.min_std:
            raise ValueError(f'initial_std: expected more than min_std, {self.min_std}')


class IQL:
    """Expectile value, twin critics that bootstrap from it, advantage-weighted cloning."""

    Config = IQLConfig

    def __init__(self, config: IQLConfig, spec: DataSpec, seed: int) -> None:
        """Draws networks and noise from the seed."""
        self._config, self._spec = config, spec
        read = config.actor_entries, config.critic_entries
        self._input = ActorCriticInput(spec, *read, False, config.encoder)
        self.entries = self._input.names
        self._device = training.resolve_device(config.device)
        self._updates = torch.zeros((), dtype=torch.int64)
        self._make_networks(seed)

    @property
    def updates(self) -> int:
        """Updates done so far."""
        return int(self._updates)

    def act(self, entries: Entries, explore: bool) -> FloatArray:
        """An action [A]: a sample where `explore`, else the mean."""
        return self._acting.act(entries, explore)

    def reseed(self, seed: int) -> None:
        """Restarts the exploration noise of `act`."""
        self._acting.reseed(seed)

    def update(self, batch: Batch, measure: bool = True) -> dict[str, float]:
        """One step of value, critics and actor; metrics only where `measure`."""
        check_batch(batch, self._spec, self.entries)
        rows = Rows.of(batch, self._input, self._config.gamma, self._device)
        with torch.no_grad():
            slow = see(self._target, rows.state)
            q = self._target.rate(slow, rows.action).amin(0)
        advantage, value_loss = self._fit_value(slow, q)
        state_ = see(self._critic, rows.state)
        critic_loss = self._fit_critics(state_, rows)
        weight = losses.advantage_weight(
            advantage, self._config.inverse_temperature, self._config.weight_limit
        )
        rows = rows.judged_by(state_, self._input.shared)
        actor_loss = losses.weighted_cloning_loss(
            self._actor.log_prob(rows.seen, rows.action), weight
        )
        self._actor_optimizer.descend(actor_loss)
        training.polyak(self._target, self._critic, self._config.tau)
        self._updates += 1
        self._acting.refresh()
        measured = {'value_loss': value_loss, 'critic_loss': critic_loss, 'q': q.mean()}
        measured |= {'actor_loss': actor_loss, 'weight': weight.mean()}
        return {name: value.item() for name, value in measured.items()} if measure else {}

    def _fit_value(self, state_: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
        """One step of eq. 47; the advantage before it, and the loss."""
        advantage = q - self._value(state_)[0]
        loss = losses.expectile_loss(advantage, self._config.expectile)
        self._value_optimizer.descend(loss)
        return advantage.detach(), loss

    def _fit_critics(self, state_: Tensor, rows: Rows) -> Tensor:
        """One step of eq. 48; the loss."""
        with torch.no_grad():
            next_value = self._value(see(self._target, rows.next_state))[0]
        target = losses.td_target(rows.reward, rows.terminated, next_value, rows.discount)
        loss = losses.critic_loss(self._critic.rate(state_, rows.action), target)
        self._critic_optimizer.descend(loss)
        return loss

    def policy_state(self) -> State:
        """The policy's weights and how its input is scaled."""
        return self._acting.state()

    def load_policy_state(self, arrays: State) -> None:
        """Acts with these weights."""
        self._acting.load(arrays)

    def state_dict(self) -> State:
        """Networks, moments, random states and the number of updates."""
        return state.save(self._parts)

    def load_state_dict(self, arrays: State) -> None:
        """Goes on where `state_dict` was taken."""
        state.load(self._parts, arrays, 'agent state')
        self._acting.refresh()

    def _make_networks(self, seed: int) -> None:
        config, size = self._config, self._spec.action_size
        draw = torch.Generator().manual_seed(seed)
        start, rate = (config.min_std, config.initial_std), config.learning_rate
        actor, critic = self._input.networks(
            config, size, lambda n: TanhMeanActor((n, *config.hidden), size, start, draw), draw
        )
        sizes = (self._input.critic.width(critic), *config.hidden)
        value = EnsembleMLP(sizes, 1, config.layer_norm, draw)
        self._actor, self._value = actor.to(self._device), value.to(self._device)
        self._actor_optimizer = training.Adam(training.trained(self._actor), rate)
        self._value_optimizer = training.Adam(self._value.parameters(), rate)
        made = training.with_copy(critic, rate, self._device)
        self._critic, self._target, self._critic_optimizer = made
        how = TanhMeanActor.for_acting, tanh_mean.act
        self._acting = Acting(self._actor, self._input.actor, seed, *how)
        self._act_rng = self._acting.rng
        self._parts: dict[str, state.Part] = {name: getattr(self, f'_{name}') for name in _PARTS}
        self._parts |= self._input.parts
