# SPDX-License-Identifier: Apache-2.0
"""How a batch is made of a buffer: over how many steps, and with which goals."""

import math
from dataclasses import dataclass

import numpy as np

from robot_rl.errors import InputError
from robot_rl.replay import nstep
from robot_rl.replay.batch import Batch
from robot_rl.replay.buffer import ReplayBuffer
from robot_rl.replay.episodes import Rows
from robot_rl.replay.relabel import Goals, Relabel
from robot_rl.types import Entries, FloatArray


@dataclass(frozen=True)
class Sampler:
    """Draws from one buffer.

    Attributes:
        buffer: where the steps are.
        n_step: over how many steps returns go.
        gamma: discount of these returns; needed with more than one step.
        relabel: which transitions get other goals; none when absent.
    """

    buffer: ReplayBuffer
    n_step: int = 1
    gamma: float = math.nan
    relabel: Relabel | None = None

    def __post_init__(self) -> None:
        """Refuses returns over several steps without a discount."""
        if not self.n_step >= 1:
            raise InputError(f'n_step: expected at least 1, got {self.n_step}')
        if self.n_step > 1 and not 0 <= self.gamma <= 1:
            raise InputError(f'gamma: expected a discount in [0, 1], got {self.gamma}')

    def __len__(self) -> int:
        """Transitions that can be drawn."""
        return len(self.buffer)

    def sample(self, batch_size: int, rng: np.random.Generator) -> Batch:
        """Transitions whose first states are drawn uniformly with replacement.

        Raises:
            InputError: there is none yet.
        """
        if self.n_step == 1 and self.relabel is None:
            return self.buffer.sample(batch_size, rng)
        uniform, rounding = rng.random(batch_size), rng.random()
        rows, uniform = self._choose(uniform, rounding, rng)
        columns = self.buffer.columns
        path = nstep.walk(self.buffer.links, rows, self.n_step)
        reward, ends = columns.reward.take(path), columns.terminated.take(path)
        goals = None
        if self.relabel:
            goals = self.relabel.draw(rows, uniform, rounding)
            self.relabel.judge(goals, path, reward, ends)
        total, steps = nstep.returns(reward, ends, path, self.gamma)
        last, terminated = path[0], ends[0]
        if self.n_step > 1:
            place = steps - 1, np.arange(len(rows))
            last, terminated = path[place], ends[place]
        states = columns.observe(np.concatenate([rows, last]))
        if goals:
            _write(goals, states)
        return Batch(
            observation={name: array[: len(rows)] for name, array in states.items()},
            action=columns.action.take(rows, axis=0),
            reward=total,
            next_observation={name: array[len(rows) :] for name, array in states.items()},
            terminated=terminated,
            steps=steps,
            demonstration=np.zeros(len(rows), np.bool_),
        )

    def _choose(
        self, uniform: FloatArray, rounding: float, rng: np.random.Generator
    ) -> tuple[Rows, FloatArray]:
        if self.relabel:
            return self.relabel.choose(uniform, rounding, rng)
        return self.buffer.choose_rows(rng.random(len(uniform))), uniform


def _write(goals: Goals, states: Entries) -> None:
    """Puts new goals into the first and the last states of transitions, shape [2 B, ...]."""
    for name, values in goals.entries.items():
        ends = states[name].reshape(2, -1, *values.shape[1:])
        ends[:, : goals.size] = values
