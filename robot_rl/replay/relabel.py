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
_TRIES = 16  # rows looked at for each one whose episode moved


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

    def choose_rows(self, size: int, rounding: float, rng: np.random.Generator) -> Rows:
        """Where the transitions of a batch start, shape [B], those with new goals first.

        Args:
            size: B.
            rounding: as for `draw`.
            rng: source of the rows.
        """
        rows = self._buffer.choose_rows(rng.random(size))
        if self._config.moved:
            relabelled = split(size, self._shares, rounding)[-1]
            found = self._moved(self._buffer.choose_rows(rng.random(_TRIES * relabelled)))
            if len(found):
                rows[:relabelled] = found[below(len(found), rng.random(relabelled))]
        return rows

    def _moved(self, rows: Rows) -> Rows:
        """Those rows whose episode ends away from where it began."""
        episodes = self._buffer.episodes
        ends = np.stack([episodes.final(rows), episodes.first(rows)])
        last, first = self._buffer.columns.entry(self._config.achieved, ends)
        return rows[~self._reward(last, first)[1]]

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
