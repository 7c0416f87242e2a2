# SPDX-License-Identifier: Apache-2.0
"""Behaviour cloning, and DAgger where an expert labels what the student visits.

The student reads entries of its own, such as a poorer view of what the expert knows (Pinto et
al. 2017, section V-D). Whose actions it clones is one setting: those of demonstrations, those of
all transitions, or the expert's answer to every observation of the batch. The last, with replay
that the student fills, is DAgger (Ross et al. 2011, algorithm 3.1).

Differs from the papers:
    * DAgger's first data are demonstrations and all later ones the student's own, which is
      the paper's schedule beta_i = 1(i = 1); the student goes on learning while data come in;
    * observations get their labels when they are sampled; replay holds none;
    * steps in which a person took over count as demonstrations.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robot_rl.agents import hyperparameters, losses
from robot_rl.agents.agent import Agent
from robot_rl.arrays import State
from robot_rl.errors import InputError
from robot_rl.models import state, tanh_mean, training
from robot_rl.models.acting import Acting
from robot_rl.models.asymmetric import is_shared
from robot_rl.models.deterministic import DeterministicActor, Exploration
from robot_rl.models.encoder import EncoderConfig
from robot_rl.models.normalizer import NormalizedInput
from robot_rl.models.sight import Seen
from robot_rl.models.tanh_mean import TanhMeanActor
from robot_rl.ranges import Range
from robot_rl.replay.batch import Batch, check_batch
from robot_rl.types import DataSpec, Entries, FloatArray

_RANGES = {
    'l2': Range(0, 1),
    'min_std': Range(1e-3, 0.5),
    'initial_std': Range(1e-3, 0.99),
}
_PARTS = ('actor', 'optimizer', 'act_rng', 'updates')


@dataclass(frozen=True)
class BCConfig:
    """Hyperparameters.

    Attributes:
        actor_entries: observation entries that the student reads; empty for the task's own.
        labels: whose actions are cloned: those of `demonstrations`, of `all` transitions, or
            those that an `expert` gives for the observations of the batch.
        expert: folder of a checkpoint whose policy is the expert.
        policy: `deterministic`, fitted by squared error, or `gaussian`, by likelihood.
        hidden: widths of the hidden layers.
        normalize: whether inputs are scaled by running statistics.
        learning_rate: of the actor.
        l2: coefficient of half the sum of squared weights.
        exploration: noise of `act` of a deterministic policy.
        min_std: floor of the standard deviation of a Gaussian one.
        initial_std: its start, above the floor.
        encoder: of the pictures among the entries; none when absent.
        device: where updates run; `auto` takes CUDA where there is one.
    """

    actor_entries: tuple[str, ...] = ()
    labels: Literal['demonstrations', 'all', 'expert'] = 'demonstrations'
    expert: str = ''
    policy: Literal['deterministic', 'gaussian'] = 'deterministic'
    hidden: tuple[int, ...] = (256, 256)
    normalize: bool = True
    learning_rate: float = 1e-3
    l2: float = 0.0
    exploration: Exploration = field(default_factory=lambda: Exploration(random_share=0.0))
    min_std: float = 0.02
    initial_std: float = 0.3
    encoder: EncoderConfig | None = None
    device: Literal['auto', 'cpu', 'cuda'] = 'auto'

    def __post_init__(self) -> None:
        """Refuses values outside their ranges, and those that do not go together."""
        hyperparameters.check(self, _RANGES)
        if not self.min_std < self.initial_std:
            raise ValueError(f'initial_std: expected more than min_std, got {self.initial_std}')
        if (self.labels == 'expert') != bool(self.expert):
            wanted = 'the folder of a checkpoint' if self.labels == 'expert' else 'none'
            raise ValueError(f'expert: with labels {self.labels}, expected {wanted}')


class BC:
    """A policy fitted to labelled observations."""

    Config = BCConfig

    def __init__(self, config: BCConfig, spec: DataSpec, seed: int) -> None:
        """Draws the network and the noise from the seed."""
        self.config, self._spec = config, spec
        self._input = NormalizedInput(
            spec, config.actor_entries, 'actor_entries', config.normalize, config.encoder
        )
        is_shared(config.encoder, self._input, self._input)  # refuses one without pictures
        self.entries = self._input.names
        self._device = training.resolve_device(config.device)
        self._updates = torch.zeros((), dtype=torch.int64)
        self._expert: Agent | None = None
        self._draw(seed)

    def teach(self, expert: Agent) -> None:
        """Lets this expert's mean actions be the labels; batches must hold what it reads.

        Raises:
            InputError: the expert reads an entry that the task lacks.
        """
        lacking = [name for name in expert.entries if name not in self._spec.entries]
        if lacking:
            raise InputError(f'expert: reads {lacking}; the task has {list(self._spec.entries)}')
        self.entries = tuple(dict.fromkeys(self._input.names + expert.entries))
        self._expert = expert

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
        """One step towards the labels; metrics only where `measure`.

        A batch without anything to clone changes no weight.
        """
        check_batch(batch, self._spec, self.entries)
        rows, label = self._labelled(batch)
        self._updates += 1
        measured = {'labelled': len(rows) / len(batch.reward)}
        if len(rows):
            seen = {name: batch.observation[name][rows] for name in self._input.names}
            self._input.observe(seen)
            x = self._input.tensors(seen, self._device, self._shift_rng)
            loss = self._loss(x, torch.from_numpy(label).to(self._device))
            penalty = losses.squared_weights(self._actor.parameters()) if self.config.l2 else 0.0
            self._optimizer.descend(loss + self.config.l2 * penalty)
            self._acting.refresh()
            measured |= {'cloning_loss': loss.item()} if measure else {}
        return measured if measure else {}

    def _labelled(self, batch: Batch) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Rows of the batch to learn from, and the wanted action in each."""
        rows = np.arange(len(batch.reward))
        if self.config.labels == 'expert':
            return rows, self._ask(batch.observation, len(rows))
        if self.config.labels == 'demonstrations':
            rows = np.flatnonzero(batch.demonstration)
        return rows, batch.action[rows]

    def _ask(self, entries: Entries, count: int) -> NDArray[np.float32]:
        if self._expert is None:
            raise InputError('bc: labels come from an expert, and none was loaded')
        read = {name: entries[name] for name in self._expert.entries}
        each = ({name: array[i] for name, array in read.items()} for i in range(count))
        return np.stack([self._expert.act(one, False) for one in each]).astype(np.float32)

    def _loss(self, x: Tensor | Seen, label: Tensor) -> Tensor:
        ones = torch.ones(len(label), device=self._device)
        if self.config.policy == 'gaussian':
            return losses.weighted_cloning_loss(self._actor.log_prob(x, label), ones)
        return losses.cloning_loss(self._actor.act(x), label, ones)

    def policy_state(self) -> State:
        """The policy's weights and how its input is scaled."""
        return self._acting.state()

    def load_policy_state(self, arrays: State) -> None:
        """Acts with these weights."""
        self._acting.load(arrays)

    def state_dict(self) -> State:
        """Network, moments, statistics, random state and the number of updates."""
        return state.save(self._parts)

    def load_state_dict(self, arrays: State) -> None:
        """Goes on where `state_dict` was taken."""
        state.load(self._parts, arrays, 'agent state')
        self._acting.refresh()

    def _draw(self, seed: int) -> None:
        config, size = self.config, self._spec.action_size
        draw = torch.Generator().manual_seed(seed)

        def make(width: int) -> TanhMeanActor | DeterministicActor:
            sizes = (width, *config.hidden)
            if config.policy == 'gaussian':
                return TanhMeanActor(sizes, size, (config.min_std, config.initial_std), draw)
            return DeterministicActor(sizes, size, 1.0, draw)

        self._actor = self._input.behind_eye(make, draw).to(self._device)
        self._optimizer = training.Adam(self._actor.parameters(), config.learning_rate)
        how: tuple[Any, Any] = DeterministicActor.to_numpy, config.exploration.play
        if config.policy == 'gaussian':
            how = TanhMeanActor.for_acting, tanh_mean.act
        self._acting = Acting(self._actor, self._input, seed, *how)
        self._act_rng, self._shift_rng = self._acting.rng, np.random.default_rng(seed)
        self._parts: dict[str, state.Part] = {name: getattr(self, f'_{name}') for name in _PARTS}
        self._parts |= self._input.parts
        if config.encoder and config.encoder.shift:
            self._parts['shift_rng'] = self._shift_rng
