# SPDX-License-Identifier: Apache-2.0
"""Proximal policy optimization (Schulman et al. 2017) with generalized advantages.

Differs from the paper:
    * policy and value are two networks over entries of their own; the value may know the state
      where the policy does not (Zhu et al. 2018, section III-B 2), and learns in units of the
      returns' spread;
    * the policy may have a memory, and may learn to predict entries on the side (ibid.);
    * actions are clipped to [-1, 1] and their likelihood is that of what was played;
    * passes over a rollout end early once the policy has moved too far. Zhu et al. weigh the
      divergence instead, by a factor that adapts;
    * the ratio's denominator is the policy that acted, which may be an update or two behind.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from robot_rl.agents.baseline import policy_and_value
from robot_rl.agents.proximal_config import ProximalConfig
from robot_rl.arrays import State
from robot_rl.models import state, training
from robot_rl.replay.batch import Batch
from robot_rl.replay.rollout import Rollout, check_rollout
from robot_rl.types import DataSpec, Entries, FloatArray


@dataclass(frozen=True)
class PPOConfig(ProximalConfig):
    """Hyperparameters, all of them those of the policy and of its value."""


class PPO:
    """A policy that improves on what it just did, judged by a learned value."""

    Config = PPOConfig

    def __init__(self, config: PPOConfig, spec: DataSpec, seed: int) -> None:
        """Draws networks and noise from the seed."""
        self._spec = spec
        self._device = training.resolve_device(config.device)
        self._policy, self._baseline = policy_and_value(config, spec, seed, self._device)
        self.entries = tuple(dict.fromkeys(self._policy.entries + self._baseline.entries))
        self._updates = torch.zeros((), dtype=torch.int64)
        self._parts = self._policy.parts | self._baseline.parts | {'updates': self._updates}

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
        """Learns from a rollout, once and for all; its metrics where `measure`."""
        rollout = check_rollout(batch, self._spec, self.entries)
        reward = torch.from_numpy(rollout.reward).to(self._device)
        advantage, returns = self._baseline.judge(rollout, reward)
        measured = self._policy.improve(rollout, advantage)
        measured |= self._baseline.fit(rollout, returns)
        self._updates += 1
        return measured if measure else {}

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
