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
            negative distance.
        distance: greatest distance at which the goal counts as reached, in its own unit.
        terminate: whether a transition ends the task where it reaches a goal that was put in
            afterwards. Without it such a transition keeps the end that was recorded.
    """

    kind: Literal['sparse', 'binary', 'dense'] = 'sparse'
    distance: float = 0.05
    terminate: bool = False

    def __post_init__(self) -> None:
        """Refuses a distance that is none."""
        if not 0 < self.distance < math.inf:
            raise ValueError(f'distance: expected a positive distance, got {self.distance}')


def goal_distance(achieved: NDArray[Any], desired: NDArray[Any]) -> NDArray[Any]:
    """Euclidean distance ||achieved - desired||_2, shape [...].

    Args:
        achieved: shape [..., G].
        desired: shape [..., G].
    """
    error = achieved - desired
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
    distance = goal_distance(achieved, desired)
    reached = distance <= config.distance
    return _VALUES[config.kind](distance, reached), reached


def _sparse(distance: NDArray[Any], reached: NDArray[np.bool_]) -> NDArray[Any]:
    return reached.astype(distance.dtype) - 1


def _binary(distance: NDArray[Any], reached: NDArray[np.bool_]) -> NDArray[Any]:
    return reached.astype(distance.dtype)


def _dense(distance: NDArray[Any], reached: NDArray[np.bool_]) -> NDArray[Any]:
    return -distance


_VALUES = {'sparse': _sparse, 'binary': _binary, 'dense': _dense}
