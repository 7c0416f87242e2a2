# SPDX-License-Identifier: Apache-2.0
"""Arms, limits and random numbers for the cases of the safety filter."""

import dataclasses
import math

import numpy as np

from robot_rl.control.kinematics import Kinematics
from robot_rl.control.robot import load_robot
from robot_rl.planning.config import Obstacle
from robot_rl.safety.ahead import surroundings_of
from robot_rl.safety.budget import ContactBudget
from robot_rl.safety.config import Box, LookAhead, SafetyConfig
from robot_rl.types import FloatArray

ARMS = ('sawyer', 'fetch', 'jaco')
TABLE = Obstacle('table', (0.7, 0.0, -0.3), (0.3, 0.6, 0.25))
LOOK = LookAhead(0.2, 0.01, tool_may_touch=False)
LIMITS = SafetyConfig(
    sphere_center=(0.0, 0.0, 0.0),
    sphere_radius=0.3,
    sphere_return_speed=0.05,
    joint_margin=0.1,
    joint_speed_scale=0.8,
    tool_speed=0.25,
    condition_slow=17.0,
    condition_stop=30.0,
    force=40.0,
    torque=5.0,
    stop_force=150.0,
    stop_torque=20.0,
    state_timeout=0.1,
    command_timeout=0.1,
    bad_input_limit=3,
)


class Arm:
    """One robot, with the model of what it may touch."""

    def __init__(self, name: str) -> None:
        """Reads it."""
        robot = load_robot(name)
        self.kinematics, self.home = Kinematics(robot), np.array(robot.home)
        self.model = surroundings_of(dataclasses.replace(LIMITS, look_ahead=LOOK), robot, (TABLE,))
        lower, upper = self.kinematics.position_limits.T
        self.lower, self.upper = np.maximum(lower, -math.pi), np.minimum(upper, math.pi)


class Draws:
    """Numbers drawn many at a time, since one at a time costs more than the filter does."""

    MANY = 4096

    def __init__(self, rng: np.random.Generator) -> None:
        """Takes the source."""
        self._rng = rng
        self._shares: list[float] = []
        self._normal, self._used = rng.normal(size=self.MANY), 0

    def share(self) -> float:
        """Uniform in [0, 1)."""
        if not self._shares:
            self._shares = self._rng.random(self.MANY).tolist()
        return self._shares.pop()

    def one_of(self, values: tuple[float, ...]) -> float:
        """Any of the values."""
        return values[int(self.share() * len(values))]

    def normal(self, size: int) -> FloatArray:
        """Standard normal, [size]."""
        if self._used + size > self.MANY:
            self._normal, self._used = self._rng.normal(size=self.MANY), 0
        self._used += size
        return self._normal[self._used - size : self._used]


def limits_around(tool: FloatArray, rng: np.random.Generator) -> SafetyConfig:
    """Limits around a tool position: mostly inside of all, at times at an edge or outside."""
    away = rng.normal(size=3)
    away *= LIMITS.sphere_radius * rng.choice([0.3, 0.9, 1.0, 1.2]) / np.linalg.norm(away)
    center = np.clip(tool - away, -3, 3)
    changes: dict[str, object] = {'sphere_center': tuple(center.tolist())}
    if rng.random() < 0.3:
        changes |= dict.fromkeys(('force', 'torque', 'stop_force', 'stop_torque'))
    elif rng.random() < 0.4:
        stop = float(rng.choice([0.4, 0.7])) if rng.random() < 0.5 else None
        changes['contact_budget'] = ContactBudget(
            10.0, 3.0, float(rng.choice([0.1, 0.3])), 1.0, stop
        )
    if rng.random() < 0.3:
        changes['joint_acceleration'] = float(rng.choice([1.0, 10.0]))
    if rng.random() < 0.3:
        edge = center + away * 0.5
        changes['keep_in'] = _box(edge, rng.uniform(0.05, 0.4, 3))
    if rng.random() < 0.3:
        beside = tool + rng.normal(size=3) * 0.1
        changes['keep_out'] = (_box(beside, rng.uniform(0.02, 0.1, 3)),)
    if rng.random() < 0.05:
        changes['look_ahead'] = LOOK
    return dataclasses.replace(LIMITS, **changes)  # type: ignore[arg-type]


def _box(center: FloatArray, half: FloatArray) -> Box:
    low, high = np.clip(center - half, -3, 2.9), np.clip(center + half, -2.9, 3)
    return Box(tuple(low.tolist()), tuple(high.tolist()))
