# SPDX-License-Identifier: Apache-2.0
"""Hindsight experience replay as a way of sampling (Andrychowicz et al. 2017, section 3).

A share of each batch gets another goal than the one that was pursued, and with it the reward
that would have been paid. Where that goal comes from is the strategy (section 4.5):

    | future | a state of the same episode after the one that the action was taken in |
    | final | the last state of the same episode |
    | episode | any state of the same episode |
    | prior | given goals, else a state of any episode (the paper's `random`) |

k relabelled transitions for every original one make a share of k / (k + 1). Nothing is stored:
each draw of a transition may get another goal.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_rl import ranges
from robot_rl.errors import InputError
from robot_rl.ranges import Range
from robot_rl.replay.buffer import ReplayBuffer
from robot_rl.replay.episodes import Rows, below
from robot_rl.replay.shares import split
from robot_rl.rewards.goal import GoalRewardConfig, goal_reward
from robot_rl.types import DataSpec, Entries, FloatArray

#: Reward [...] and whether the goal is reached [...], from achieved and desired goals [..., G].
GoalReward = Callable[[NDArray[Any], NDArray[Any]], tuple[NDArray[Any], NDArray[np.bool_]]]
_STRATEGIES = ('future', 'final', 'episode', 'prior')


@dataclass(frozen=True)
class RelabelConfig:
    """Which goals are put in, how often, and what they pay.

    The usual choice, k = 4 goals of the future, is `future: 0.8`. Half of the goals from the
    prior and half from the future is RIG's (Nair 2022, chapter 2), 0.4 each VAL's (chapter 9),
    `future: 0.7` PTP's (chapter 10).

    Attributes:
        future: share of the batch with a goal of this strategy.
        final: the same.
        episode: the same.
        prior: the same.
        reward: what a transition pays for a goal that is put in.
        desired: entry that the goal is written to.
        achieved: entry that it comes from, of the same shape.
        also: further entries to write, each with the one that it comes from: a goal picture
            beside the goal's position, or the scaled goal that a network reads.
    """

    future: float = 0.0
    final: float = 0.0
    episode: float = 0.0
    prior: float = 0.0
    reward: GoalRewardConfig = field(default_factory=GoalRewardConfig)
    desired: str = 'desired_goal'
    achieved: str = 'achieved_goal'
    also: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuses shares that are none or make no sense together."""
        ranges.check(self, dict.fromkeys(_STRATEGIES, Range(0, 1)))
        if not 0 < sum(self.shares) <= 1 + 1e-9:
            names = ', '.join(_STRATEGIES)
            raise ValueError(
                f'relabel: expected shares of {names} with a sum in (0, 1], got {self.shares}'
            )

    @property
    def shares(self) -> tuple[float, ...]:
        """By strategy, in the order of the table."""
        return tuple(getattr(self, name) for name in _STRATEGIES)

    @property
    def pairs(self) -> dict[str, str]:
        """Every entry that is written, and the one that it comes from."""
        return {self.desired: self.achieved} | self.also


@dataclass(frozen=True, slots=True)
class Goals:
    """New goals for the first K transitions of a batch; by entry, shape [K, ...]."""

    size: int
    entries: Entries


