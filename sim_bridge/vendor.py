# SPDX-License-Identifier: Apache-2.0
"""What a robot's own controllers make of the messages of `robot_rl.nodes.vendors`.

A message is obeyed for `TIME_LIMIT_S`. One that does not fit is complained of by name.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from std_msgs.msg import Float64MultiArray

from robot_rl.control.driver_config import DriverKind
from robot_rl.errors import InputError
from robot_rl.nodes.common import GraphNode
from robot_rl.nodes.vendors import ARMS, interface
from robot_rl.types import CommandMode, FloatArray, JointCommand, JointState

TIME_LIMIT_S = 0.2  # Sawyer's
FINGER_GAIN = 10.0  # 1/s, of the way to where the fingers shall be


class Controllers:
    """Keeps what the arm was told last, and where the fingers shall be."""

    def __init__(self, node: GraphNode) -> None:
        """Opens the vendor's topics.

        Raises:
            InputError: a robot without a driver, or one whose messages are not understood here.
        """
        driver, robot = node.robot.driver, node.robot
        takes: dict[DriverKind, Callable[[Any], tuple[CommandMode, FloatArray]]] = {
            'velocity_array': lambda message: ('velocity', np.array(message.data)),
            'position_array': lambda message: ('position', np.array(message.data)),
            'joint_trajectory': self._trajectory,
            'intera': self._intera,
            'kinova': self._kinova,
        }
        if driver is None or driver.kind not in takes:
            got = 'none' if driver is None else driver.kind
            known = ', '.join(takes)
            raise InputError(f'sim_arm: driver: kind: expected one of {known}, got {got}')
        self._node, self._take = node, takes[driver.kind]
        self._size = len(robot.joints) - robot.gripping
        self._names = driver.vendor_names(robot.joints[: self._size])
        self._topic = driver.command_topic
        self._told: tuple[CommandMode, FloatArray] | None = None
        self._heard_s = 0.0
        kind = interface('driver: kind', driver.kind, ARMS[driver.kind])
        node.create_subscription(kind, driver.command_topic, self._on_message, 10)
        self._fingers: float | None = None
        fingers = driver.gripper
        if robot.gripping and fingers is not None and fingers.kind == 'position_array':
            self._units = fingers.scale, fingers.offset
            node.create_subscription(
                Float64MultiArray, fingers.command_topic, self._on_fingers, 10
            )

    def command(self, state: JointState) -> JointCommand | None:
        """What the joints do now; None where nothing is told."""
        if self._told is None or time.monotonic() - self._heard_s > TIME_LIMIT_S:
            return None
        mode, value = self._told
        ends = state.position[self._size :]
        if len(ends) and mode == 'velocity':
            ends = FINGER_GAIN * (self._wanted(ends) - ends)
        elif len(ends):
            ends = self._wanted(ends)
        return JointCommand(state.stamp_ns, mode, np.concatenate([value, ends]))

    def _wanted(self, fingers: FloatArray) -> FloatArray:
        return fingers if self._fingers is None else np.array([self._fingers])

    def _on_message(self, message: Any) -> None:
        try:
            mode, value = self._take(message)
            if value.shape != (self._size,) or not np.isfinite(value).all():
                raise InputError(f'expected {self._size} finite numbers, got {value}')
        except InputError as error:
            self._node.complain(InputError(f'{self._topic}: {error}'))
            return
        self._told, self._heard_s = (mode, value), time.monotonic()

    def _on_fingers(self, message: Float64MultiArray) -> None:
        scale, offset = self._units
        self._fingers = (message.data[0] - offset) / scale

    def _ordered(self, names: list[str], values: Any) -> FloatArray:
        if sorted(names) != sorted(self._names):
            raise InputError(f'expected joints {list(self._names)}, got {list(names)}')
        return np.array([values[names.index(name)] for name in self._names])

    def _trajectory(self, message: Any) -> tuple[CommandMode, FloatArray]:
        """One point in a moment from now on, so near that the way to it is the springs'."""
        if len(message.points) != 1 or any(message.points[0].velocities):
            raise InputError('expected one point, without a velocity')
        return 'position', self._ordered(message.joint_names, message.points[0].positions)

    def _intera(self, message: Any) -> tuple[CommandMode, FloatArray]:
        if message.mode != message.VELOCITY_MODE:
            raise InputError(f'expected mode {message.VELOCITY_MODE}, got {message.mode}')
        return 'velocity', self._ordered(message.names, message.velocity)

    def _kinova(self, message: Any) -> tuple[CommandMode, FloatArray]:
        degrees = [getattr(message, f'joint{k}') for k in range(1, 8)]
        return 'velocity', np.radians(degrees)[: self._size]
