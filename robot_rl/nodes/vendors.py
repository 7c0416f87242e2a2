# SPDX-License-Identifier: Apache-2.0
"""The vendors' messages: what a set-point becomes on the robot's own topics.

    | `driver.kind` | message | for |
    |---|---|---|
    | joint_trajectory | trajectory_msgs/JointTrajectory | ros2_control, Fetch's arm |
    | velocity_array | std_msgs/Float64MultiArray, rad/s | ros2_control, forward velocity |
    | position_array | std_msgs/Float64MultiArray, rad | ros2_control, forward position |
    | effort_array | std_msgs/Float64MultiArray, N m | ros2_control, forward effort |
    | servo_twist | geometry_msgs/TwistStamped | MoveIt Servo, arms with six joints |
    | intera | intera_core_msgs/JointCommand | Sawyer's own controller, through a bridge |
    | kinova | kinova_msgs/JointVelocity, deg/s | Jaco's own driver |

    | `driver.gripper.kind` | message | for |
    |---|---|---|
    | gripper_command | action control_msgs/GripperCommand | ros2_control, Fetch |
    | position_array | std_msgs/Float64MultiArray | ros2_control, forward position |
    | intera | intera_io_msgs/IOComponentCommand | Sawyer's electric gripper |
    | kinova | action kinova_msgs/SetFingersPosition | Jaco's three fingers |

A package is imported when a robot's YAML asks for it. The numbers are in `control/adapters.py`.
"""

import importlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rclpy.action import ActionClient
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.task import Future
from trajectory_msgs.msg import JointTrajectoryPoint

from robot_rl.control import adapters
from robot_rl.control.driver import Setpoint
from robot_rl.control.driver_config import DriverConfig, DriverKind, GripperDriver, GripperKind
from robot_rl.control.kinematics import Kinematics
from robot_rl.control.robot import RobotConfig
from robot_rl.errors import InputError
from robot_rl.nodes import conversions as convert
from robot_rl.nodes.common import step_qos
from robot_rl.types import JointState

ARMS: dict[DriverKind, str] = {
    'joint_trajectory': 'trajectory_msgs/msg/JointTrajectory',
    'velocity_array': 'std_msgs/msg/Float64MultiArray',
    'position_array': 'std_msgs/msg/Float64MultiArray',
    'effort_array': 'std_msgs/msg/Float64MultiArray',
    'servo_twist': 'geometry_msgs/msg/TwistStamped',
    'intera': 'intera_core_msgs/msg/JointCommand',
    'kinova': 'kinova_msgs/msg/JointVelocity',
}
GRIPPERS: dict[GripperKind, str] = {
    'gripper_command': 'control_msgs/action/GripperCommand',
    'position_array': 'std_msgs/msg/Float64MultiArray',
    'intera': 'intera_io_msgs/msg/IOComponentCommand',
    'kinova': 'kinova_msgs/action/SetFingersPosition',
}
SERVO_JOINTS = 6
HEARD = Duration(seconds=0.5)


def interface(key: str, kind: str, name: str) -> Any:
    """A message or action type, as `std_msgs/msg/Bool`.

    Raises:
        InputError: its package is not installed; names the key of the robot's YAML.
    """
    package, part, cls = name.split('/')
    try:
        return getattr(importlib.import_module(f'{package}.{part}'), cls)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f'{key}: {kind!r} needs {name}, but the ROS package {package} is not installed; '
            'build it in your workspace and source that'
        ) from error


class Vendor:
    """Sends set-points to a robot's own controllers."""

    def __init__(self, node: Node, robot: RobotConfig, config: DriverConfig) -> None:
        """Opens the vendor's topics.

        Raises:
            InputError: a package that is not installed, fingers that nothing drives, or a kind
                that cannot express what this arm's joints do.
        """
        self._size = len(robot.joints) - robot.gripping
        if config.kind == 'servo_twist' and self._size != SERVO_JOINTS:
            raise InputError(
                f'driver: kind: servo_twist moves the tool, which tells nothing of the posture of '
                f'{self._size} joints; expected an arm with {SERVO_JOINTS}'
            )
        self._arm = Arm(node, robot, config)
        self._gripper = None
        if robot.gripping:
            if config.gripper is None:
                raise InputError(
                    f'config/robots: robot {robot.name!r} has no key `driver.gripper`, as the '
                    'task needs, which moves the fingers'
                )
            self._gripper = Gripper(node, config.gripper)

    def send(self, setpoint: Setpoint, state: JointState, now_ns: int) -> None:
        """Sends a set-point; the fingers' part only when it has changed, and never in a stop."""
        n = self._size
        arm = replace(setpoint, position=setpoint.position[:n], velocity=setpoint.velocity[:n])
        self._arm.send(arm, state)
        if self._gripper is not None and setpoint.state == 'armed':
            self._gripper.send(float(setpoint.position[n]), now_ns)

    def wait_until_heard(self) -> None:
        """Until the arm's controller has the last set-point, a moment at most."""
        self._arm.publisher.wait_for_all_acked(HEARD)


