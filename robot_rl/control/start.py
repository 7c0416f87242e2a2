# SPDX-License-Identifier: Apache-2.0
"""The way back to where an episode starts, for an arm that can't be put there."""

from dataclasses import dataclass

import numpy as np

from robot_rl import ranges
from robot_rl.types import FloatArray

RANGES = {
    'speed': ranges.Range(0, 0.25, 'm/s', above=True),
    'tolerance': ranges.Range(0, 0.05, 'm', above=True),
    'timeout_s': ranges.Range(0, 120, 's', above=True),
}


@dataclass(frozen=True)
class StartConfig:
    """Where an episode starts, and how the tool gets there.

    Attributes:
        offset: from the true goal to the start, m, base frame; the tool leaves along it.
        speed: of the way there, m/s.
        tolerance: distance that counts as arrived, m.
        timeout_s: after which the reset has failed.
    """

    offset: tuple[float, float, float] = (0.0, 0.0, 0.05)
    speed: float = 0.05
    tolerance: float = 0.002
    timeout_s: float = 15.0

    def __post_init__(self) -> None:
        """Refuses a start at the goal, and numbers out of range."""
        ranges.check(self, RANGES)
        if not 0 < float(np.linalg.norm(self.offset)) <= 1:
            raise ValueError(f'offset: expected a way of up to 1 m, got {list(self.offset)}')


class WayToStart:
    """First out along the approach axis, then across to the start.

    The way is straight and unplanned: it is meant for the free space above a workpiece, runs
    through the safety filter like any motion, and ends in a failure when it takes too long.
    """

    GAIN = 4.0  # 1/s, slows the tool down over the last part of the way

    def __init__(self, config: StartConfig, goal_xyz: FloatArray) -> None:
        """Takes the true goal, m, base frame, shape [3]."""
        self._config = config
        self._offset = np.asarray(config.offset)
        self._goal_xyz = goal_xyz

    def velocity(self, tool_xyz: FloatArray) -> FloatArray | None:
        """Tool velocity, m/s, base frame, shape [3]; None once the tool has arrived."""
        rest = self._goal_xyz + self._offset - tool_xyz
        if float(np.linalg.norm(rest)) <= self._config.tolerance:
            return None
        out = self._offset / np.linalg.norm(self._offset)
        along = float(rest @ out)
        if along > self._config.tolerance:
            rest = along * out
        velocity = self.GAIN * rest
        share = min(1.0, self._config.speed / float(np.linalg.norm(velocity)))
        return np.asarray(velocity * share)