class Relabel:
    """Draws goals for the transitions of one buffer and judges what they pay."""

    def __init__(
        self,
        config: RelabelConfig,
        buffer: ReplayBuffer,
        prior: Entries | None = None,
        reward: GoalReward | None = None,
    ) -> None:
        """Checks that the buffer holds what is needed.

        Args:
            config: which goals.
            buffer: where transitions and goals are.
            prior: goals of the strategy `prior` by entry, shape [N, ...]; states of any
                episode when absent.
            reward: instead of the configured one.

        Raises:
            InputError: names the entry that is missing or has another shape.
        """
        self._config, self._buffer, self._prior = config, buffer, prior
        self._reward = reward or partial(goal_reward, config=config.reward)
        self._pairs = tuple(config.pairs.items())
        self._shares = config.shares
        entries = buffer.columns.entries
        for desired, achieved in config.pairs.items():
            shape = _shape(entries, achieved)
            _expect(desired, _shape(entries, desired), shape)
            if prior is not None:
                _expect(f'prior: {desired}', _shape(prior, desired), shape)
                if not len(prior[desired]):
                    raise InputError(f'relabel: prior: {desired}: expected at least one goal')
        if reward is None:
            _expect_vector(config.achieved, _shape(entries, config.achieved))

    def draw(self, rows: Rows, uniform: FloatArray, rounding: float) -> Goals:
        """New goals for the first transitions of a batch.

        Args:
            rows: where the transitions start, shape [B].
            uniform: random numbers in [0, 1) that choose the goals, shape [B].
            rounding: another, that chooses how shares are rounded.
        """
        ends = split(len(rows), self._shares, rounding)
        states = self._states(rows, ends, uniform)
        columns = self._buffer.columns
        goals: Entries = {d: columns.entry(a, states) for d, a in self._pairs}
        if len(states) < ends[-1]:
            goals = self._with_prior(goals, uniform[len(states) : ends[-1]])
        return Goals(ends[-1], goals)

    def judge(
        self,
        goals: Goals,
        path: Rows,
        reward: NDArray[np.float32],
        terminated: NDArray[np.bool_],
    ) -> None:
        """Puts in what the new goals pay, in place.

        Args:
            goals: from `draw`.
            path: rows after each step, shape [N, B].
            reward: on arrival there, shape [N, B].
            terminated: whether the task ended there, shape [N, B].
        """
        size, desired = goals.size, goals.entries[self._config.desired]
        achieved = self._buffer.columns.entry(self._config.achieved, path[:, :size])
        reward[:, :size], reached = self._reward(achieved, desired)
        if self._config.reward.terminate:
            terminated[:, :size] = reached

    def _states(self, rows: Rows, ends: list[int], uniform: FloatArray) -> Rows:
        """States whose achieved goals are put in; none for goals that are given."""
        future, final, episode, prior = ends
        episodes, drawn = self._buffer.episodes, []
        if future:
            drawn.append(episodes.later(rows[:future], uniform[:future]))
        if final > future:
            drawn.append(episodes.final(rows[future:final]))
        if episode > final:
            drawn.append(episodes.any(rows[final:episode], uniform[final:episode]))
        if prior > episode and self._prior is None:
            drawn.append(self._buffer.choose_rows(uniform[episode:prior]))
        if len(drawn) == 1:
            return drawn[0]
        return np.concatenate(drawn) if drawn else rows[:0]

    def _with_prior(self, goals: Entries, uniform: FloatArray) -> Entries:
        prior = self._prior or {}
        which = below(len(prior[self._config.desired]), uniform)
        return {n: np.concatenate([a, prior[n].take(which, 0)]) for n, a in goals.items()}


def check_relabel(config: RelabelConfig, spec: DataSpec, read: tuple[str, ...]) -> None:
    """Refuses goals that the task lacks, or that the agent would never see.

    Args:
        config: which goals.
        spec: what observations hold.
        read: entries that the agent reads.

    Raises:
        InputError: names the entry.
    """
    for desired, achieved in config.pairs.items():
        for name in (desired, achieved):
            if name not in spec.entries:
                raise InputError(f'relabel: no entry {name!r}; the task has {list(spec.entries)}')
        _expect(desired, spec.entries[desired].shape, spec.entries[achieved].shape)
    _expect_vector(config.achieved, spec.entries[config.achieved].shape)
    if not set(config.pairs) & set(read):
        raise InputError(
            f'relabel: the agent reads {list(read)}, none of the goals {list(config.pairs)}'
        )


def _shape(entries: Entries, name: str) -> tuple[int, ...]:
    if name not in entries:
        raise InputError(f'relabel: no entry {name!r}; there are {list(entries)}')
    return entries[name].shape[1:]


def _expect(name: str, shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if shape != wanted:
        raise InputError(f'relabel: {name}: expected the shape {wanted} of a goal, got {shape}')


def _expect_vector(name: str, shape: tuple[int, ...]) -> None:
    if len(shape) != 1:
        raise InputError(
            f'relabel: {name}: expected a vector to measure distances of, got {shape}'
        )
