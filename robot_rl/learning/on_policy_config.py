# SPDX-License-Identifier: Apache-2.0
"""How the learner feeds an agent that learns from rollouts of its own policy."""

from dataclasses import dataclass
from typing import Literal

from robot_rl import ranges
from robot_rl.ranges import Range
from robot_rl.replay.starts import StartsConfig

_RANGES = {
    'rollout_steps': Range(1, 1_000_000_000),
    'capacity': Range(1, 1_000_000_000),
    'max_policy_age': Range(0, 1000),
    'checkpoint_steps': Range(1, 1_000_000_000),
    'drop_actions': Range(0, 0.99),
}


@dataclass(frozen=True)
class OnPolicyConfig:
    """What `LearnerConfig` is to other agents.

    Attributes:
        rollout_steps: transitions of complete episodes that make an update.
        capacity: transitions of complete episodes that wait at most.
        max_policy_age: updates that the policy which acted may be behind the one that learns.
        demonstrations: `.npz` file, recording, or folder of these, for agents that imitate;
            looked for here, then beside the agent's file; none when empty.
        checkpoint_steps: actions between two checkpoints.
        starts: which episodes begin in a demonstrated state, in simulation; none when absent.
        drop_actions: probability that an action of the training gets lost and the one before it
            is played again.
        refresh: policies change between episodes only.
    """

    rollout_steps: int = 2048
    capacity: int = 100_000
    max_policy_age: int = 2
    demonstrations: str = ''
    checkpoint_steps: int = 5000
    starts: StartsConfig | None = None
    drop_actions: float = 0.0
    refresh: Literal['episode'] = 'episode'

    def __post_init__(self) -> None:
        """Refuses values outside their ranges."""
        ranges.check(self, _RANGES)
        if self.capacity < self.rollout_steps:
            raise ValueError(
                f'capacity: expected at least rollout_steps, {self.rollout_steps}, '
                f'got {self.capacity}'
            )
        if self.starts and not self.demonstrations:
            raise ValueError('starts: expected demonstrations to begin in, got none')
