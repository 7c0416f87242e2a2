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
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_rl.errors import InputError
from robot_rl.replay.buffer import ReplayBuffer
from robot_rl.replay.episodes import Rows, below
from robot_rl.replay.relabel_config import (
    HEIGHT,
    RelabelConfig,
    expect_shape,
    expect_vector,
    shape_of,
)
from robot_rl.replay.shares import split
from robot_rl.rewards.goal import goal_reward
from robot_rl.types import Entries, FloatArray

#: Reward [...] and whether the goal is reached [...], from achieved and desired goals [..., G].
GoalReward = Callable[[NDArray[Any], NDArray[Any]], tuple[NDArray[Any], NDArray[np.bool_]]]
_TRIES = 16  # rows looked at for each one that is chosen, where some are likelier


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
            shape = shape_of(entries, achieved)
            expect_shape(desired, shape_of(entries, desired), shape)
            if prior is not None:
                expect_shape(f'prior: {desired}', shape_of(prior, desired), shape)
                if not len(prior[desired]):
                    raise InputError(f'relabel: prior: {desired}: expected at least one goal')
        if reward is None:
            expect_vector(config.achieved, shape_of(entries, config.achieved))

    def choose(
        self, uniform: FloatArray, rounding: float, rng: np.random.Generator
    ) -> tuple[Rows, FloatArray]:
        """Where the transitions of a batch start, shape [B], those with new goals first.

        Args:
            uniform: random numbers in [0, 1), shape [B].
            rounding: as for `draw`.
            rng: source of the rows.

        Returns:
            The rows, and the random numbers [B] that choose their goals in `draw`: the given
            ones, or others where some goals are likelier.
        """
        rows = self._buffer.choose_rows(rng.random(len(uniform)))
        if not self._config.moved and not self._config.lift:
            return rows, uniform
        size = split(len(rows), self._shares, rounding)[-1]
        tried = self._buffer.choose_rows(rng.random(_TRIES * size))
        goals = rng.random(len(tried))
        sums = np.cumsum(self._weights(tried, goals))
        if not size or not sums[-1] > 0:
            return rows, uniform
        which = np.searchsorted(sums, sums[-1] * rng.random(size), side='right')
        rows[:size] = tried.take(which, mode='clip')
        return rows, np.concatenate([goals.take(which, mode='clip'), uniform[size:]])

    def _weights(self, rows: Rows, uniform: FloatArray) -> FloatArray:
        """How likely each row gets a new goal, shape [B]; 0 where the object stayed."""
        episodes, lift = self._buffer.episodes, self._config.lift
        there = episodes.later(rows, uniform) if lift else episodes.final(rows)
        ends = np.stack([there, episodes.first(rows)])
        goal, first = self._buffer.columns.entry(self._config.achieved, ends)
        away: FloatArray = np.asarray(~self._reward(goal, first)[1], np.float64)
        if lift:
            away *= 1 + lift * np.maximum(goal[:, HEIGHT] - first[:, HEIGHT], 0)
        return away

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
