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
from sim_bridge.wrist import WrenchMean

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
        self._mean = WrenchMean(self._count)
        self._wrench: Wrench | None = None
        self._ticks = 0

    def reset(self, seed: int, state: NDArray[np.uint8] | None = None) -> None:
        """Puts the world at the start of a seed, or in a state; a control period begins."""
        self.world.reset(seed, state)
        self._mean.clear()
        self._wrench, self._ticks = None, 0

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
        self._wrench = self._mean.add(world.wrench())
        self._ticks = (self._ticks + 1) % self._count
        return self._ticks == 0

    def wrench(self) -> Wrench:
        """Mean of the wrist sensor over the last control period."""
        return self._wrench or self.world.wrench()


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
