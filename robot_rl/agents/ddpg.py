# SPDX-License-Identifier: Apache-2.0
"""Deep deterministic policy gradient (Lillicrap et al. 2016), as in Pinto et al. 2017.

Actor and critic each read entries of their own: the critic the state, the actor what the robot
has when it is deployed (ibid., section IV-A). With demonstrations it is the method of Nair 2022,
chapter 4.

Differs from the papers:
    * inputs are normalised by statistics of the batches, not of every state once;
    * the behaviour cloning loss is a mean over the demonstrations in the batch, so that
      lambda_2 N_D is one weight;
    * the actor descends on the critic of the same update, already moved;
    * an ensemble of critics with layer norm is possible; one without is the papers';
    * where the critic reads pictures, the actor is rated on the features of its step.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from robot_rl.agents import hyperparameters, losses
from robot_rl.agents.bottleneck import Bottleneck
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
    'l2': Range(0, 1),
    'target_every': Range(1, 10**6),
    'bottleneck_weight': Range(0, 1000),
}
_PARTS = (
    *('actor', 'critic', 'target_actor', 'target_critic', 'actor_optimizer', 'critic_optimizer'),
    *('act_rng', 'updates'),
)


@dataclass(frozen=True)
class DDPGConfig:
    """Hyperparameters; the defaults are those of Pinto et al. 2017, section V-H.

    Attributes:
        actor_entries: observation entries that the actor reads; empty for the task's own.
        critic_entries: the same for the critic.
        hidden: widths of the hidden layers of all networks.
        critics: members of the ensemble; their minimum is the value.
        layer_norm: whether the critics normalise their hidden layers.
        normalize: whether inputs are scaled by running statistics.
        learning_rate: of actor and critic.
        l2: coefficient of half the sum of squared weights, in the losses of actor and critic.
        gamma: discount.
        tau: share that the target networks move, 1 less the Polyak factor.
        target_every: updates between two such moves.
        reward_bounds: smallest and largest reward of a step; targets are clipped to the returns
            that they allow. None does not clip.
        act_by: whose weights act, explore and are published: `actor`, the newest, or `target`,
            those of its slow copy, a mean over the last 1 / tau updates. That is steadier where
            few updates on pictures change much (Polyak and Juditsky 1992).
        exploration: noise of `act`.
        init_scale: factor on the initial weights of the last actor layer.
        preactivation_penalty: weight of the mean squared action before its tanh.
        bottleneck_entries: entries that the actor's bottleneck predicts; empty for no bottleneck.
        bottleneck_weight: of the mean squared error of that prediction.
        cloning: weights of critic and demonstrations in the actor's loss.
        encoder: of the pictures among the entries; none when absent.
        device: where updates run; `auto` takes CUDA where there is one.
        fast: whether updates on the CPU go the way of `dpg_fast`, which knows neither bottleneck
            nor L2 nor pictures; off leaves all to autograd.
        compiled: whether that way is compiled at the first update, see `training.compiled`.
    """

    actor_entries: tuple[str, ...] = ()
    critic_entries: tuple[str, ...] = ()
    hidden: tuple[int, ...] = (512, 512, 512)
    critics: int = 1
    layer_norm: bool = False
    normalize: bool = True
    learning_rate: float = 1e-3
    l2: float = 0.0
    gamma: float = 0.98
    tau: float = 0.02
    target_every: int = 40
    reward_bounds: tuple[float, float] | None = None
    act_by: Literal['actor', 'target'] = 'actor'
    exploration: Exploration = field(default_factory=Exploration)
    init_scale: float = 1.0
    preactivation_penalty: float = 1e-3
    bottleneck_entries: tuple[str, ...] = ()
    bottleneck_weight: float = 1.0
    cloning: Cloning = field(default_factory=Cloning)
    encoder: EncoderConfig | None = None
    device: Literal['auto', 'cpu', 'cuda'] = 'auto'
    fast: bool = True
    compiled: bool = False

    def __post_init__(self) -> None:
        """Refuses values outside their ranges."""
        hyperparameters.check(self, _RANGES)
        if self.reward_bounds and not self.reward_bounds[0] < self.reward_bounds[1]:
            raise ValueError(f'reward_bounds: expected low < high, got {self.reward_bounds}')


class DDPG:
    """Deterministic actor and its critic, each with a slow copy for the targets."""

    Config = DDPGConfig

    def __init__(self, config: DDPGConfig, spec: DataSpec, seed: int) -> None:
        """Draws networks and noise from the seed."""
        self._config, self._spec = config, spec
        self._device = training.resolve_device(config.device)
        read = config.actor_entries, config.critic_entries
        self._input = ActorCriticInput(spec, *read, config.normalize, config.encoder)
        names = config.bottleneck_entries
        self._bottleneck = Bottleneck(spec, names, config.normalize) if names else None
        self.entries = tuple(dict.fromkeys(self._input.names + names))
        self._updates = torch.zeros((), dtype=torch.int64)
        bounds = config.reward_bounds
        self._bounds = losses.return_bounds(*bounds, config.gamma) if bounds else None
        self._make_networks(seed)

    @property
    def updates(self) -> int:
        """Updates done so far."""
        return int(self._updates)

    def act(self, entries: Entries, explore: bool) -> FloatArray:
        """An action [A]: the policy's own, with noise where `explore`."""
        return self._acting.act(entries, explore)

    def reconstruct(self, entries: Entries) -> Entries:
        """The state as the bottleneck predicts it from an observation; none without one."""
        known = self._bottleneck
        return known.read(self._acting.network, self._input.actor, entries) if known else {}

    def reseed(self, seed: int) -> None:
        """Restarts the exploration noise of `act`."""
        self._acting.reseed(seed)

    def update(self, batch: Batch, measure: bool = True) -> dict[str, float]:
        """One step of critic and actor; metrics only where `measure`."""
        check_batch(batch, self._spec, self.entries)
        rows = Rows.of(batch, self._input, self._config.gamma, self._device)
        step = self._step if self._fast is None else self._fast_step
        measured = step(batch, rows, measure)
        self._updates += 1
        if self.updates % self._config.target_every == 0:
            training.polyak(self._target_actor, self._actor, self._config.tau)
            training.polyak(self._target_critic, self._critic, self._config.tau)
        self._acting.refresh()
        return {name: value.item() for name, value in measured.items()} if measure else {}

    def _step(self, batch: Batch, rows: Rows, measure: bool) -> dict[str, Tensor]:
        target, state_ = self._target_q(rows), see(self._critic, rows.state)
        q = self._critic.rate(state_, rows.action)
        critic_loss = losses.critic_loss(q, target)
        self._critic_optimizer.descend(losses.with_l2(critic_loss, self._critic, self._config.l2))
        measured = {'critic_loss': critic_loss, 'q': q.mean()}
        return measured | self._improve(batch, rows.judged_by(state_, self._input.shared))

    def _fast_step(self, batch: Batch, rows: Rows, measure: bool) -> dict[str, Tensor]:
        """The same with written-out derivatives."""
        assert self._fast is not None
        cloning = self._config.cloning
        measured = self._fast.move_critic(rows, measure)
        penalty = cloning.beside_q(self._config.preactivation_penalty)
        return measured | self._fast.move_actor(batch, rows, measure, cloning, penalty)

    @torch.no_grad()
    def _target_q(self, rows: Rows) -> Tensor:
        action = self._target_actor.act(rows.next_seen)
        q = self._target_critic.rate(rows.next_state, action)
        target = losses.td_target(rows.reward, rows.terminated, q.amin(0), rows.discount)
        return target.clamp(*self._bounds) if self._bounds else target

    def _improve(self, batch: Batch, rows: Rows) -> dict[str, Tensor]:
        """One step of the actor (Nair 2022, eq. 14; Pinto et al. 2017, sections IV-B and V-H)."""
        config = self._config
        preactivation, bottleneck = self._actor(rows.seen)
        action = torch.tanh(preactivation)
        penalty = losses.preactivation_penalty(preactivation)
        loss = config.cloning.policy_loss(self._rate(rows.state, action))
        measured = {'policy_loss': loss, 'preactivation': penalty}
        loss = loss + config.cloning.beside_q(config.preactivation_penalty) * penalty
        if self._bottleneck:
            measured['bottleneck_loss'] = self._bottleneck.loss(batch.observation, bottleneck)
            loss = loss + config.bottleneck_weight * measured['bottleneck_loss']
        cloned = config.cloning.demonstration_loss(
            batch, action, lambda which, a: self._rate(rows.state[which], a)
        )
        loss = loss + config.cloning.weight * cloned.get('cloning_loss', 0.0)
        self._actor_optimizer.descend(losses.with_l2(loss, self._actor, config.l2))
        return measured | cloned

    def _rate(self, state_: Tensor, action: Tensor) -> Tensor:
        """Q(s, a), shape [B]."""
        q: Tensor = self._critic.rate(state_, action)
        return q.amin(0)

    def policy_state(self) -> State:
        """The policy's weights and how its input is scaled."""
        return self._acting.state()

    def load_policy_state(self, arrays: State) -> None:
        """Acts with these weights."""
        self._acting.load(arrays)

    def state_dict(self) -> State:
        """Networks, moments, statistics, random state and the number of updates."""
        return state.save(self._parts)

    def load_state_dict(self, arrays: State) -> None:
        """Goes on where `state_dict` was taken."""
        state.load(self._parts, arrays, 'agent state')
        self._acting.refresh()

    def _make_networks(self, seed: int) -> None:
        config, size = self._config, self._spec.action_size
        draw = torch.Generator().manual_seed(seed)
        width = self._bottleneck.size if self._bottleneck else 0
        actor, critic = self._input.deterministic(config, size, draw, width)
        make = partial(training.with_copy, learning_rate=config.learning_rate, device=self._device)
        acting, judging = make(actor), make(critic)
        self._actor, self._target_actor, self._actor_optimizer = acting
        self._critic, self._target_critic, self._critic_optimizer = judging
        acts = self._actor if config.act_by == 'actor' else self._target_actor
        how = DeterministicActor.to_numpy, config.exploration.play
        self._acting = Acting(acts, self._input.actor, seed, *how)
        self._act_rng = self._acting.rng
        self._parts: dict[str, state.Part] = {name: getattr(self, f'_{name}') for name in _PARTS}
        self._parts |= self._input.parts
        if self._bottleneck:
            self._parts |= self._bottleneck.parts
        fast = self._device.type == 'cpu' and not hyperparameters.left_to_autograd(config)
        settings = Settings(bounds=self._bounds, compiled=config.compiled)
        self._fast = FastDPG(acting, judging, settings) if fast else None
