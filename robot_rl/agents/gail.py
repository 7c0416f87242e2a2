# SPDX-License-Identifier: Apache-2.0
"""Reinforcement and imitation at once (Zhu et al. 2018): PPO on a hybrid reward.

A discriminator learns to tell the policy from demonstrations; what it takes for demonstrated is
rewarded (generative adversarial imitation learning, Ho and Ermon 2016), beside the task's reward:

    r = lambda r_gail + (1 - lambda) r_task          (eq. 2)

With lambda = 0 this is PPO, with lambda = 1 imitation alone.

Differs from the paper:
    * what `ppo.py` says of the policy and its value;
    * the discriminator's inputs may carry noise.

The imitation reward is positive, hence worth living for: tasks learned with it should end by
their time limit, and reward the solved state for as long as it lasts, as the paper's do.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from robot_rl import ranges
from robot_rl.agents import policy_losses
from robot_rl.agents.baseline import policy_and_value
from robot_rl.agents.discriminator import Discriminator, DiscriminatorConfig
from robot_rl.agents.proximal_config import ProximalConfig
from robot_rl.arrays import State
from robot_rl.errors import InputError
from robot_rl.models import state, training
from robot_rl.ranges import Range
from robot_rl.replay.batch import Batch, check_batch
from robot_rl.replay.rollout import Rollout, check_rollout
from robot_rl.types import DataSpec, Entries, FloatArray


@dataclass(frozen=True)
class GAILConfig(ProximalConfig):
    """Hyperparameters: those of the policy and of its value, and two more.

    Attributes:
        imitation: lambda, the share of the imitation reward.
        discriminator: what tells the policy from the demonstrations.
    """

    imitation: float = 0.5
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)

    def __post_init__(self) -> None:
        """Refuses values outside their ranges."""
        super().__post_init__()
        ranges.check(self, {'imitation': Range(0, 1)})


class GAIL:
    """A policy that improves on a mixture of the task's reward and likeness to demonstrations."""

    Config = GAILConfig

    def __init__(self, config: GAILConfig, spec: DataSpec, seed: int) -> None:
        """Draws networks and noise from the seed."""
        self._config, self._spec = config, spec
        self._device = training.resolve_device(config.device)
        self._policy, self._baseline = policy_and_value(config, spec, seed, self._device)
        judge = Discriminator(config.discriminator, spec, seed + 2, self._device)
        self._discriminator = judge
        read = self._policy.entries + self._baseline.entries + judge.entries
        self.entries = tuple(dict.fromkeys(read))
        self._updates = torch.zeros((), dtype=torch.int64)
        parts = self._policy.parts | self._baseline.parts | judge.parts
        self._parts = parts | {'updates': self._updates}

    @property
    def updates(self) -> int:
        """Rollouts learned from."""
        return int(self._updates)

    def act(self, entries: Entries, explore: bool) -> FloatArray:
        """An action [A]: a sample where `explore`, else the mean."""
        return self._policy.act(entries, explore)

    def reseed(self, seed: int) -> None:
        """Begins an episode: empties the memory and restarts the exploration noise."""
        self._policy.reseed(seed)

    def log_prob(self, rollout: Rollout, policy: State) -> NDArray[np.float32]:
        """Log likelihood [B] of a rollout's actions under the policy that acted."""
        return self._policy.log_prob(rollout, policy)

    def update(self, batch: Batch, measure: bool = True) -> dict[str, float]:
        """Learns from a rollout, once and for all; its metrics where `measure`.

        Raises:
            InputError: the rollout comes without demonstrations, or does not fit.
        """
        rollout = check_rollout(batch, self._spec, self.entries)
        demonstrations = self._demonstrations(rollout)
        imitation = self._discriminator.reward(rollout)
        task = torch.from_numpy(rollout.reward).to(self._device)
        reward = policy_losses.hybrid_reward(imitation, task, self._config.imitation)
        advantage, returns = self._baseline.judge(rollout, reward)
        measured = self._policy.improve(rollout, advantage)
        measured |= self._baseline.fit(rollout, returns)
        measured |= self._discriminator.fit(rollout, demonstrations)
        measured['imitation_reward'] = imitation.mean().item()
        self._updates += 1
        return measured if measure else {}

    def _demonstrations(self, rollout: Rollout) -> Batch:
        if rollout.demonstrations is None:
            raise InputError('demonstrations: expected some to imitate, got none')
        check_batch(rollout.demonstrations, self._spec, self._discriminator.entries)
        return rollout.demonstrations

    def policy_state(self) -> State:
        """The policy's weights."""
        return self._policy.policy_state()

    def load_policy_state(self, arrays: State) -> None:
        """Acts with these weights."""
        self._policy.load_policy_state(arrays)

    def state_dict(self) -> State:
        """Networks, moments, random states, the memory, and the number of updates."""
        return state.save(self._parts)

    def load_state_dict(self, arrays: State) -> None:
        """Goes on where `state_dict` was taken."""
        state.load(self._parts, arrays, 'agent state')
        self._policy.refresh()
