# SPDX-License-Identifier: Apache-2.0
"""The learner of on-policy agents: whole episodes in, an update once there are enough of them.

Each episode is learned from once. The policy that acted may be an update or two behind the one
that learns, in lock step by an episode, in real time by as long as an update takes. Therefore
the last policies are kept, and the likelihood of every action is that under the policy which
chose it. What a policy acted in that is not known any more is dropped and counted.
"""

import dataclasses
from typing import Any

import numpy as np

from robot_rl import arrays
from robot_rl.agents import OnPolicyAgent
from robot_rl.arrays import State
from robot_rl.errors import InputError
from robot_rl.learning.config import LearnerConfig
from robot_rl.learning.learner import Learner, RunInfo
from robot_rl.learning.on_policy_config import OnPolicyConfig
from robot_rl.replay.batch import Batch
from robot_rl.replay.buffer import ReplayBuffer
from robot_rl.replay.dataset import load_dataset
from robot_rl.replay.mixture import digest
from robot_rl.replay.rollout import Rollout
from robot_rl.replay.rollout_buffer import RolloutBuffer
from robot_rl.types import DataSpec, Step


class Rollouts:
    """Complete episodes with the likelihood of their actions, and the policies that acted.

    Attributes:
        online: episodes that wait, and those going on.
        demonstrations: transitions read from disk, that go along with every rollout.
    """

    def __init__(
        self, config: OnPolicyConfig, agent: OnPolicyAgent, spec: DataSpec, settings: str
    ) -> None:
        """Starts without an episode, and reads the demonstrations.

        Raises:
            InputError: names the demonstration file that does not fit.
        """
        used = DataSpec({name: spec.entries[name] for name in agent.entries}, spec.action_size)
        self.online = RolloutBuffer(config.capacity, used)
        self._agent, self._max_age = agent, config.max_policy_age
        self._policies: dict[int, State] = {}
        self._imitated: Batch | None = None
        self._digest, self.demonstrations = '', 0
        if config.demonstrations:
            buffer = load_dataset(config.demonstrations, used, settings=settings)
            self._imitated, self._digest = _whole(buffer), digest(buffer)
            self.demonstrations = len(buffer)

    @property
    def mixture(self) -> 'Rollouts':
        """What batches are drawn from."""
        return self

    def __len__(self) -> int:
        """Transitions of complete episodes."""
        return len(self.online)

    def add(self, step: Step) -> None:
        """Takes a step."""
        if self.online.add(step):
            self._note_policy()
            self.online.keep_only(self._policies)

    def sample(self, batch_size: int, rng: np.random.Generator) -> Rollout:
        """All complete episodes, which are forgotten here; both arguments are of no use."""
        self._note_policy()
        self.online.keep_only(self._policies)
        rollout = self.online.take()
        log_prob = np.zeros(len(rollout.reward), np.float32)
        for version in np.unique(rollout.version).tolist():
            acted = rollout.version == version
            log_prob[acted] = self._agent.log_prob(rollout, self._policies[version])[acted]
        return dataclasses.replace(rollout, log_prob=log_prob, demonstrations=self._imitated)

    def state_dict(self) -> State:
        """Episodes, policies, and the sha256 of the demonstrations."""
        self._note_policy()
        state = arrays.nest('episodes', self.online.state_dict())
        for version, policy in self._policies.items():
            state |= arrays.nest(f'policies/{version}', policy)
        return state | {'digest': arrays.from_json(self._digest)}

    def load_state_dict(self, state: State) -> None:
        """Replaces everything by what `state_dict` gave.

        Raises:
            InputError: other entries, another policy, or other demonstrations.
        """
        if 'digest' not in state:
            raise InputError('rollout state: expected that of an on-policy agent')
        saved = arrays.to_json(state['digest'])
        if saved != self._digest:
            raise InputError(
                f'rollout state: demonstrations: expected those with sha256 {saved[:12]!r}, '
                f'got {self._digest[:12]!r}: the file has changed'
            )
        policies = arrays.part(state, 'policies')
        versions = sorted({int(name.partition('/')[0]) for name in policies})
        self.online.load_state_dict(arrays.part(state, 'episodes'))
        self._policies = {v: arrays.part(policies, str(v)) for v in versions}

    def _note_policy(self) -> None:
        """Keeps the present policy, and forgets those that are too old."""
        now = self._agent.updates
        if now not in self._policies:
            self._policies[now] = self._agent.policy_state()
            oldest = now - self._max_age
            self._policies = {v: p for v, p in self._policies.items() if v >= oldest}


class OnPolicyLearner(Learner):
    """A learner whose updates each take the episodes since the one before."""

    replay: RolloutBuffer

    def __init__(
        self, config: OnPolicyConfig, agent: OnPolicyAgent, spec: DataSpec, run: RunInfo
    ) -> None:
        """Reads the demonstrations, where the agent imitates some.

        Args:
            config: how the agent is fed.
            agent: what learns.
            spec: of the observations and the action.
            run: which run this is.

        Raises:
            InputError: the demonstrations do not fit the task.
        """
        self._rollout_steps = config.rollout_steps
        rollouts = Rollouts(config, agent, spec, run.settings)
        super().__init__(_general(config), agent, spec, run, rollouts)

    @property
    def owed(self) -> int:
        """1 once enough transitions of complete episodes wait, else 0."""
        return int(len(self._mixture) >= self._rollout_steps and not self.diverged)

    def summary(self) -> dict[str, Any]:
        """Counters for the progress line and `summary.json`."""
        replay = self.replay
        dropped = {'discarded_steps': replay.discarded, 'stale_transitions': replay.stale}
        return super().summary() | dropped


def _general(config: OnPolicyConfig) -> LearnerConfig:
    return LearnerConfig(
        batch_size=config.rollout_steps,
        warmup_steps=0,
        updates_per_step=1 / config.rollout_steps,
        publish='episode',
        checkpoint_steps=config.checkpoint_steps,
        measure_every=1,
    )


def _whole(buffer: ReplayBuffer) -> Batch:
    """All transitions of a buffer."""
    return buffer.gather(np.flatnonzero(buffer.links >= 0))
