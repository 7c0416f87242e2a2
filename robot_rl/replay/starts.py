# SPDX-License-Identifier: Apache-2.0
"""Demonstrated states as start states: a curriculum for tasks that are long or rarely rewarded.

Some episodes of the training begin in a state out of a demonstration instead of the task's own
start (Nair 2022, section 4.4.4; Zhu et al. 2018, section III-B 2). The state is one that a
simulation saved and can go back to. Evaluation never begins there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from robot_rl import ranges
from robot_rl.errors import InputError
from robot_rl.ranges import Range
from robot_rl.replay.dataset import find_files, read_steps
from robot_rl.types import FloatArray, Step

#: Entry of an observation that holds the simulation's state, bytes of any length.
WORLD_STATE = 'world_state'


@dataclass(frozen=True)
class StartsConfig:
    """Which demonstrated states episodes begin in, and how many do.

    Attributes:
        share: of the episodes that begin in a demonstrated state; the paper's 1 - epsilon.
        order: `uniform` over all states of all demonstrations, or `end_first`: at the beginning
            only from their ends, then from ever earlier states.
        widen_episodes: with `end_first`, episode from which on all states are drawn from.
    """

    share: float = 0.5
    order: Literal['uniform', 'end_first'] = 'uniform'
    widen_episodes: int = 1000

    def __post_init__(self) -> None:
        """Refuses values outside their ranges."""
        ranges.check(self, {'share': Range(0, 1), 'widen_episodes': Range(1, 10**9)})


@dataclass(frozen=True)
class Start:
    """Where an episode begins.

    Attributes:
        state: of the simulation, as it was recorded.
        goal: what the demonstration achieved in the end, which is the goal of the episode as in
            hindsight (Nair 2022, section 4.4.4), shape [G].
    """

    state: bytes
    goal: FloatArray


class DemonstrationStarts:
    """Draws the start of each episode; what is drawn follows from seed and episode alone."""

    def __init__(
        self, config: StartsConfig, demonstrations: Iterable[Sequence[Step]], seed: int
    ) -> None:
        """Keeps the states of demonstrations, all but the last of each, and their goals.

        Args:
            config: which are drawn, and how often.
            demonstrations: steps of whole episodes, each in order.
            seed: of the run.

        Raises:
            InputError: a step holds no state, or no demonstration has two steps.
        """
        self._config, self._seed = config, seed
        self._states: list[bytes] = []
        goals, left = [], []
        for steps in demonstrations:
            states, goal = _states(steps)
            self._states += states
            goals += [goal] * len(states)
            left += [(len(states) - i) / len(states) for i in range(len(states))]
        if not self._states:
            raise InputError('starts: expected demonstrations of two steps or more, got none')
        self._goals, self._left = goals, np.array(left)

    def __len__(self) -> int:
        """States that can be drawn."""
        return len(self._states)

    def draw(self, episode: int) -> Start | None:
        """Where this episode begins; None for the task's own start."""
        rng = np.random.default_rng([self._seed, episode])
        if rng.random() >= self._config.share:
            return None
        rows = self.candidates(episode)
        row = int(rows[rng.integers(len(rows))])
        return Start(self._states[row], self._goals[row].copy())

    def candidates(self, episode: int) -> NDArray[np.int64]:
        """Numbers of the states that this episode may begin in.

        With `end_first`, a state may be drawn once the share of its demonstration that lies
        before it has shrunk to what is still closed; the last state of each is always open.
        """
        if self._config.order == 'uniform':
            return np.arange(len(self._states))
        open_share = min(1.0, episode / self._config.widen_episodes)
        last = np.append(np.diff(self._left) > 0, True)
        return np.flatnonzero((self._left <= open_share + 1e-9) | last)


def load_starts(path: str | Path, config: StartsConfig, seed: int) -> DemonstrationStarts:
    """Starts out of recordings or `.npz` files; a path as `load_dataset` takes it.

    Raises:
        InputError: names the path and what is missing there.
    """
    try:
        files = find_files(Path(path))
        episodes = (list(e) for f in files for _, e in groupby(read_steps(f), _episode))
        return DemonstrationStarts(config, episodes, seed)
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(str(path)) else f'{path}: {text}') from error


def _episode(step: Step) -> tuple[str, int]:
    return step.observation.collector, step.observation.episode


def _states(steps: Sequence[Step]) -> tuple[list[bytes], FloatArray]:
    """Saved states of a demonstration but for the last, and what it achieved in the end."""
    for step in steps:
        if WORLD_STATE not in step.observation.entries:
            got = list(step.observation.entries)
            raise InputError(f'starts: expected an entry {WORLD_STATE!r} to go back to, got {got}')
    states = [step.observation.entries[WORLD_STATE].tobytes() for step in steps[:-1]]
    return states, np.asarray(steps[-1].observation.entries['achieved_goal'], np.float64)
