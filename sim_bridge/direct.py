# SPDX-License-Identifier: Apache-2.0
"""Training and evaluation by plain calls: a host, an agent and its learner in one thread."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from robot_rl.agents import Agent
from robot_rl.learning.learner import Learner
from robot_rl.types import Action, Observation, Reward, Step


class Host(Protocol):
    """What plays episodes: `DirectHost`, or `GymHost` for other people's environments."""

    observation: Observation
    reward: Reward

    @property
    def over(self) -> bool:
        """Whether the episode has ended."""

    def reset(self) -> Observation:
        """Opens the next episode."""

    def act(self, action: Action) -> Observation:
        """Plays one action."""

    def take_steps(self) -> list[Step]:
        """The steps complete since the last call."""


@dataclass(frozen=True)
class Evaluation:
    """What a policy without noise reached.

    Attributes:
        success_rate: share of episodes whose last state is a success.
        mean_return: sum of rewards, mean over the episodes.
    """

    success_rate: float
    mean_return: float


def train_episode(host: Host, agent: Agent, learner: Learner, seed: int) -> None:
    """Plays one episode with exploration; the learner does what it owes after each step.

    Args:
        host: gives the steps.
        agent: acts; the learner's own, so that it acts by its newest weights.
        learner: takes the steps.
        seed: of the run; the noise of an episode follows from (seed, episode).
    """
    observation = host.reset()
    noise = np.random.SeedSequence([seed, observation.episode, 1])
    agent.reseed(int(noise.generate_state(1)[0]))
    while not host.over:
        values = agent.act(observation.entries, explore=True)
        version = agent.updates
        observation = host.act(Action(observation.stamp_ns, values, version=version, explore=True))
        for step in host.take_steps():
            learner.add(step)
        while learner.owed:
            learner.update()


def evaluate(host: Host, agent: Agent, episodes: int) -> Evaluation:
    """Plays episodes without exploration."""
    successes, returns = [], []
    for _ in range(episodes):
        observation, total = host.reset(), 0.0
        agent.reseed(observation.episode)
        while not host.over:
            values = agent.act(observation.entries, explore=False)
            observation = host.act(Action(observation.stamp_ns, values))
            total += host.reward.value
        host.take_steps()
        successes.append(host.reward.success)
        returns.append(total)
    return Evaluation(float(np.mean(successes)), float(np.mean(returns)))
