# SPDX-License-Identifier: Apache-2.0
"""Soft actor-critic (Haarnoja et al. 2018, *Soft Actor-Critic Algorithms and Applications*).

Differs from the paper:
    * critics are an ensemble with layer norm, of which targets may take a random subset and the
      actor the mean (Ball et al. 2023, sections 4.2 to 4.4); two without it are the paper's;
    * the actor may wait for several updates of the critics (ibid., algorithm 1);
    * actor and critic may read different entries (Pinto et al. 2017, section IV-A);
    * the mean starts near zero, and the critics learn for a while before the actor moves, so
      that a residual does not spoil its base controller (Nair 2022, chapter 5);
    * the temperature has a floor, which keeps exploration alive late in training;
    * the temperature descends in its logarithm;
    * where the critics read pictures, the actor is rated on the features of their step.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from robot_rl.agents import hyperparameters, losses
from robot_rl.agents.fast import FastCritic
from robot_rl.agents.rows import Rows
from robot_rl.agents.sac_fast import Actor, FastSAC, Settings
from robot_rl.arrays import State
from robot_rl.models import gaussian, state, training
from robot_rl.models.acting import Acting
from robot_rl.models.asymmetric import ActorCriticInput
from robot_rl.models.encoder import EncoderConfig
from robot_rl.models.gaussian import GaussianActor
from robot_rl.models.sight import see
from robot_rl.ranges import Range
from robot_rl.replay.batch import Batch, check_batch
from robot_rl.types import DataSpec, Entries, FloatArray

_RANGES = {
    'target_critics': Range(1, 100),
    'actor_every': Range(1, 1000),
    'initial_temperature': Range(0, 1000, above=True),
    'min_temperature': Range(0, 1000),
    'initial_std': Range(0.01, 5),
    'mean_init_scale': Range(0, 1),
}
_PARTS = (
    *('actor', 'critic', 'target', 'log_temperature'),
    *('actor_optimizer', 'critic_optimizer', 'temperature_optimizer'),
    *('noise', 'act_rng', 'updates'),
)


@dataclass(frozen=True)
class SACConfig:
    """Hyperparameters.

    Attributes:
        actor_entries: observation entries that the actor reads; empty for the task's own.
        critic_entries: the same for the critics.
        hidden: widths of the hidden layers of all networks.
        critics: members of the ensemble.
        target_critics: members, drawn anew for each update, whose minimum is the target; all of
            them when absent.
        actor_critics: what of the ensemble the actor climbs, its `minimum` or its `mean`.
        actor_every: updates of the critics for each of actor and temperature.
        layer_norm: whether the critics normalise their hidden layers.
        learning_rate: of actor, critics and temperature.
        gamma: discount.
        tau: share that the target critics move each update.
        target_entropy: nats; None is minus the number of action axes.
        initial_temperature: alpha at the start.
        min_temperature: floor of alpha; 0 is none.
        initial_std: of the exploration before squashing.
        mean_init_scale: factor on the initial weights of the last actor layer.
        critic_burn_in: updates of the critics alone at the start.
        encoder: of the pictures among the entries; none when absent.
        device: where updates run; `auto` takes CUDA where there is one.
        fast: whether updates on the CPU go the way of `sac_fast`, which knows no pictures; off
            leaves all to autograd.
        compiled: whether that way is compiled at the first update, see `training.compiled`.
    """

    actor_entries: tuple[str, ...] = ()
    critic_entries: tuple[str, ...] = ()
    hidden: tuple[int, ...] = (256, 256)
    critics: int = 2
    target_critics: int | None = None
    actor_critics: Literal['minimum', 'mean'] = 'minimum'
    actor_every: int = 1
    layer_norm: bool = True
    learning_rate: float = 3e-4
    gamma: float = 0.98
    tau: float = 0.005
    target_entropy: float | None = None
    initial_temperature: float = 0.1
    min_temperature: float = 0.0
    initial_std: float = 0.5
    mean_init_scale: float = 0.01
    critic_burn_in: int = 0
    encoder: EncoderConfig | None = None
    device: Literal['auto', 'cpu', 'cuda'] = 'auto'
    fast: bool = True
    compiled: bool = False

    def __post_init__(self) -> None:
        """Refuses values outside their ranges."""
        hyperparameters.check(self, _RANGES)
        if self.target_critics and self.target_critics > self.critics:
            raise ValueError(
                f'target_critics: expected at most {self.critics}, got {self.target_critics}'
            )


class SAC:
    """Soft actor-critic with a temperature tuned to a target entropy."""

    Config = SACConfig

    def __init__(self, config: SACConfig, spec: DataSpec, seed: int) -> None:
        """Draws networks and noise from the seed."""
        self._config, self._spec = config, spec
        read = config.actor_entries, config.critic_entries
        self._input = ActorCriticInput(spec, *read, False, config.encoder)
        self.entries = self._input.names
        self._device = training.resolve_device(config.device)
        wanted = config.target_entropy
        self._target_entropy = -float(spec.action_size) if wanted is None else wanted
        self._updates = torch.zeros((), dtype=torch.int64)
        self._make_networks(seed)

    @property
    def updates(self) -> int:
        """Updates done so far."""
        return int(self._updates)

    def act(self, entries: Entries, explore: bool) -> FloatArray:
        """An action [A]: a sample where `explore`, else the squashed mean."""
        return self._acting.act(entries, explore)

    def reseed(self, seed: int) -> None:
        """Restarts the exploration noise of `act`."""
        self._acting.reseed(seed)

    def update(self, batch: Batch, measure: bool = True) -> dict[str, float]:
        """One step of critics, actor and temperature; metrics only where `measure`."""
        check_batch(batch, self._spec, self.entries)
        config = self._config
        rows = Rows.of(batch, self._input, config.gamma, self._device)
        members = training.choose_members(config.target_critics, config.critics, self._noise)
        if self._fast is None:
            measured = self._step(rows, members)
        else:
            measured = self._fast.update(rows, members, self._actor_due, measure)
        self._updates += 1
        self._acting.refresh()
        return {name: value.item() for name, value in measured.items()} if measure else {}

    def _step(self, rows: Rows, members: Tensor | None) -> dict[str, Tensor]:
        temperature = self._log_temperature.detach().exp()
        target = self._target_q(rows, members, temperature)
        state_ = see(self._critic, rows.state)
        q = self._critic.rate(state_, rows.action)
        critic_loss = losses.critic_loss(q, target)
        self._critic_optimizer.descend(critic_loss)
        measured = {'critic_loss': critic_loss, 'q': q.mean(), 'temperature': temperature}
        if self._actor_due:
            rows = rows.judged_by(state_, self._input.shared)
            measured |= self._improve(rows, temperature)
        training.polyak(self._target, self._critic, self._config.tau)
        return measured

    @property
    def _actor_due(self) -> bool:
        """Whether the update now going on is one of the actor as well."""
        config, done = self._config, self.updates
        return done >= config.critic_burn_in and (done + 1) % config.actor_every == 0

    @torch.no_grad()
    def _target_q(self, rows: Rows, members: Tensor | None, temperature: Tensor) -> Tensor:
        action, log_prob = self._actor.sample(rows.next_seen, self._noise)
        q = self._target.rate(rows.next_state, action, members)
        value = losses.soft_value(q, log_prob, temperature)
        return losses.td_target(rows.reward, rows.terminated, value, rows.discount)

    def _improve(self, rows: Rows, temperature: Tensor) -> dict[str, Tensor]:
        """One step of the actor, then of the temperature."""
        action, log_prob = self._actor.sample(rows.seen, self._noise)
        q = self._critic.rate(rows.state, action)
        if self._config.actor_critics == 'mean':
            q = q.mean(0, keepdim=True)
        actor_loss = losses.soft_actor_loss(q, log_prob, temperature)
        self._actor_optimizer.descend(actor_loss)
        wanted = self._target_entropy
        excess = losses.temperature_loss(self._log_temperature, log_prob.detach(), wanted)
        self._temperature_optimizer.descend(excess)
        if self._config.min_temperature > 0:
            self._log_temperature.data.clamp_(min=math.log(self._config.min_temperature))
        return {'actor_loss': actor_loss, 'entropy': -log_prob.mean()}

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
        start = (config.mean_init_scale, config.initial_std)
        actor, critic = self._input.networks(
            config, size, lambda n: GaussianActor((n, *config.hidden), size, start, draw), draw
        )
        rate, device = config.learning_rate, self._device
        self._actor = actor.to(device)
        self._actor_optimizer = training.Adam(training.trained(self._actor), rate)
        made = training.with_copy(critic, rate, device)
        self._critic, self._target, self._critic_optimizer = made
        log_temperature = torch.tensor(math.log(config.initial_temperature), device=device)
        self._log_temperature = log_temperature.requires_grad_()
        self._noise = torch.Generator(device).manual_seed(seed + 1)
        how = GaussianActor.to_numpy, gaussian.act
        self._acting = Acting(self._actor, self._input.actor, seed, *how)
        self._act_rng = self._acting.rng
        self._temperature_optimizer = training.Adam([self._log_temperature], rate)
        self._parts: dict[str, state.Part] = {name: getattr(self, f'_{name}') for name in _PARTS}
        self._parts |= self._input.parts
        fast = device.type == 'cpu' and not hyperparameters.left_to_autograd(config)
        self._fast = self._make_fast() if fast else None

    def _make_fast(self) -> FastSAC:
        config = self._config
        moved = self._actor_optimizer, self._log_temperature, self._temperature_optimizer
        actor = Actor(self._actor, *moved, self._noise)
        critic = FastCritic(self._critic, self._target, self._critic_optimizer)
        entropy, floor = self._target_entropy, config.min_temperature
        chosen = config.actor_critics, config.compiled
        return FastSAC(actor, critic, Settings(config.tau, entropy, floor, *chosen))
