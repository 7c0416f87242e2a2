# SPDX-License-Identifier: Apache-2.0
"""Rewards that follow from what was achieved and what was desired alone.

Pure functions of arrays, so that replay can ask what a transition would have paid for another
goal (Andrychowicz et al. 2017, *Hindsight Experience Replay*, section 4.1).
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class GoalRewardConfig:
    """How the distance from a goal is rewarded.

    Attributes:
        kind: `sparse` pays -1 away from the goal and 0 at it, `binary` 0 and 1, `dense` the
            negative distance, `step` the number of parts in place less that of all parts (Nair
            2022, section 4.5.1).
        distance: greatest distance at which the goal counts as reached, in its own unit.
        part: values that make one part of the goal, such as 3 for the position of each of
            several objects; the goal is reached where every part is. 0 for a goal in one part.
        terminate: whether a transition ends the task where it reaches a goal that was put in
            afterwards. Without it such a transition keeps the end that was recorded.
    """

    kind: Literal['sparse', 'binary', 'dense', 'step'] = 'sparse'
    distance: float = 0.05
    part: int = 0
    terminate: bool = False

    def __post_init__(self) -> None:
        """Refuses a distance that is none, and parts of no size."""
        if self.part < 0:
            raise ValueError(f'part: expected at least 0 values, got {self.part}')
        if not 0 < self.distance < math.inf:
            raise ValueError(f'distance: expected a positive distance, got {self.distance}')


def goal_distance(achieved: NDArray[Any], desired: NDArray[Any], part: int = 0) -> NDArray[Any]:
    """Euclidean distance ||achieved - desired||_2 of each part, shape [..., G / part].

    Args:
        achieved: shape [..., G].
        desired: shape [..., G].
        part: values that make a part; 0 for all G.
    """
    error = achieved - desired
    error = error.reshape(*error.shape[:-1], -1, part or error.shape[-1])
    return np.asarray(np.sqrt(np.vecdot(error, error)))


def goal_reward(
    achieved: NDArray[Any], desired: NDArray[Any], config: GoalRewardConfig
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Reward for arriving at `achieved` when `desired` was the goal, and whether that reached it.

    Args:
        achieved: shape [..., G].
        desired: shape [..., G].
        config: which reward.

    Returns:
        Reward and whether the goal is reached, shape [...] each.
    """
    distance = goal_distance(achieved, desired, config.part)
    near = distance <= config.distance
    return _VALUES[config.kind](distance, near), np.asarray(near.all(axis=-1))


def _sparse(distance: NDArray[Any], near: NDArray[np.bool_]) -> NDArray[Any]:
    return np.asarray(near.all(axis=-1).astype(distance.dtype) - 1)


def _binary(distance: NDArray[Any], near: NDArray[np.bool_]) -> NDArray[Any]:
    return np.asarray(near.all(axis=-1).astype(distance.dtype))


def _dense(distance: NDArray[Any], near: NDArray[np.bool_]) -> NDArray[Any]:
    return np.asarray(-distance.sum(axis=-1))


def _step(distance: NDArray[Any], near: NDArray[np.bool_]) -> NDArray[Any]:
    return np.asarray(near.sum(axis=-1).astype(distance.dtype) - near.shape[-1])


_VALUES = {'sparse': _sparse, 'binary': _binary, 'dense': _dense, 'step': _step}
