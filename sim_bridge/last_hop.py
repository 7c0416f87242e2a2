# SPDX-License-Identifier: Apache-2.0
"""The end of the chain in real time: the driver core of a real arm before the simulated motors."""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from robot_rl.control.driver import Driver
from robot_rl.control.driver_config import DriverConfig
from robot_rl.control.robot import RobotConfig
from robot_rl.task import TaskConfig
from robot_rl.types import JointCommand, Wrench
from sim_bridge.build import make_world
from sim_bridge.world import World

RATE_HZ = 100.0
DECELERATION = 10.0  # rad/s^2, of a robot whose configuration gives none

#: Commands come without their sender's identity here, so all count as one publisher's.
ANYONE = b'\0' * 16


class LastHop:
    """Moves a world by the driver's set-points, several times in a control period.

    The watchdog, the order and age of commands and the slowing down are those of the robot's own
    driver, with the same limits. What is left out is who sends: the safety node's identity is
    not checked in simulation.

    Attributes:
        world: the simulation; one step of it is one period of the driver.
        period_s: of the driver.
    """

    def __init__(self, task: TaskConfig, robot: RobotConfig) -> None:
        """Builds the world; nothing moves before `arm`."""
        control_hz = task.rates.control_hz
        self._count = divisions(round(1000 / control_hz))
        self.period_s = 1 / (control_hz * self._count)
        rates = dataclasses.replace(task.rates, control_hz=control_hz * self._count)
        self.world: World = make_world(dataclasses.replace(task, rates=rates), robot)
        self._driver = Driver(_config(robot), robot.joints)
        self._driver.trust(ANYONE)
        self._wrenches: list[Wrench] = []

    def reset(self, seed: int, state: NDArray[np.uint8] | None = None) -> None:
        """Puts the world at the start of a seed, or in a state; a control period begins."""
        self.world.reset(seed, state)
        self._wrenches = []

    def arm(self, now_ns: int) -> None:
        """Allows motion from where the arm is, at rest."""
        self._driver.disarm()
        self._driver.arm(self.world.joint_state().position, now_ns)

    def accept(self, command: JointCommand, age_s: float, now_ns: int) -> str:
        """Takes a command over; why it was refused, '' when it was not.

        Args:
            command: joints in the robot's order.
            age_s: simulated time at reception less the command's stamp.
            now_ns: monotonic clock.
        """
        self._driver.accept(command, ANYONE, age_s, now_ns)
        return self._driver.refusal

    def tick(self, now_ns: int) -> bool:
        """Runs one period of the driver; whether a control period is complete with it."""
        world = self.world
        setpoint = self._driver.tick(now_ns, world.joint_state().position)
        if setpoint is not None:
            value = setpoint.velocity if setpoint.mode == 'velocity' else setpoint.position
            world.apply(JointCommand(world.stamp_ns, setpoint.mode, value))
        world.step()
        if len(self._wrenches) == self._count:
            self._wrenches = []
        self._wrenches.append(world.wrench())
        return len(self._wrenches) == self._count

    def wrench(self) -> Wrench:
        """Mean of the wrist sensor over the last control period."""
        wrenches = self._wrenches or [self.world.wrench()]
        force_xyz = np.mean([w.force_xyz for w in wrenches], axis=0)
        torque_xyz = np.mean([w.torque_xyz for w in wrenches], axis=0)
        return Wrench(self.world.stamp_ns, force_xyz, torque_xyz)


def divisions(period_ms: int) -> int:
    """The fewest equal parts of whole milliseconds, of at most 10 ms each."""
    fewest = math.ceil(period_ms * RATE_HZ / 1000)
    return next(n for n in range(fewest, period_ms + 1) if period_ms % n == 0)


def _config(robot: RobotConfig) -> DriverConfig:
    """The robot's own, with an adapter that takes velocities and positions."""
    if robot.driver is not None:
        return dataclasses.replace(robot.driver, kind='joint_trajectory')
    deceleration = (DECELERATION,) * len(robot.joints)
    return DriverConfig('joint_trajectory', '', '', RATE_HZ, deceleration)
