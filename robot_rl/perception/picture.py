# SPDX-License-Identifier: Apache-2.0
"""A captured picture of the goal in place of a camera, for policies that are shown the goal."""

import time
from pathlib import Path

from robot_rl.perception.camera import CameraConfig
from robot_rl.perception.goal_file import read_goal
from robot_rl.perception.source_config import SourceConfig
from robot_rl.perception.sources import Clock, RawFrame


class PictureSource:
    """The same picture again and again, each time with a new stamp."""

    def __init__(self, clock: Clock, config: SourceConfig, camera: CameraConfig) -> None:
        """Reads it; what is written to its file later is not seen.

        Args:
            clock: gives the stamps.
            config: its file, and how often a second it is given.
            camera: of the task, that it stands in for.

        Raises:
            InputError: its files do not hold what the camera gives.
        """
        self._clock, self._period_s = clock, 1 / config.fps
        self._color, self._depth = read_goal(Path(config.file), camera)

    def read(self) -> RawFrame:
        """Waits until it is due."""
        time.sleep(self._period_s)
        return RawFrame(self._clock(), self._color, self._depth)

    def close(self) -> None:
        """Nothing is open."""
