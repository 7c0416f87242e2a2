# SPDX-License-Identifier: Apache-2.0
"""A scripted expert for FetchPickAndPlace and FetchPush: the source of demonstrations."""

import numpy as np

from robot_rl.types import Entries, FloatArray

GAIN = 20.0  # the environment moves the gripper by 5 cm for an action of 1
OPEN, CLOSE = 1.0, -1.0
ABOVE_M = 0.06
NEAR_M = 0.01
HELD_M = 0.052  # width between the fingers, below which they hold the block of 5 cm


def pick_and_place(entries: Entries) -> FloatArray:
    """The action [4] for one observation: above the block, down, grip, and to the goal."""
    seen = entries['observation'].astype(np.float64)
    goal = entries['desired_goal'].astype(np.float64)
    block, offset, width = seen[3:6], seen[6:9], float(seen[9] + seen[10])
    level = float(np.hypot(offset[0], offset[1]))
    if level > NEAR_M and abs(offset[2]) < 0.9 * ABOVE_M and width > HELD_M:
        return _towards(np.array([0.0, 0.0, offset[2] + ABOVE_M]), OPEN)
    if level > NEAR_M and width > HELD_M:
        return _towards(offset + np.array([0.0, 0.0, ABOVE_M]), OPEN)
    if abs(offset[2]) > NEAR_M:
        return _towards(offset, OPEN)
    if width > HELD_M:
        return _towards(offset, CLOSE)
    return _towards(goal - block, CLOSE)


def _towards(way: FloatArray, fingers: float) -> FloatArray:
    return np.append(np.clip(GAIN * way, -1, 1), fingers)
