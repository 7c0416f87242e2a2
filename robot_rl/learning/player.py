# SPDX-License-Identifier: Apache-2.0
"""Plays a policy: which version acts in an episode, how it acts, and with which noise."""

from typing import Literal

import numpy as np

from robot_rl.agents import Agent
from robot_rl.errors import InputError
from robot_rl.learning.versions import Policy, PolicyVersions
from robot_rl.learning.weights import Weights, specs, unpack
from robot_rl.types import Action, Observation

How = Literal['sample', 'mean', 'zero']


class Player:
    """Answers observations with actions.

    The noise of an episode follows from (seed, episode), whatever was played before.
    """

    def __init__(self, agent: Agent | None, size: int, how: How, seed: int) -> None:
        """Plays what the agent holds until policies are offered.

        Args:
            agent: acts; None where `how` is zero.
            size: A.
            how: by a sample, by the mean, or with zeros.
            seed: of the run.
        """
        self._agent = agent
        self._size = size
        self._how = how
        self._seed = seed
        self._versions: PolicyVersions | None = None
        self._playing = Policy('', -1 if agent is None else 0, -1, {})
        self._episode = -1

    def follow(self, versions: PolicyVersions) -> None:
        """From now on policies come from a learner; none plays before the first is here."""
        self._versions = versions

    def offer(self, offered: Weights) -> None:
        """Takes a policy from the learner.

        Raises:
            InputError: a changed byte, another shape, a NaN, or an older version; the policy
                that plays goes on.
        """
        if self._agent is None or self._versions is None:
            return
        state = unpack(offered.data, offered.sha256, specs(self._agent.policy_state()))
        refusal = self._versions.offer(
            Policy(offered.run, offered.version, offered.episode, state)
        )
        if refusal:
            raise InputError(f'policy/weights: {refusal}')

    def act(self, observation: Observation) -> Action | None:
        """The answer to an observation; None while the episode's policy is not here yet."""
        if self._agent is None or self._how == 'zero':
            return Action(observation.stamp_ns, np.zeros(self._size), 'script')
        if observation.episode != self._episode and not self._start(observation.episode):
            return None
        explore = self._how == 'sample'
        values = self._agent.act(observation.entries, explore)
        run, version = self._playing.run, self._playing.version
        return Action(observation.stamp_ns, values, 'policy', run, version, explore)

    def _start(self, episode: int) -> bool:
        """Takes up the policy and the noise of an episode."""
        assert self._agent is not None
        if self._versions is not None:
            chosen = self._versions.choose(episode)
            if chosen is None:
                return False
            if chosen is not self._playing:
                self._agent.load_policy_state(chosen.state)
                self._playing = chosen
        sequence = np.random.SeedSequence([self._seed, episode, 1])
        self._agent.reseed(int(sequence.generate_state(1)[0]))
        self._episode = episode
        return True
