# SPDX-License-Identifier: Apache-2.0
"""Agents by name: which algorithm, its hyperparameters, and how the learner runs it."""

from dataclasses import dataclass, field
from typing import Any, Literal

from robot_rl import config, ranges, resources
from robot_rl.agents import AGENTS, Agent
from robot_rl.errors import InputError
from robot_rl.ranges import Range
from robot_rl.replay.buffer import ActionKind
from robot_rl.types import DataSpec

_RANGES = {
    'batch_size': Range(1, 1_000_000),
    'capacity': Range(2, 1_000_000_000),
    'warmup_steps': Range(0, 1_000_000_000),
    'updates_per_step': Range(0, 1000),
    'checkpoint_steps': Range(1, 1_000_000_000),
    'measure_every': Range(1, 1_000_000),
}


@dataclass(frozen=True)
class LearnerConfig:
    """How the learner feeds its agent.

    Attributes:
        batch_size: transitions an update.
        capacity: states that replay holds.
        warmup_steps: actions executed before the first update.
        updates_per_step: updates for each action executed after that.
        action: which action of a step is learned from, see `ReplayBuffer`.
        publish: when a new policy is sent out: after every `step` that brought an update,
            or at the end of each `episode`.
        checkpoint_steps: actions between two checkpoints.
        measure_every: updates between two readings of the metrics.
    """

    batch_size: int = 256
    capacity: int = 100_000
    warmup_steps: int = 250
    updates_per_step: float = 1.0
    action: ActionKind = 'requested'
    publish: Literal['step', 'episode'] = 'episode'
    checkpoint_steps: int = 500
    measure_every: int = 100

    def __post_init__(self) -> None:
        """Refuses values outside their ranges."""
        ranges.check(self, _RANGES)


@dataclass(frozen=True)
class AgentConfig:
    """One file of `config/agents`.

    Attributes:
        name: of the file.
        algorithm: a key of `AGENTS`.
        agent: its hyperparameters, of the type `AGENTS[algorithm].Config`.
        learner: how the learner feeds it.
    """

    name: str
    algorithm: str
    agent: Any
    learner: LearnerConfig

    def make(self, spec: DataSpec, seed: int) -> Agent:
        """The agent itself, its networks drawn from the seed."""
        return AGENTS[self.algorithm](self.agent, spec, seed)


@dataclass(frozen=True)
class _File:
    algorithm: str
    agent: dict[str, Any] = field(default_factory=dict)
    learner: LearnerConfig = field(default_factory=LearnerConfig)


def load_agent(name: str) -> AgentConfig:
    """Reads an agent by name or path.

    Raises:
        InputError: names the file and key, or lists the known names.
    """
    path = resources.find('config/agents', name)
    file = config.load(_File, path)
    if file.algorithm not in AGENTS:
        known = ', '.join(AGENTS)
        raise InputError(f'{path}: algorithm: unknown {file.algorithm!r}; known: {known}')
    agent = config.parse(AGENTS[file.algorithm].Config, file.agent, f'{path}: agent')
    return AgentConfig(path.stem, file.algorithm, agent, file.learner)
