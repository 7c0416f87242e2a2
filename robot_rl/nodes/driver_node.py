# SPDX-License-Identifier: Apache-2.0
"""The last hop to a ros2_control arm: obeys the safety node alone, and holds when it is silent.

    | topic | type | unit |
    |---|---|---|
    | in  `command` | trajectory_msgs/JointTrajectory | rad/s or rad, one point |
    | in  `stop` | std_msgs/Bool | true latches a stop |
    | in  the configured state topic | sensor_msgs/JointState | rad, rad/s |
    | out `joint_states` | sensor_msgs/JointState | rad, rad/s, the robot's own joints |
    | out the configured command topic | trajectory_msgs/JointTrajectory or std_msgs/Float64MultiArray | |
    | srv `driver/arm`, `driver/disarm`, `driver/reset_stop` | std_srvs/Trigger | |

The watchdog, the admission of commands and the latched stop are in `control/driver.py`. The
driver starts disarmed; arming is a deliberate act.
"""

import time
from typing import Any

import numpy as np
from rclpy.publisher import Publisher
from sensor_msgs.msg import JointState as JointStateMsg
from std_msgs.msg import Bool, Float64MultiArray
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from robot_rl.control.adapters import joint_trajectory, velocity_array
from robot_rl.control.driver import Driver, Setpoint
from robot_rl.errors import InputError
from robot_rl.nodes import conversions as convert
from robot_rl.nodes.common import COMMAND_QOS, EVENT_QOS, GraphNode, run, sensor_qos
from robot_rl.types import JointState


class DriverNode(GraphNode):
    """Moves messages; the driver core decides."""

    reads_senders = True
    sole_topics = ('joint_states',)

    def __init__(self, **kwargs: Any) -> None:
        """Declares parameters, builds the core, opens the topics."""
        super().__init__('driver_node', **kwargs)
        if self.robot.driver is None:
            raise InputError(f'config/robots: robot {self.robot.name!r} has no key `driver`')
        self._config = self.robot.driver
        self._driver = Driver(self._config, self.robot.joints)
        vendor = tuple(self._config.names.get(j, j) for j in self.robot.joints)
        self._state_order = convert.JointOrder(vendor)
        self._command_order = convert.JointOrder(self.robot.joints)
        self._state: JointState | None = None
        self._output = self._make_output()
        self._states = self.create_publisher(JointStateMsg, 'joint_states', sensor_qos(False))
        self.create_subscription(
            JointStateMsg, self._config.state_topic, self._on_state, sensor_qos(False)
        )
        self.create_subscription(JointTrajectory, 'command', self._on_command, COMMAND_QOS)
        self.create_subscription(Bool, 'stop', self._on_stop, EVENT_QOS)
        for name in ('arm', 'disarm', 'reset_stop'):
            self.create_service(Trigger, f'driver/{name}', getattr(self, f'_on_{name}'))
        self.create_timer(1.0 / self._config.rate_hz, self._send)
        self.create_timer(0.2, self._look_for_safety)

    def _make_output(self) -> Publisher:
        kinds = {'joint_trajectory': JointTrajectory, 'velocity_array': Float64MultiArray}
        return self.create_publisher(
            kinds[self._config.kind], self._config.command_topic, EVENT_QOS
        )

    def _on_state(self, message: JointStateMsg) -> None:
        try:
            self._state = convert.from_joint_state(message, self._state_order)
        except InputError as error:
            self.complain(error)
            return
        self.clock_of_robot.update(self._state.stamp_ns)
        self._states.publish(
            convert.to_joint_state(self._state, self.robot.joints, self.robot.base_frame)
        )

    def _on_command(self, message: JointTrajectory, info: dict[str, Any]) -> None:
        try:
            command = convert.from_command(message, self._command_order, 'command')
        except InputError as error:
            self.complain(error)
            return
        age_s = (self.clock_of_robot.now_ns() - command.stamp_ns) * 1e-9
        publisher = convert.publisher_id(info)
        if not self._driver.accept(command, publisher, age_s, time.monotonic_ns()):
            self.complain(InputError(f'command: {self._driver.refusal}'))

    def _send(self) -> None:
        measured = None if self._state is None else self._state.position
        setpoint = self._driver.tick(time.monotonic_ns(), measured)
        if setpoint is not None:
            self._output.publish(self._message(setpoint))

    def _message(self, setpoint: Setpoint) -> JointTrajectory | Float64MultiArray:
        if self._config.kind == 'velocity_array':
            return Float64MultiArray(data=velocity_array(setpoint))
        point = joint_trajectory(self._config, self.robot.joints, setpoint)
        target = JointTrajectoryPoint(
            positions=point.positions,
            time_from_start=convert.to_duration(point.time_from_start_ns),
        )
        return JointTrajectory(joint_names=point.joint_names, points=[target])

    def _look_for_safety(self) -> None:
        """Trusts the one safety node; a second publisher latches a stop."""
        publishers = self.get_publishers_info_by_topic('command')
        safety = [p for p in publishers if p.node_name == 'safety_node']
        if len(publishers) > 1:
            names = ', '.join(sorted(p.node_name for p in publishers))
            self._driver.stop(f'command: more than one publisher: {names}')
        elif safety:
            self._driver.trust(bytes(safety[0].endpoint_gid[:16]))

    def _on_stop(self, message: Bool) -> None:
        if message.data:
            self._driver.stop('stop requested on the topic `stop`')

    def _on_arm(self, _: Trigger.Request, answer: Trigger.Response) -> Trigger.Response:
        position = np.full(len(self.robot.joints), np.nan)
        if self._state is not None:
            position = self._state.position
        try:
            self._driver.arm(position, time.monotonic_ns())
            answer.success = True
        except InputError as error:
            answer.message = str(error)
        return answer

    def _on_disarm(self, _: Trigger.Request, answer: Trigger.Response) -> Trigger.Response:
        self._driver.disarm()
        answer.success = True
        return answer

    def _on_reset_stop(self, _: Trigger.Request, answer: Trigger.Response) -> Trigger.Response:
        answer.message = self._driver.reason
        self._driver.reset_stop()
        answer.success = True
        return answer


def main() -> None:
    """Runs the node alone."""
    run(DriverNode)
