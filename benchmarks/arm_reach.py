# SPDX-License-Identifier: Apache-2.0
"""Reaching with the seven joints of the Sawyer: the task of Gu et al. 2016, section V-A.

The arm starts at home; the target is drawn from a cube around the home position of the tool.
Actions are joint velocities at 20 Hz, which the arm follows at once: kinematics alone.
Observations are joint angles from home (rad), joint velocities (share of the limit), tool and
target from the middle of the cube (half cubes), 20 numbers. The reward is that of the paper, with
a Huber loss d and weights of our own: -c1 d(target - tool) - c2 u^T u.
"""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from robot_rl.control.kinematics import Kinematics
from robot_rl.control.robot import load_robot

PERIOD_S = 0.05
#: Most that a joint is commanded to turn, rad/s; the URDF allows more.
SPEED = 0.8
#: Where the Huber loss turns from a square into a line, m.
BEND_M = 0.05
#: c1, per m, and c2.
DISTANCE_WEIGHT, EFFORT_WEIGHT = 10.0, 0.002
#: A tool this near counts as there, m.
NEAR_M = 0.05

Vector = NDArray[np.float64]


class ArmReach(gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]):
    """One arm; `info` says how far the tool is and whether that is near enough."""

    def __init__(self, cube_m: float = 0.2, horizon: int = 150) -> None:
        """Builds the arm.

        Args:
            cube_m: edge of the cube of targets.
            horizon: actions an episode.
        """
        robot = load_robot('sawyer')
        self._kinematics = Kinematics(robot)
        self._limits = self._kinematics.position_limits
        self._home = np.array(robot.home)
        self._middle = self._kinematics.evaluate(self._home).position_xyz
        self._half_m, self._horizon = cube_m / 2, horizon
        joints = len(robot.joints)
        self.observation_space = spaces.Box(-np.inf, np.inf, (2 * joints + 6,), np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (joints,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Home, with another target."""
        super().reset(seed=seed)
        self._joints, self._speed = self._home.copy(), np.zeros_like(self._home)
        self._tool, self._step = self._middle, 0
        self._target = self._middle + self.np_random.uniform(-self._half_m, self._half_m, 3)
        return self._observe(), {}

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Turns the joints for one period."""
        values = np.clip(np.asarray(action, np.float64), -1, 1)
        wanted = self._joints + SPEED * PERIOD_S * values
        turned = np.clip(wanted, self._limits[:, 0], self._limits[:, 1])
        self._speed = (turned - self._joints) / (SPEED * PERIOD_S)
        self._joints = turned
        self._tool = self._kinematics.evaluate(turned).position_xyz
        self._step += 1
        distance = float(np.linalg.norm(self._tool - self._target))
        reward = -DISTANCE_WEIGHT * huber(distance) - EFFORT_WEIGHT * float(values @ values)
        info = {'is_success': distance < NEAR_M, 'distance_m': distance}
        return self._observe(), reward, False, self._step >= self._horizon, info

    def _observe(self) -> NDArray[np.float32]:
        tool, target = self._tool - self._middle, self._target - self._middle
        places = np.concatenate([tool, target]) / self._half_m
        return np.concatenate([self._joints - self._home, self._speed, places], dtype=np.float32)


def huber(distance: float) -> float:
    """Huber loss of a distance, m: a square below `BEND_M`, a line above it, smooth between."""
    if distance < BEND_M:
        return distance**2 / (2 * BEND_M)
    return distance - BEND_M / 2
