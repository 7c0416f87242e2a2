# SPDX-License-Identifier: Apache-2.0
"""Returns over several steps, which stop where the episode stops.

    R = sum_{i < n} gamma^i r_{t+i+1},    target = R + gamma^n (1 - terminated) V(s_{t+n})

with n as asked for, or fewer where the task ends earlier, or where nothing later is stored: at
a time limit the value of the last state still counts, gamma^n as far away as it is.
"""

import numpy as np
from numpy.typing import NDArray

from robot_rl.replay.episodes import Rows


def walk(links: Rows, rows: Rows, steps: int) -> Rows:
    """The rows after each of the next steps, -1 past the end of what is stored, shape [N, B].

    Args:
        links: for every row the one that follows in its episode, or -1.
        rows: where to start, shape [B].
        steps: N.
    """
    path = np.empty((steps, len(rows)), np.int64)
    path[0] = links.take(rows)
    for step in range(1, steps):
        before = path[step - 1]
        path[step] = np.where(before < 0, -1, links.take(before))
    return path


def returns(
    reward: NDArray[np.float32], ends: NDArray[np.bool_], path: Rows, gamma: float
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Discounted sums of rewards, and over how many steps each goes, shape [B].

    Args:
        reward: on arrival after each step, shape [N, B]; ignored past the end.
        ends: whether the task ends there, shape [N, B].
        path: from `walk`, shape [N, B].
        gamma: discount a step.
    """
    if len(path) == 1:
        return reward[0], np.ones(path.shape[1], np.int64)
    counted = path >= 0
    counted[1:] &= ~np.logical_or.accumulate(ends[:-1], axis=0)
    discount = gamma ** np.arange(len(path))
    total = discount @ np.where(counted, reward, 0)
    return total.astype(np.float32), counted.sum(0)
