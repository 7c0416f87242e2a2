# SPDX-License-Identifier: Apache-2.0
"""An arm written by hand: its vendor's controller, joint states, wrist sensor, plug.

It follows every velocity at once and stops when commands are silent for 0.2 s, as Sawyer does;
other controllers are in `fake_controllers.py`. It tells its joints in an order of its own and one
more than the arm has. Stamps are the monotonic clock, which a test can compare with its own.

Usage: fake_arm.py [ROBOT], a name or a YAML file.
"""

import sys
import time
from contextlib import suppress

import numpy as np

from robot_rl.ros_environment import prepare

prepare()

import rclpy  # noqa: E402
from fake_controllers import CONTROLLERS, FakeGripper  # noqa: E402
from geometry_msgs.msg import WrenchStamped  # noqa: E402
from rclpy.executors import ExternalShutdownException  # noqa: E402
from rclpy.node import Node  # noqa: E402
from robot_rl_msgs.msg import DigitalInput  # noqa: E402
from sensor_msgs.msg import JointState  # noqa: E402

from robot_rl.control.kinematics import Kinematics, inverse, rotation_from_rpy  # noqa: E402
from robot_rl.control.robot import load_robot  # noqa: E402
from robot_rl.nodes import conversions as convert  # noqa: E402
from robot_rl.nodes.participant import keep_participant, leave  # noqa: E402
from robot_rl.priority import GUARD, raise_priority  # noqa: E402
from robot_rl.task import load_task  # noqa: E402

RATE_HZ = 100.0
HEIGHT_M = np.array([0.0, 0.0, 0.05])


class FakeArm(Node):
    """Integrates velocities from the start of the task on."""

    def __init__(self, name: str) -> None:
        super().__init__('fake_arm')
        task = load_task('usb_insertion')
        robot = load_robot(name or task.robot)
        assert robot.driver is not None
        names = robot.driver.vendor_names(robot.joints)
        self._names = ['head_pan', *reversed(names)]
        self._tool = robot.tool_frame
        goal = np.array(task.goal.position), rotation_from_rpy(np.array(task.goal.rpy))
        home = np.array(robot.home)
        # Another robot than the task's would not get there.
        self._position = (
            home if name else inverse(Kinematics(robot), home, goal[0] + HEIGHT_M, goal[1])
        )
        self._moved = time.monotonic()
        self._states = self.create_publisher(JointState, robot.driver.state_topic, 10)
        self._wrenches = self.create_publisher(WrenchStamped, 'wrench', 10)
        self._contacts = self.create_publisher(DigitalInput, 'electrical_contact', 10)
        self._controller = CONTROLLERS[robot.driver.kind](self, robot)
        # The task does not move the fingers, so nobody there needs their vendor's messages.
        self._gripper = FakeGripper(self, robot) if name and robot.driver.gripper else None
        self.create_timer(1.0 / RATE_HZ, self._move)

    def _move(self) -> None:
        now = time.monotonic()
        velocity = self._controller.turn(self._position, now - self._moved)
        self._position = self._position + velocity * (now - self._moved)
        self._moved = now
        header = convert.header(time.monotonic_ns())
        self._contacts.publish(DigitalInput(header=header, value=False))
        self._wrenches.publish(WrenchStamped(header=header))
        fingers = self._gripper.fingers if self._gripper else {}
        self._states.publish(
            JointState(
                header=header,
                name=[*self._names, *fingers],
                position=[0.0, *self._position[::-1], *fingers.values()],
                velocity=[0.0, *velocity[::-1], *[0.0] * len(fingers)],
            )
        )


def main() -> None:
    """Runs until a signal comes; as another machine would, whatever this one does."""
    raise_priority(GUARD)
    rclpy.init()
    keeper = keep_participant()
    arm = FakeArm(''.join(sys.argv[1:]))
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(arm)
    leave(0, keeper)


if __name__ == '__main__':
    main()