class Arm:
    """The joints without the fingers.

    Attributes:
        publisher: of the vendor's messages.
    """

    def __init__(self, node: Node, robot: RobotConfig, config: DriverConfig) -> None:
        """Opens the topic."""
        self._node, self._config = node, config
        self._joints = robot.joints[: len(robot.joints) - robot.gripping]
        self._names = config.vendor_names(self._joints)
        self._frame = robot.base_frame
        if config.kind in ('servo_twist', 'effort_array'):
            self._kinematics = Kinematics(robot)
        if config.kind == 'effort_array':
            self._effort_limits = self._kinematics.effort_limits[: len(self._joints)]
            config.check_count('stiffness', len(self._joints))
            config.check_count('damping', len(self._joints))
        self._type = interface('driver: kind', config.kind, ARMS[config.kind])
        fills: dict[DriverKind, Callable[[Setpoint, JointState], Any]] = {
            'joint_trajectory': self._trajectory,
            'velocity_array': lambda setpoint, _: self._type(data=setpoint.velocity.tolist()),
            'position_array': lambda setpoint, _: self._type(data=setpoint.position.tolist()),
            'effort_array': self._efforts,
            'servo_twist': self._twist,
            'intera': self._intera,
            'kinova': self._kinova,
        }
        self._fill = fills[config.kind]
        qos = step_qos(lockstep=False, depth=1)
        self.publisher = node.create_publisher(self._type, config.command_topic, qos)

    def send(self, setpoint: Setpoint, state: JointState) -> None:
        """Publishes a set-point of these joints."""
        self.publisher.publish(self._fill(setpoint, state))

    def _trajectory(self, setpoint: Setpoint, _: JointState) -> Any:
        point = adapters.joint_trajectory(self._config, self._joints, setpoint)
        target = JointTrajectoryPoint(
            positions=point.positions,
            time_from_start=convert.to_duration(point.time_from_start_ns),
        )
        return self._type(joint_names=point.joint_names, points=[target])

    def _efforts(self, setpoint: Setpoint, state: JointState) -> Any:
        efforts = adapters.efforts(self._config, setpoint, state, self._effort_limits)
        return self._type(data=efforts.tolist())

    def _twist(self, setpoint: Setpoint, state: JointState) -> Any:
        """Servo takes the stamp for the age of what it is told."""
        jacobian = self._kinematics.evaluate(state.position).jacobian
        v_xyz_w_xyz = (jacobian[:, : len(self._joints)] @ setpoint.velocity).tolist()
        message = self._type()
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.header.frame_id = self._frame
        linear, angular = message.twist.linear, message.twist.angular
        linear.x, linear.y, linear.z, angular.x, angular.y, angular.z = v_xyz_w_xyz
        return message

    def _intera(self, setpoint: Setpoint, _: JointState) -> Any:
        message = self._type(names=self._names, velocity=setpoint.velocity.tolist())
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.mode = self._type.VELOCITY_MODE
        return message

    def _kinova(self, setpoint: Setpoint, _: JointState) -> Any:
        degrees = adapters.kinova_degrees(setpoint)
        return self._type(**{f'joint{k}': value for k, value in enumerate(degrees, start=1)})


class Gripper:
    """The fingers, told where to be."""

    def __init__(self, node: Node, config: GripperDriver) -> None:
        """Opens the topic or the action."""
        self._node, self._config = node, config
        self._fingers = adapters.Fingers(config)
        name = GRIPPERS[config.kind]
        self._type = interface('driver: gripper: kind', config.kind, name)
        topic = config.command_topic
        self._acts = '/action/' in name
        if self._acts:
            self._action = ActionClient(node, self._type, topic)
        else:
            self._publisher = node.create_publisher(self._type, topic, 10)
        fills: dict[GripperKind, Callable[[float], Any]] = {
            'gripper_command': self._gripper_command,
            'position_array': lambda wanted: self._type(data=[wanted]),
            'intera': self._intera,
            'kinova': self._kinova,
        }
        self._fill = fills[config.kind]

    def send(self, position: float, now_ns: int) -> None:
        """Tells the fingers where to be, rad or m of the leading one, where that is news."""
        if self._acts and not self._action.server_is_ready():
            return
        wanted = self._fingers.due(position, now_ns)
        if wanted is None:
            return
        if not self._acts:
            self._publisher.publish(self._fill(wanted))
            return
        self._action.send_goal_async(self._fill(wanted)).add_done_callback(self._on_answer)

    def _on_answer(self, answer: Future) -> None:
        if not answer.result().accepted:
            self._node.get_logger().error(f'{self._config.command_topic}: the goal was refused')

    def _gripper_command(self, wanted: float) -> Any:
        goal = self._type.Goal()
        goal.command.position, goal.command.max_effort = wanted, self._config.effort
        return goal

    def _intera(self, wanted: float) -> Any:
        stamp = self._node.get_clock().now().to_msg()
        return self._type(time=stamp, op='set', args=adapters.intera_gripper(wanted))

    def _kinova(self, wanted: float) -> Any:
        goal = self._type.Goal()
        fingers = goal.fingers
        fingers.finger1 = fingers.finger2 = fingers.finger3 = wanted
        return goal
