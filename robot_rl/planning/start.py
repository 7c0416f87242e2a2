# SPDX-License-Identifier: Apache-2.0
"""Where an episode starts for an arm that can't be put there, and the way out of a socket."""

from dataclasses import dataclass, field

import numpy as np

from robot_rl import ranges
from robot_rl.planning.config import PlannerConfig
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
        speed: of the way out, m/s.
        tolerance: distance that counts as arrived, m.
        timeout_s: after which the reset has failed.
        planner: of the way from there on.
    """

    offset: tuple[float, float, float] = (0.0, 0.0, 0.05)
    speed: float = 0.05
    tolerance: float = 0.002
    timeout_s: float = 15.0
    planner: PlannerConfig = field(default_factory=PlannerConfig)

    def __post_init__(self) -> None:
        """Refuses a start at the goal, and numbers out of range."""
        ranges.check(self, RANGES)
        if not 0 < float(np.linalg.norm(self.offset)) <= 1:
            raise ValueError(f'offset: expected a way of up to 1 m, got {list(self.offset)}')


class WayOut:
    """The way along the approach axis to the height of the start, as out of a socket."""

    GAIN = 4.0  # 1/s, slows the tool down over the last part of the way

    def __init__(self, config: StartConfig, goal_xyz: FloatArray) -> None:
        """Takes the true goal, m, base frame, shape [3]."""
        self._config = config
        self._offset = np.asarray(config.offset)
        self._goal_xyz = goal_xyz

    def velocity(self, tool_xyz: FloatArray) -> FloatArray | None:
        """Tool velocity, m/s, base frame, shape [3]; None once the tool is out."""
        out = self._offset / np.linalg.norm(self._offset)
        along = float((self._goal_xyz + self._offset - tool_xyz) @ out)
        if not along > self._config.tolerance:
            return None
        return np.asarray(out * min(self.GAIN * along, self._config.speed))
