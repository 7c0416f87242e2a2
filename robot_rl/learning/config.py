# SPDX-License-Identifier: Apache-2.0
"""Agents by name: which algorithm, its hyperparameters, and how the learner runs it."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from robot_rl import config, ranges, resources
from robot_rl.agents import AGENTS, ON_POLICY, Agent
from robot_rl.errors import InputError
from robot_rl.learning.on_policy_config import OnPolicyConfig
from robot_rl.learning.player import Refresh
from robot_rl.ranges import Range
from robot_rl.replay.columns import ActionKind
from robot_rl.replay.relabel_config import RelabelConfig
from robot_rl.replay.starts import StartsConfig
from robot_rl.types import RAW_ENTRIES, DataSpec

_RANGES = {
    'batch_size': Range(1, 1_000_000),
    'capacity': Range(2, 1_000_000_000),
    'warmup_steps': Range(0, 1_000_000_000),
    'updates_per_step': Range(0, 1000),
    'checkpoint_steps': Range(1, 1_000_000_000),
    'measure_every': Range(1, 1_000_000),
    'n_step': Range(1, 1000),
    'gamma': Range(0, 1),
    'drop_actions': Range(0, 0.99),
    'offline_updates': Range(0, 1_000_000_000),
}


@dataclass(frozen=True)
class DemonstrationConfig:
    """Recorded steps that stay in replay for the whole run.

    Attributes:
        path: of an `.npz` file, a recording, or a folder of these; a relative one is looked for
            here, then beside the agent's file.
        share: of every batch; half is the symmetric sampling of RLPD.
    """

    path: str
    share: float = 0.5

    def __post_init__(self) -> None:
        """Refuses an empty path and a share that is none."""
        if not self.path:
            raise ValueError('path: expected a file or folder, got an empty text')
        ranges.check(self, {'share': Range(0, 1, above=True)})


@dataclass(frozen=True)
class InterventionConfig:
    """Steps in which a person acted, kept apart and sampled more often.

    Attributes:
        share: of every batch, once there are any.
        capacity: states kept.
    """

    share: float
    capacity: int = 50_000

    def __post_init__(self) -> None:
        """Refuses values outside their ranges."""
        allowed = {'share': Range(0, 1, above=True), 'capacity': Range(2, 1_000_000_000)}
        ranges.check(self, allowed)


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
        refresh: when a collector takes up a new policy: at the start of an `episode`, or at any
            `step` (Gu et al. 2016, section IV-A). In lock step it is always the episode, so that
            a run follows from its seed.
        checkpoint_steps: actions between two checkpoints.
        measure_every: updates between two readings of the metrics.
        n_step: steps that returns go over.
        gamma: discount of these returns; the agent's own when absent.
        relabel: which transitions get other goals in hindsight; none when absent.
        demonstrations: recorded steps in every batch; none when absent.
        starts: which episodes begin in a demonstrated state, in simulation; none when absent.
        interventions: a person's steps as a source of their own; none when absent.
        offline_updates: updates on demonstrations before the first policy is sent out, and so
            before the first online step.
        drop_actions: probability that an action of the training gets lost and the one before it
            is played again, so that the policy bears latency.
    """

    batch_size: int = 256
    capacity: int = 100_000
    warmup_steps: int = 250
    updates_per_step: float = 1.0
    action: ActionKind = 'requested'
    publish: Literal['step', 'episode'] = 'episode'
    refresh: Refresh = 'episode'
    checkpoint_steps: int = 500
    measure_every: int = 100
    n_step: int = 1
    gamma: float | None = None
    relabel: RelabelConfig | None = None
    demonstrations: DemonstrationConfig | None = None
    starts: StartsConfig | None = None
    interventions: InterventionConfig | None = None
    offline_updates: int = 0
    drop_actions: float = 0.0

    def __post_init__(self) -> None:
        """Refuses values outside their ranges, and those that do not go together."""
        ranges.check(self, _RANGES)
        if not self.online_share >= 0:
            raise ValueError(
                'demonstrations, interventions: expected shares with a sum of at most 1, '
                f'got {1 - self.online_share:g}'
            )
        if self.starts and self.demonstrations is None:
            raise ValueError('starts: expected demonstrations to begin in, got none')
        if self.offline_updates and self.demonstrations is None:
            raise ValueError('offline_updates: expected demonstrations to learn from, got none')

    @property
    def online_share(self) -> float:
        """What demonstrations and interventions leave of a batch."""
        others = (self.demonstrations, self.interventions)
        return 1.0 - sum(source.share for source in others if source is not None)


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
    learner: LearnerConfig | OnPolicyConfig

    def make(self, spec: DataSpec, seed: int) -> Agent:
        """The agent itself, its networks drawn from the seed.

        Where goals are relabelled and the agent names no entries, it reads the desired goal
        beside the task's own entries.
        """
        return AGENTS[self.algorithm](self._reading_goals(spec), spec, seed)

    def _reading_goals(self, spec: DataSpec) -> Any:
        relabel = getattr(self.learner, 'relabel', None)
        if relabel is None:
            return self.agent
        own = tuple(name for name in spec.entries if name not in RAW_ENTRIES)
        read = (*own, *(pair for pair in relabel.pairs if pair not in own))
        empty = [k for k in ('actor_entries', 'critic_entries') if getattr(self.agent, k, 0) == ()]
        return replace(self.agent, **dict.fromkeys(empty, read))


@dataclass(frozen=True)
class _File:
    algorithm: str
    agent: dict[str, Any] = field(default_factory=dict)
    learner: dict[str, Any] = field(default_factory=dict)


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
    learner = _load_learner(file, agent, path)
    return AgentConfig(path.stem, file.algorithm, agent, learner)


def _load_learner(file: _File, agent: Any, path: Path) -> LearnerConfig | OnPolicyConfig:
    where = f'{path}: learner'
    if file.algorithm in ON_POLICY:
        own = config.parse(OnPolicyConfig, file.learner, where)
        return replace(own, demonstrations=_beside(own.demonstrations, path.parent))
    learner = config.parse(LearnerConfig, file.learner, where)
    return _with_path(_with_discount(learner, file.algorithm, agent, where), path.parent)


def _with_discount(
    learner: LearnerConfig, algorithm: str, agent: Any, where: str
) -> LearnerConfig:
    """Lets returns over several steps be discounted as the agent does."""
    own = getattr(agent, 'gamma', None)
    if learner.gamma is not None and learner.gamma != own:
        raise InputError(
            f'{where}: gamma: expected the discount {own} of agent, got {learner.gamma}'
        )
    if learner.n_step > 1 and own is None:
        raise InputError(f'{where}: n_step: {algorithm} has no discount to form returns with')
    return learner if learner.n_step == 1 else replace(learner, gamma=own)


def _with_path(learner: LearnerConfig, beside: Path) -> LearnerConfig:
    """Looks for the demonstrations here, then beside the agent's file."""
    found = learner.demonstrations
    if found is None:
        return learner
    return replace(learner, demonstrations=replace(found, path=_beside(found.path, beside)))


def _beside(path: str, folder: Path) -> str:
    """The path, or the same below the folder where it exists there alone."""
    found = folder / path
    return str(found) if path and found.exists() and not Path(path).exists() else path
