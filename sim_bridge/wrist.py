# SPDX-License-Identifier: Apache-2.0
"""The simulated force and torque sensor between the last joint and the gripper."""

from collections import deque

import mujoco
import numpy as np

from robot_rl.control.robot import RobotConfig
from robot_rl.types import FloatArray, Wrench


class WristSensor:
    """Measures what the surroundings and the weight do to everything behind the last joint."""

    def __init__(self, model: mujoco.MjModel, robot: RobotConfig, wrist: str) -> None:
        """Takes a compiled scene and the name of the body that the sensor carries."""
        self._model = model
        self._tool = model.body(robot.tool_frame).id
        self._wrist = model.body(wrist).id
        self._root = int(model.body_rootid[self._wrist])
        self._load = np.zeros(6)  # torque, force
        low = robot.low_level
        self._deviation = np.repeat([low.force_noise, low.torque_noise], 3)

    def measure(self, data: mujoco.MjData) -> FloatArray:
        """Force and torque of the surroundings on the tool, at and in the tool frame, shape [6].

        The wrist carries what the surroundings (contacts, weight) do to everything behind it, so
        that is the negative of the force that the wrist applies. It is free of the arm's joints.
        """
        mujoco.mj_rnePostConstraint(self._model, data)
        centre, tool = data.subtree_com[self._root], self._tool
        mujoco.mju_transformSpatial(
            self._load, data.cfrc_int[self._wrist], 1, data.xpos[tool], centre, data.xmat[tool]
        )
        return -np.concatenate((self._load[3:], self._load[:3]))

    def noise(self, rng: np.random.Generator) -> FloatArray:
        """A sample of the sensor's noise, N and N m, shape [6]."""
        return np.asarray(rng.standard_normal(6) * self._deviation)


class WrenchMean:
    """What a sensor tells that smooths over a control period, as those of real wrists do.

    Contacts of stiff bodies begin with peaks of hundreds of newtons for a few milliseconds, here
    as there.
    """

    def __init__(self, count: int) -> None:
        """Averages the last `count` measurements."""
        self._last: deque[Wrench] = deque(maxlen=count)

    def clear(self) -> None:
        """Forgets what was measured."""
        self._last.clear()

    def add(self, wrench: Wrench) -> Wrench:
        """Takes one more measurement; the mean, with its stamp."""
        self._last.append(wrench)
        force_xyz = np.mean([w.force_xyz for w in self._last], axis=0)
        torque_xyz = np.mean([w.torque_xyz for w in self._last], axis=0)
        return Wrench(wrench.stamp_ns, force_xyz, torque_xyz)
