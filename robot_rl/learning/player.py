# SPDX-License-Identifier: Apache-2.0
"""Plays a policy: which version acts in an episode, how it acts, and with which noise."""

from typing import Literal

import numpy as np

from robot_rl.agents import Agent
from robot_rl.errors import InputError
from robot_rl.learning.dropping import ActionDropping
from robot_rl.learning.versions import Policy, PolicyVersions
from robot_rl.learning.weights import Weights, check_settings, specs, unpack
from robot_rl.types import Action, Observation

How = Literal['sample', 'mean', 'zero']
Refresh = Literal['episode', 'step']


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
        self._settings = ''
        self._refresh: Refresh = 'episode'
        self._dropping = ActionDropping(0.0, seed)
        self._playing = Policy('', -1 if agent is None else 0, -1, {})
        self._episode = -1

    def follow(
        self,
        versions: PolicyVersions,
        settings: str,
        refresh: Refresh = 'episode',
        drop_actions: float = 0.0,
    ) -> None:
        """From now on policies come from a learner; none plays before the first is here.

        Args:
            versions: keeps them.
            settings: JSON of what shapes the data here, from `weights.settings_json`; the
                learner's must be equal.
            refresh: whether one plays a whole episode, or until a newer one is here. The noise
                of an episode goes on across a change.
            drop_actions: probability that an action gets lost, see `ActionDropping`.
        """
        self._versions, self._settings, self._refresh = versions, settings, refresh
        self._dropping = ActionDropping(drop_actions, self._seed)

    def offer(self, offered: Weights) -> None:
        """Takes a policy from the learner.

        Raises:
            InputError: another agent, robot, observation or action, a changed byte, another
                shape, a NaN, or an older version; the policy that plays goes on.
        """
        if self._agent is None or self._versions is None:
            return
        check_settings(self._settings, offered.settings, 'policy/weights')
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
        if observation.episode != self._episode:
            if not self._start(observation.episode):
                return None
        elif self._refresh == 'step':
            self._take_up(observation.episode)
        explore = self._how == 'sample'
        own = self._agent.act(observation.entries, explore)
        values = self._dropping.arrive(own)
        return Action(
            observation.stamp_ns,
            values,
            'policy',
            self._playing.run,
            self._playing.version,
            explore,
            None if values is own else own,
        )

    def _start(self, episode: int) -> bool:
        """Takes up the policy and the noise of an episode."""
        assert self._agent is not None
        if not self._take_up(episode):
            return False
        sequence = np.random.SeedSequence([self._seed, episode, 1])
        self._agent.reseed(int(sequence.generate_state(1)[0]))
        self._dropping.start(episode)
        self._episode = episode
        return True

    def _take_up(self, episode: int) -> bool:
        """Loads the policy to play the episode with, where it is another than now."""
        assert self._agent is not None
        if self._versions is None:
            return True
        chosen = self._versions.choose(episode)
        if chosen is None:
            return False
        if chosen is not self._playing:
            self._agent.load_policy_state(chosen.state)
            self._playing = chosen
        return True
