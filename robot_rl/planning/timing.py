# SPDX-License-Identifier: Apache-2.0
"""From a chain of postures to a motion in time with bounded speed, acceleration and jerk."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import ruckig

from robot_rl.planning.config import PlannerConfig
from robot_rl.types import FloatArray


@dataclass(frozen=True)
class Trajectory:
    """A motion from rest to rest, along straight lines in joint space.

    Attributes:
        path: the postures [J] at which it stops for a moment.
        duration_s: of all of it.
    """

    path: list[FloatArray]
    duration_s: float
    _legs: list['_Leg']

    def at(self, time_s: float) -> tuple[FloatArray, FloatArray]:
        """Joint positions and velocities, [J] each; before and after it stands at its ends."""
        if time_s <= 0 or not self._legs:
            return self.path[0].copy(), np.zeros(len(self.path[0]))
        for leg in self._legs:
            if time_s < leg.duration:
                return leg.at_time(time_s)
            time_s -= leg.duration
        return self.path[-1].copy(), np.zeros(len(self.path[0]))


def time_law(path: list[FloatArray], speed: FloatArray, config: PlannerConfig) -> Trajectory:
    """The fastest motion within the limits that stays on the lines between the postures.

    It comes to rest at each posture: between two of them all joints share one time law, so the
    motion stays on the very line that was checked.

    Args:
        path: postures, shape [J] each.
        speed: of each joint, rad/s or m/s, shape [J].
        config: bounds of acceleration and jerk.
    """
    otg, legs = ruckig.Ruckig(1), []
    for start, end in itertools.pairwise(path):
        way = end - start
        if not way.any():
            continue
        # One joint stands for all: the share of the way that is behind.
        given = ruckig.InputParameter(1)
        given.current_position, given.target_position = [0.0], [1.0]
        share = np.abs(way).max()
        given.max_velocity = [float(np.min(speed[way != 0] / np.abs(way[way != 0])))]
        given.max_acceleration = [float(config.acceleration / share)]
        given.max_jerk = [float(config.jerk / share)]
        shares = ruckig.Trajectory(1)
        otg.calculate(given, shares)
        legs.append(_Leg(start, way, shares))
    return Trajectory(path, float(sum(leg.duration for leg in legs)), legs)


@dataclass(frozen=True)
class _Leg:
    start: FloatArray
    way: FloatArray
    shares: Any

    @property
    def duration(self) -> float:
        return float(self.shares.duration)

    def at_time(self, time_s: float) -> tuple[FloatArray, FloatArray]:
        share, speed = (values[0] for values in self.shares.at_time(time_s)[:2])
        return self.start + share * self.way, speed * self.way
