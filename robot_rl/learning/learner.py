# SPDX-License-Identifier: Apache-2.0
"""The learner: steps in, an enforced number of updates, policies and checkpoints out.

It has no clock: what it does follows from the order of the steps alone. For each step received
the caller does

    learner.add(step)
    while learner.owed: learner.update()
    if learner.publish_due: send(learner.weights())
    if learner.checkpoint_due: writer.start(learner.checkpoint())
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from robot_rl import arrays
from robot_rl.agents import Agent
from robot_rl.errors import InputError
from robot_rl.learning import weights
from robot_rl.learning.checkpoint import Checkpoint
from robot_rl.learning.config import LearnerConfig
from robot_rl.learning.feed import Feed
from robot_rl.learning.sources import make_sources
from robot_rl.learning.statistics import Episode, Statistics
from robot_rl.learning.weights import Weights
from robot_rl.types import DataSpec, Step


@dataclass(frozen=True)
class RunInfo:
    """Which training run this is; stored in every checkpoint and compared on load.

    Attributes:
        run: identity; a later run sorts after an earlier one.
        task: name.
        robot: name.
        agent: name in config/agents.
        seed: of the run.
        action_hz: actions a second.
        settings: JSON of what shapes the data, from `weights.settings_json`.
    """

    run: str
    task: str
    robot: str
    agent: str
    seed: int
    action_hz: float
    settings: str


class Learner:
    """Replay and agent, fed step by step.

    Attributes:
        run: which run this is; a restored learner goes on as the run that it restores.
        replay: the online steps.
        statistics: counters over all steps.
        metrics: the last ones measured.
        diverged: why learning has stopped, '' while all is well.
    """

    def __init__(
        self,
        config: LearnerConfig,
        agent: Agent,
        spec: DataSpec,
        run: RunInfo,
        feed: Feed | None = None,
    ) -> None:
        """Reserves replay for the entries that the agent reads, and loads demonstrations.

        Args:
            config: how the agent is fed.
            agent: what learns.
            spec: of the observations and the action.
            run: which run this is.
            feed: takes steps and gives batches; None for replay as the configuration says.

        Raises:
            InputError: demonstrations or relabelling do not fit the task or the agent.
        """
        self.run, self.statistics = run, Statistics()
        if feed is None:
            feed = make_sources(config, spec, agent.entries, run.settings)
        self._sources = feed
        self.replay, self._mixture = self._sources.online, self._sources.mixture
        self.metrics: dict[str, float] = {}
        self.diverged = ''
        self._config, self._agent = config, agent
        self._rng = np.random.default_rng(run.seed)
        self._published = self._packed()
        self._publish_due, self._checkpointed_at = True, 0

    def add(self, step: Step) -> Episode | None:
        """Takes one step; the episode's figures where it ended. A repeated step counts nowhere.

        Raises:
            InputError: an entry or the action does not fit; names it.
        """
        if step.sequence < self.replay.next_sequence(step.observation.collector):
            self.replay.add(step)
            return None
        self._sources.add(step)
        finished = self.statistics.add(step)
        self._publish_due |= self._config.publish == 'step' or finished is not None
        return finished

    @property
    def updates(self) -> int:
        """Updates done."""
        return self._agent.updates

    @property
    def owed(self) -> int:
        """Updates that the offline phase and the enforced ratio ask for now."""
        if self.diverged or not len(self._mixture):
            return 0
        config = self._config
        counted = max(0, self.statistics.env_steps - config.warmup_steps)
        online = math.floor(config.updates_per_step * counted)
        return max(0, config.offline_updates + online - self.updates)

    def update(self) -> dict[str, float]:
        """One update; the metrics where it is their turn, else nothing."""
        batch = self._mixture.sample(self._config.batch_size, self._rng)
        measure = (self.updates + 1) % self._config.measure_every == 0
        metrics = self._agent.update(batch, measure)
        if measure:
            self.metrics = metrics
            for name, value in metrics.items():
                if not math.isfinite(value):
                    self.diverged = f'{name} is {value} after {self.updates} updates'
        return metrics

    @property
    def publish_due(self) -> bool:
        """Whether a policy should be sent: the first one, then new ones by the rule.

        The first one is due at once, or at the end of the offline phase.
        """
        offline = self.updates < self._config.offline_updates
        return self._publish_due and not offline and not self.diverged

    def weights(self) -> Weights:
        """The policy to send: the newest, or the last good one once learning diverged."""
        if not self.diverged:
            try:
                self._published = self._packed()
            except InputError as error:
                self.diverged = str(error)
        self._publish_due = False
        return self._published

    @property
    def checkpoint_due(self) -> bool:
        """Whether enough actions were executed since the last checkpoint."""
        since = self.statistics.env_steps - self._checkpointed_at
        return since >= self._config.checkpoint_steps and not self.diverged

    def checkpoint(self) -> Checkpoint:
        """A copy of everything; training may go on while it is written.

        Raises:
            InputError: learning diverged, so that there is nothing worth keeping.
        """
        state = self._agent.state_dict()
        if not self.diverged:
            try:
                weights.check_finite(state, 'agent')
            except InputError as error:
                self.diverged = str(error)
        if self.diverged:
            raise InputError(f'checkpoint refused: learning diverged: {self.diverged}')
        self._checkpointed_at = self.statistics.env_steps
        learner = arrays.nest('agent', state) | self._mixture.state_dict()
        learner['rng'] = arrays.from_rng(self._rng)
        return Checkpoint(self._meta(), {'policy': self._agent.policy_state(), 'learner': learner})

    def restore(self, checkpoint: Checkpoint, where: str) -> None:
        """Goes on exactly where a checkpoint was taken.

        Args:
            checkpoint: of the same task, robot, agent and settings.
            where: its folder, for messages.

        Raises:
            InputError: names the key that differs.
        """
        check_run(self.run, checkpoint.meta, where)
        learner = checkpoint.files['learner']
        agent = arrays.part(learner, 'agent')
        others = learner.keys() - arrays.nest('agent', agent).keys() - {'rng'}
        self._mixture.load_state_dict({name: learner[name] for name in others})
        self._agent.load_state_dict(agent)
        arrays.restore_rng(self._rng, learner['rng'])
        self.statistics.restore(checkpoint.meta['statistics'])
        self.run = RunInfo(**checkpoint.meta['run_info'])
        self._checkpointed_at = self.statistics.env_steps
        self._published = self._packed()
        self._publish_due = True

    def summary(self) -> dict[str, Any]:
        """Counters for the progress line and `summary.json`."""
        statistics, replay = self.statistics, self.replay
        read = self._sources.demonstrations
        return ({'demonstrations': read} if read else {}) | {
            'env_steps': statistics.env_steps,
            'robot_minutes': statistics.env_steps / self.run.action_hz / 60,
            'episodes': statistics.episodes,
            'success_rate_20': statistics.success_rate,
            'safety_interventions': statistics.interventions,
            'updates': self.updates,
            'updates_per_step': self._config.updates_per_step,
            'lost_steps': replay.gaps,
            'duplicate_steps': replay.duplicates,
            'rejected_steps': replay.rejected,
        }

    def _packed(self) -> Weights:
        state = self._agent.policy_state()
        weights.check_finite(state, 'policy')
        data, sha256 = weights.pack(state)
        run, episode = self.run, self.statistics.last_episode
        return Weights(run.run, self.updates, episode, run.agent, run.settings, sha256, data)

    def _meta(self) -> dict[str, Any]:
        info = {key: getattr(self.run, key) for key in ('run', 'task', 'robot', 'agent', 'seed')}
        state = {'statistics': self.statistics.state(), 'sequences': self.replay.sequences}
        return info | self.summary() | state | {'run_info': asdict(self.run)}


def check_run(own: RunInfo, meta: dict[str, Any], where: str) -> None:
    """Refuses a checkpoint of another task, robot, agent, or of other data.

    Raises:
        InputError: opens with `where`; names the key and both values.
    """
    try:
        other = RunInfo(**meta['run_info'])
    except (KeyError, TypeError) as error:
        raise InputError(f'{where}: not a checkpoint of a training run: {error}') from error
    for key in ('task', 'robot', 'agent'):
        if getattr(own, key) != getattr(other, key):
            got, want = getattr(other, key), getattr(own, key)
            raise InputError(f'{where}: {key}: expected {want!r}, got {got!r}')
    weights.check_settings(own.settings, other.settings, where)
