# SPDX-License-Identifier: Apache-2.0
"""Twin delayed deterministic policy gradient, TD3 (Fujimoto et al. 2018).

The algorithm behind residual learning in Nair 2022, chapters 5 and 6, and with demonstrations
that chapter's RL + LfD (section 6.4.4).

Differs from the paper:
    * actor and critics may read different entries (Pinto et al. 2017, section IV-A);
    * the actor may start near zero, and the critics learn for a while before it moves, so that a
      residual does not spoil its base controller (Nair 2022, chapter 5);
    * every update moves the target critics, as most implementations do; the paper waits for the
      actor. The target actor moves with the actor;
    * critics may normalise their hidden layers, inputs may be normalised, and there may be
      more than two critics;
    * a share of the actions may be uniformly random;
    * where the critics read pictures, the actor is rated on the features of their step.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from robot_rl.agents import hyperparameters, losses
from robot_rl.agents.cloning import Cloning
from robot_rl.agents.dpg_fast import FastDPG, Settings
from robot_rl.agents.rows import Rows
from robot_rl.arrays import State
from robot_rl.models import state, training
from robot_rl.models.acting import Acting
from robot_rl.models.asymmetric import ActorCriticInput
from robot_rl.models.deterministic import DeterministicActor, Exploration
from robot_rl.models.encoder import EncoderConfig
from robot_rl.models.sight import see
from robot_rl.ranges import Range
from robot_rl.replay.batch import Batch, check_batch
from robot_rl.types import DataSpec, Entries, FloatArray

_RANGES = {
    'critics': Range(2, 100),
    'actor_every': Range(1, 1000),
    'smoothing': Range(0, 2),
    'smoothing_limit': Range(0, 2),
}
_PARTS = (
    *('actor', 'critic', 'target_actor', 'target_critic', 'actor_optimizer', 'critic_optimizer'),
    *('noise', 'act_rng', 'updates'),
)
_FIRST = slice(0, 1)


@dataclass(frozen=True)
class TD3Config:
    """Hyperparameters; delay, smoothing, noise and tau as in the paper.

    Attributes:
        actor_entries: observation entries that the actor reads; empty for the task's own.
        critic_entries: the same for the critics.
        hidden: widths of the hidden layers of all networks.
        critics: members of the ensemble; their minimum is the target, the first moves the actor.
        layer_norm: whether the critics normalise their hidden layers.
        normalize: whether inputs are scaled by running statistics.
        learning_rate: of actor and critics.
        gamma: discount.
        tau: share that the target networks move.
        actor_every: updates of the critics for each of the actor.
        smoothing: standard deviation of the noise on target actions.
        smoothing_limit: largest such noise.
        exploration: noise of `act`.
        init_scale: factor on the initial weights of the last actor layer; near zero for a
            residual.
        critic_burn_in: updates of the critics alone at the start.
        preactivation_penalty: weight of the mean squared action before its tanh, which keeps the
            actor from the ends of its range, where it no longer learns (Pinto et al. 2017, V-H).
        cloning: weights of critic and demonstrations in the actor's loss.
        encoder: of the pictures among the entries; none when absent.
        device: where updates run; `auto` takes CUDA where there is one.
        fast: whether updates on the CPU go the way of `dpg_fast`, which knows no pictures; off
            leaves all to autograd.
        compiled: whether that way is compiled at the first update, see `training.compiled`.
    """

    actor_entries: tuple[str, ...] = ()
    critic_entries: tuple[str, ...] = ()
    hidden: tuple[int, ...] = (256, 256)
    critics: int = 2
    layer_norm: bool = False
    normalize: bool = False
    learning_rate: float = 1e-3
    gamma: float = 0.98
    tau: float = 0.005
    actor_every: int = 2
    smoothing: float = 0.2
    smoothing_limit: float = 0.5
    exploration: Exploration = field(default_factory=lambda: Exploration(random_share=0.0))
    init_scale: float = 1.0
    critic_burn_in: int = 0
    preactivation_penalty: float = 0.0
    cloning: Cloning = field(default_factory=Cloning)
    encoder: EncoderConfig | None = None
    device: Literal['auto', 'cpu', 'cuda'] = 'auto'
    fast: bool = True
    compiled: bool = False

    def __post_init__(self) -> None:
        """Refuses values outside their ranges."""
        hyperparameters.check(self, _RANGES)


class TD3:
    """Deterministic actor, twin critics, and a slow copy of each for the targets."""

    Config = TD3Config

    def __init__(self, config: TD3Config, spec: DataSpec, seed: int) -> None:
        """Draws networks and noise from the seed."""
        self._config, self._spec = config, spec
        read = config.actor_entries, config.critic_entries
        self._input = ActorCriticInput(spec, *read, config.normalize, config.encoder)
        self.entries = self._input.names
        self._device = training.resolve_device(config.device)
        self._updates = torch.zeros((), dtype=torch.int64)
        self._make_networks(seed)

    @property
    def updates(self) -> int:
        """Updates done so far."""
        return int(self._updates)

    def act(self, entries: Entries, explore: bool) -> FloatArray:
        """An action [A]: the policy's own, with noise where `explore`."""
        return self._acting.act(entries, explore)

    def reseed(self, seed: int) -> None:
        """Restarts the exploration noise of `act`."""
        self._acting.reseed(seed)

    def update(self, batch: Batch, measure: bool = True) -> dict[str, float]:
        """One step of the critics and, when it is due, of the actor (algorithm 1)."""
        check_batch(batch, self._spec, self.entries)
        rows = Rows.of(batch, self._input, self._config.gamma, self._device)
        step = self._step if self._fast is None else self._fast_step
        measured = step(batch, rows, measure)
        return {name: value.item() for name, value in measured.items()} if measure else {}

    def _step(self, batch: Batch, rows: Rows, measure: bool) -> dict[str, Tensor]:
        target, state_ = self._target_q(rows), see(self._critic, rows.state)
        q = self._critic.rate(state_, rows.action)
        critic_loss = losses.critic_loss(q, target)
        self._critic_optimizer.descend(critic_loss)
        measured = {'critic_loss': critic_loss, 'q': q.mean()}
        self._updates += 1
        if self._actor_due:
            measured |= self._improve(batch, rows.judged_by(state_, self._input.shared))
        training.polyak(self._target_critic, self._critic, self._config.tau)
        return measured

    def _fast_step(self, batch: Batch, rows: Rows, measure: bool) -> dict[str, Tensor]:
        """The same with written-out derivatives."""
        assert self._fast is not None
        config, fast = self._config, self._fast
        noise = config.smoothing * torch.randn(rows.action.shape, generator=self._noise)
        measured = fast.move_critic(rows, measure, noise)
        self._updates += 1
        if self._actor_due:
            measured |= fast.move_actor(batch, rows, measure, config.cloning, self._penalty)
            fast.actor.follow(config.tau)
            self._acting.refresh()
        fast.critic.follow(config.tau)
        return measured

    @property
    def _actor_due(self) -> bool:
        config = self._config
        return self.updates > config.critic_burn_in and self.updates % config.actor_every == 0

    @property
    def _penalty(self) -> float:
        return self._config.cloning.beside_q(self._config.preactivation_penalty)

    @torch.no_grad()
    def _target_q(self, rows: Rows) -> Tensor:
        """min_i Q_i' of the smoothed target action, one step on (section 5.3, eq. 14)."""
        action, config = self._target_actor.act(rows.next_seen), self._config
        noise = torch.randn(action.shape, generator=self._noise, device=self._device)
        action = losses.smoothed_action(action, config.smoothing * noise, config.smoothing_limit)
        q = self._target_critic.rate(rows.next_state, action)
        return losses.td_target(rows.reward, rows.terminated, q.amin(0), rows.discount)

    def _improve(self, batch: Batch, rows: Rows) -> dict[str, Tensor]:
        """One step of the actor on the first critic, and of its target (eq. 15)."""
        cloning = self._config.cloning
        preactivation, _ = self._actor(rows.seen)
        action = torch.tanh(preactivation)
        loss = cloning.policy_loss(self._rate(rows.state, action))
        cloned = cloning.demonstration_loss(
            batch, action, lambda which, a: self._rate(rows.state[which], a)
        )
        penalty = losses.preactivation_penalty(preactivation)
        measured = {'policy_loss': loss, 'preactivation': penalty, **cloned}
        loss = loss + self._penalty * penalty
        loss = loss + cloning.weight * cloned.get('cloning_loss', 0.0)
        self._actor_optimizer.descend(loss)
        training.polyak(self._target_actor, self._actor, self._config.tau)
        self._acting.refresh()
        return measured

    def _rate(self, state_: Tensor, action: Tensor) -> Tensor:
        """Q_1(s, a), shape [B]."""
        q: Tensor = self._critic.rate(state_, action, _FIRST)
        return q[0]

    def policy_state(self) -> State:
        """The policy's weights and how its input is scaled."""
        return self._acting.state()

    def load_policy_state(self, arrays: State) -> None:
        """Acts with these weights."""
        self._acting.load(arrays)

    def state_dict(self) -> State:
        """Networks, moments, statistics, random states and the number of updates."""
        return state.save(self._parts)

    def load_state_dict(self, arrays: State) -> None:
        """Goes on where `state_dict` was taken."""
        state.load(self._parts, arrays, 'agent state')
        self._acting.refresh()

    def _make_networks(self, seed: int) -> None:
        config, size = self._config, self._spec.action_size
        draw = torch.Generator().manual_seed(seed)
        actor, critic = self._input.deterministic(config, size, draw)
        make = partial(training.with_copy, learning_rate=config.learning_rate, device=self._device)
        acting, judging = make(actor), make(critic)
        self._actor, self._target_actor, self._actor_optimizer = acting
        self._critic, self._target_critic, self._critic_optimizer = judging
        self._noise = torch.Generator(self._device).manual_seed(seed + 1)
        how = DeterministicActor.to_numpy, config.exploration.play
        self._acting = Acting(self._actor, self._input.actor, seed, *how)
        self._act_rng = self._acting.rng
        self._parts: dict[str, state.Part] = {name: getattr(self, f'_{name}') for name in _PARTS}
        self._parts |= self._input.parts
        fast = self._device.type == 'cpu' and not hyperparameters.left_to_autograd(config)
        settings = Settings(1, config.smoothing_limit, compiled=config.compiled)
        self._fast = FastDPG(acting, judging, settings) if fast else None
