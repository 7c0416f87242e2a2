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
    * actor and critics may read different entries (Pinto et al. 2017, section IV-A), pictures
      among them.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from robot_rl.agents import hyperparameters, losses
from robot_rl.agents.rows import Rows
from robot_rl.arrays import State
from robot_rl.models import state, tanh_mean, training
from robot_rl.models.acting import Acting
from robot_rl.models.asymmetric import ActorCriticInput
from robot_rl.models.encoder import EncoderConfig
from robot_rl.models.sight import Seen, see
from robot_rl.models.tanh_mean import TanhMeanActor
from robot_rl.ranges import Range
from robot_rl.replay.batch import Batch, check_batch
from robot_rl.types import DataSpec, Entries, FloatArray

_RANGES = {
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
    temperature: float = 0.3
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


class AWAC:
    """Off-policy twin critics and advantage-weighted cloning."""

    Config = AWACConfig

    def __init__(self, config: AWACConfig, spec: DataSpec, seed: int) -> None:
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
        """One step of critics and actor; metrics only where `measure`."""
        check_batch(batch, self._spec, self.entries)
        rows = Rows.of(batch, self._input, self._config.gamma, self._device)
        state_ = see(self._critic, rows.state)
        q = self._critic.rate(state_, rows.action)
        seen = see(self._actor, rows.judged_by(state_, self._input.shared).seen)
        advantage = q.detach().amin(0) - self._value(self._critic, state_, seen)
        critic_loss = losses.critic_loss(q, self._target_q(rows))
        self._critic_optimizer.descend(critic_loss)
        limit = self._config.weight_limit
        weight = losses.advantage_weight(advantage, 1 / self._config.temperature, limit)
        log_prob = self._actor.log_prob(seen, rows.action)
        actor_loss = losses.weighted_cloning_loss(log_prob, weight)
        self._actor_optimizer.descend(actor_loss)
        training.polyak(self._target, self._critic, self._config.tau)
        self._updates += 1
        self._acting.refresh()
        measured = {'critic_loss': critic_loss, 'q': q.mean(), 'actor_loss': actor_loss}
        measured |= {'advantage': advantage.mean(), 'weight': weight.mean()}
        return {name: value.item() for name, value in measured.items()} if measure else {}

    @torch.no_grad()
    def _value(self, critic: Any, state_: Tensor | Seen, seen: Tensor | Seen) -> Tensor:
        """V(s) [B], estimated by one action of the policy."""
        q: Tensor = critic.rate(state_, self._actor.sample(seen, self._noise))
        return q.amin(0)

    @torch.no_grad()
    def _target_q(self, rows: Rows) -> Tensor:
        """The right-hand side of eq. 34."""
        value = self._value(self._target, rows.next_state, rows.next_seen)
        return losses.td_target(rows.reward, rows.terminated, value, rows.discount)

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
        self._actor = actor.to(self._device)
        self._actor_optimizer = training.Adam(training.trained(self._actor), rate)
        made = training.with_copy(critic, rate, self._device)
        self._critic, self._target, self._critic_optimizer = made
        self._noise = torch.Generator(self._device).manual_seed(seed + 1)
        how = TanhMeanActor.for_acting, tanh_mean.act
        self._acting = Acting(self._actor, self._input.actor, seed, *how)
        self._act_rng = self._acting.rng
        self._parts: dict[str, state.Part] = {name: getattr(self, f'_{name}') for name in _PARTS}
        self._parts |= self._input.parts
