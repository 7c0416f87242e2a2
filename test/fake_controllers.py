# SPDX-License-Identifier: Apache-2.0
"""Controllers of real arms written by hand: each obeys and refuses as its vendor's does.

A controller says how fast the joints turn now. Messages that its vendor's would refuse are logged
as errors and change nothing.
"""

import importlib
import time
from typing import Any

import numpy as np
from rclpy.action import ActionServer, GoalResponse
from rclpy.node import Node

from robot_rl.control.kinematics import Kinematics
from robot_rl.control.robot import RobotConfig
from robot_rl.nodes.vendors import ARMS, GRIPPERS
from robot_rl.types import FloatArray

PULL = 50.0  # 1/s, of a position controller
INERTIA = 1.0  # kg m^2, of every joint
KINOVA_PERIOD_S = 0.01


def message_type(name: str) -> Any:
    package, part, cls = name.split('/')
    return getattr(importlib.import_module(f'{package}.{part}'), cls)


class Controller:
    """Listens to the command topic; what came last holds until the time limit.

    Attributes:
        time_limit_s: after which the arm stands still.
    """

    time_limit_s = 0.2  # as Sawyer

    def __init__(self, node: Node, robot: RobotConfig) -> None:
        driver = robot.driver
        assert driver is not None
        self._node, self._robot = node, robot
        self._names = driver.vendor_names(robot.joints)
        self._still = np.zeros(len(robot.joints))
        self._heard_s = -np.inf
        self._value = self._still
        node.create_subscription(
            message_type(ARMS[driver.kind]), driver.command_topic, self._on_message, 10
        )

    def _on_message(self, message: Any) -> None:
        refusal = self.take(message)
        if refusal:
            self._node.get_logger().error(f'refused: {refusal}')
        else:
            self._heard_s = time.monotonic()

    def take(self, message: Any) -> str:
        """Takes a message over, or says why not."""
        if len(message.data) != len(self._names):
            return f'{len(message.data)} values'
        self._value = np.array(message.data)
        return ''

    def turn(self, position: FloatArray, dt: float) -> FloatArray:
        """Velocity of the joints now, rad/s."""
        if time.monotonic() - self._heard_s > self.time_limit_s:
            return self._still
        return self.respond(position, dt)

    def respond(self, position: FloatArray, dt: float) -> FloatArray:
        """The same while commands are fresh."""
        return self._value


class PositionArray(Controller):
    """Runs to the position."""

    def respond(self, position: FloatArray, dt: float) -> FloatArray:
        return PULL * (self._value - position)


class EffortArray(Controller):
    """Joints that carry their own weight and have nothing but inertia."""

    _velocity = 0.0

    def respond(self, position: FloatArray, dt: float) -> FloatArray:
        self._velocity = self._velocity + self._value / INERTIA * dt
        return self._velocity


class Trajectory(Controller):
    """ros2_control's: all joints by name, no velocity at the end, then it stays there."""

    def take(self, message: Any) -> str:
        if sorted(message.joint_names) != sorted(self._names):
            return f'joints {message.joint_names}'
        point = message.points[-1]
        left_s = point.time_from_start.sec + point.time_from_start.nanosec * 1e-9
        if any(point.velocities) or not left_s > 0 or message.header.stamp.sec:
            return f'{point}'
        order = [list(message.joint_names).index(name) for name in self._names]
        self._value = np.array(point.positions)[order]
        self._until_s = time.monotonic() + left_s
        return ''

    def respond(self, position: FloatArray, dt: float) -> FloatArray:
        return (self._value - position) / max(self._until_s - time.monotonic(), dt)


class Servo(Controller):
    """MoveIt's: a twist in a known frame, fresh by its own stamp."""

    time_limit_s = 0.1

    def take(self, message: Any) -> str:
        stamp = message.header.stamp
        age_s = time.time() - stamp.sec - stamp.nanosec * 1e-9
        if message.header.frame_id != self._robot.base_frame or not age_s < self.time_limit_s:
            return f'{message.header.frame_id}, {age_s:.3f} s old'
        v, w = message.twist.linear, message.twist.angular
        self._value = np.array([v.x, v.y, v.z, w.x, w.y, w.z])
        return ''

    def respond(self, position: FloatArray, dt: float) -> FloatArray:
        jacobian = Kinematics(self._robot).evaluate(position).jacobian
        return np.linalg.solve(jacobian, self._value)


class Intera(Controller):
    """Sawyer's: velocities by name, and nothing after 0.2 s."""

    def take(self, message: Any) -> str:
        if message.mode != message.VELOCITY_MODE or sorted(message.names) != sorted(self._names):
            return f'mode {message.mode}, joints {message.names}'
        order = [list(message.names).index(name) for name in self._names]
        self._value = np.array(message.velocity)[order]
        return ''


class Kinova(Controller):
    """Jaco's: each message moves the arm for one period of its firmware."""

    _due_s = 0.0

    def take(self, message: Any) -> str:
        degrees = [getattr(message, f'joint{k}') for k in range(1, 8)]
        self._value = np.radians(degrees[: len(self._names)])
        self._due_s += KINOVA_PERIOD_S
        return ''

    def respond(self, position: FloatArray, dt: float) -> FloatArray:
        moved_s, self._due_s = self._due_s, 0.0
        return self._value * moved_s / dt


CONTROLLERS = {
    'velocity_array': Controller,
    'position_array': PositionArray,
    'effort_array': EffortArray,
    'joint_trajectory': Trajectory,
    'servo_twist': Servo,
    'intera': Intera,
    'kinova': Kinova,
}


class FakeGripper:
    """Fingers that jump to where a goal wants them, and refuse what they cannot reach.

    Attributes:
        fingers: rad or m by joint.
    """

    def __init__(self, node: Node, robot: RobotConfig) -> None:
        assert robot.driver is not None
        driver, gripper = robot.driver.gripper, robot.gripper
        assert driver is not None
        assert gripper is not None
        self._joint, self._driver = gripper.joint, driver
        self._limits = sorted(self._vendors(q) for q in (gripper.open, gripper.closed))
        self.fingers = {self._joint: gripper.open}
        self._type = message_type(GRIPPERS[driver.kind])
        self._server = ActionServer(
            node, self._type, driver.command_topic, self._execute, goal_callback=self._on_goal
        )

    def _vendors(self, position: float) -> float:
        return self._driver.scale * position + self._driver.offset

    def _wanted(self, goal: Any) -> float:
        kinova = self._driver.kind == 'kinova'
        return float(goal.fingers.finger1 if kinova else goal.command.position)

    def _on_goal(self, goal: Any) -> GoalResponse:
        fits = self._limits[0] <= self._wanted(goal) <= self._limits[1]
        return GoalResponse.ACCEPT if fits else GoalResponse.REJECT

    def _execute(self, handle: Any) -> Any:
        wanted = self._wanted(handle.request)
        self.fingers[self._joint] = (wanted - self._driver.offset) / self._driver.scale
        handle.succeed()
        return self._type.Result()
