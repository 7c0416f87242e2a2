# SPDX-License-Identifier: Apache-2.0
"""A ros2_control arm written by hand: velocity controller, joint states, wrist sensor, plug.

It follows every velocity at once and stops when commands are silent for 0.2 s, as Sawyer does. It
tells its joints in an order of its own and one more than the arm has. Stamps are the monotonic
clock, so that a test can compare them with its own.
"""

import time
from contextlib import suppress

import numpy as np

from robot_rl.ros_environment import prepare

prepare()

import rclpy  # noqa: E402
from geometry_msgs.msg import WrenchStamped  # noqa: E402
from rclpy.executors import ExternalShutdownException  # noqa: E402
from rclpy.node import Node  # noqa: E402
from robot_rl_msgs.msg import DigitalInput  # noqa: E402
from sensor_msgs.msg import JointState  # noqa: E402
from std_msgs.msg import Float64MultiArray  # noqa: E402

from robot_rl.control.kinematics import Kinematics, inverse, rotation_from_rpy  # noqa: E402
from robot_rl.control.robot import load_robot  # noqa: E402
from robot_rl.nodes import conversions as convert  # noqa: E402
from robot_rl.task import load_task  # noqa: E402

RATE_HZ = 100.0
TIMEOUT_S = 0.2
HEIGHT_M = np.array([0.0, 0.0, 0.05])


class FakeArm(Node):
    """Integrates velocities from the start of the task on."""

    def __init__(self) -> None:
        super().__init__('fake_arm')
        task = load_task('usb_insertion')
        robot = load_robot(task.robot)
        assert robot.driver is not None
        self._names = ['head_pan', *reversed(robot.joints)]
        self._tool = robot.tool_frame
        goal = np.array(task.goal.position), rotation_from_rpy(np.array(task.goal.rpy))
        self._position = inverse(
            Kinematics(robot), np.array(robot.home), goal[0] + HEIGHT_M, goal[1]
        )
        self._velocity = np.zeros(len(robot.joints))
        self._commanded = self._moved = time.monotonic()
        self._states = self.create_publisher(JointState, robot.driver.state_topic, 10)
        self._wrenches = self.create_publisher(WrenchStamped, 'wrench', 10)
        self._contacts = self.create_publisher(DigitalInput, 'electrical_contact', 10)
        self.create_subscription(
            Float64MultiArray, robot.driver.command_topic, self._on_velocity, 10
        )
        self.create_timer(1.0 / RATE_HZ, self._move)

    def _on_velocity(self, message: Float64MultiArray) -> None:
        self._velocity, self._commanded = np.array(message.data), time.monotonic()

    def _move(self) -> None:
        now = time.monotonic()
        if now - self._commanded > TIMEOUT_S:
            self._velocity = np.zeros_like(self._velocity)
        self._position = self._position + self._velocity * (now - self._moved)
        self._moved = now
        header = convert.header(time.monotonic_ns())
        self._contacts.publish(DigitalInput(header=header, value=False))
        self._wrenches.publish(WrenchStamped(header=header))
        self._states.publish(
            JointState(
                header=header,
                name=self._names,
                position=[0.0, *self._position[::-1]],
                velocity=[0.0, *self._velocity[::-1]],
            )
        )


def main() -> None:
    """Runs until a signal comes."""
    rclpy.init()
    arm = FakeArm()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(arm)


if __name__ == '__main__':
    main()
