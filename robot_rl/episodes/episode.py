# SPDX-License-Identifier: Apache-2.0
"""Episodes: numbering, seeds, goals, time limits, and how they end."""

from dataclasses import dataclass

import numpy as np

from robot_rl.episodes.observation import ObservationBuilder
from robot_rl.types import FloatArray, Observation, Reward, Snapshot


@dataclass(frozen=True)
class GoalConfig:
    """The goal that the base controller steers to, or where a task with another goal is.

    Attributes:
        position: tool0 in the base frame at the goal, m; the middle of the task where the goal
            comes with the scene's state.
        rpy: orientation of tool0 there, rad, fixed-axis roll, pitch, yaw.
        noise: half-width of the uniform error of the believed position, m per axis.
        size: of achieved and desired goal, where those come with the scene's state; 0 where the
            goal is the tool's.
        tool: whether the first three of those values are the tool's position, to which a base
            controller may steer.
    """

    position: tuple[float, float, float]
    rpy: tuple[float, float, float]
    noise: tuple[float, float, float] = (0.0, 0.0, 0.0)
    size: int = 0
    tool: bool = False

    @property
    def from_scene(self) -> bool:
        """Whether achieved and desired goal come with the scene's state."""
        return self.size > 0

    def __post_init__(self) -> None:
        """Refuses negative noise and goals that no arm reaches."""
        if not all(0 <= n <= 0.1 for n in self.noise):
            raise ValueError(f'noise: expected 0 to 0.1 m per axis, got {self.noise}')
        if not all(abs(p) <= 3 for p in self.position):
            raise ValueError(f'position: expected metres within 3 of the base: {self.position}')
        if self.tool and self.size < 3:
            raise ValueError(f'tool: expected a size of 3 or more, got {self.size}')


@dataclass(frozen=True)
class Limits:
    """When an episode and the run end, and where the run goes on after a resume.

    Attributes:
        horizon: actions after which an episode is truncated.
        steps: actions after which the run ends; 0 for no end.
        episodes: episodes after which the run ends; 0 for no end.
        first_episode: number of the first episode.
        first_step: actions that were taken before it.
    """

    horizon: int
    steps: int = 0
    episodes: int = 0
    first_episode: int = 0
    first_step: int = 0


@dataclass(frozen=True, slots=True)
class ResetRequest:
    """What brings robot and scene to the start of an episode."""

    seed: int
    episode: int


class Episodes:
    """Counts episodes and steps, draws goals, and says when an episode is over.

    Start state and goal error of episode n follow from (seed, n) alone, so that two hosts,
    or a run and its repetition, meet the same episodes.
    """

    def __init__(
        self,
        builder: ObservationBuilder,
        goal: GoalConfig,
        limits: Limits,
        seed: int,
        collector: str = '',
    ) -> None:
        """Stands before the first episode; `reset` opens it.

        Args:
            builder: makes the entries.
            goal: believed goal and its noise.
            limits: when an episode and the run end.
            seed: of the run.
            collector: identity written into every observation.
        """
        self._builder = builder
        self._goal = goal
        self._limits = limits
        self._seed = seed
        self._collector = collector
        self.episode = limits.first_episode - 1
        self.step = self.sequence = 0
        self.actions = limits.first_step
        self.over = True

    @property
    def exhausted(self) -> bool:
        """Whether the run is over: no further episode is wanted."""
        done = self.episode + 1 - self._limits.first_episode
        return (0 < self._limits.episodes <= done) or (0 < self._limits.steps <= self.actions)

    def reset(self) -> ResetRequest:
        """Opens the next episode: what to ask of the robot or the simulation."""
        self.episode += 1
        self.step = 0
        self.over = False
        start_seed, goal_seed = np.random.SeedSequence([self._seed, self.episode]).spawn(2)
        self._builder.reset(self._believed_goal(np.random.default_rng(goal_seed)))
        return ResetRequest(int(start_seed.generate_state(1)[0]), self.episode)

    def observe(self, snapshot: Snapshot) -> Observation:
        """The observation of the current step; the next call is the next step's."""
        if self.over:
            raise RuntimeError(f'episode {self.episode} is over; reset before observing')
        step, self.step = self.step, self.step + 1
        sequence, self.sequence = self.sequence, self.sequence + 1
        self.actions += step > 0
        return Observation(
            stamp_ns=snapshot.stamp_ns,
            collector=self._collector,
            episode=self.episode,
            step=step,
            entries=self._builder.build(snapshot),
            truncated=step >= self._limits.horizon or 0 < self._limits.steps <= self.actions,
            sequence=sequence,
        )

    def judge(self, observation: Observation, reward: Reward) -> bool:
        """Whether the episode ends in this state; no action is wanted then."""
        self.over = self.over or reward.terminated or observation.truncated
        return self.over

    def _believed_goal(self, rng: np.random.Generator) -> FloatArray:
        noise = np.asarray(self._goal.noise)
        return np.asarray(self._goal.position) + rng.uniform(-noise, noise)
