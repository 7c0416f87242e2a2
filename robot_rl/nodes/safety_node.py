# SPDX-License-Identifier: Apache-2.0
"""The last filter before the robot: the only publisher that the driver obeys.

    | topic | type | unit |
    |---|---|---|
    | in  `control/command` | trajectory_msgs/JointTrajectory | rad/s or rad, one point |
    | in  `joint_states` | sensor_msgs/JointState | rad, rad/s |
    | in  `wrench` | geometry_msgs/WrenchStamped | N, N m in tool0, raw |
    | in  `stop` | std_msgs/Bool | true latches a stop |
    | out `command` | trajectory_msgs/JointTrajectory | rad/s or rad, one point |
    | out `safety/status` | robot_rl_msgs/SafetyStatus | requested, executed, acting rule |
    | srv `safety/reset_stop` | std_srvs/Trigger | takes a latched stop back |

The rules are in `safety/`. In real time, silence of the controller is answered with a hold
at the control rate.
"""

import time
from typing import Any

from geometry_msgs.msg import WrenchStamped
from robot_rl_msgs import msg as rr
from sensor_msgs.msg import JointState as JointStateMsg
from std_msgs.msg import Bool
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from robot_rl.control.kinematics import Kinematics
from robot_rl.errors import InputError
from robot_rl.nodes import conversions as convert, records
from robot_rl.nodes.common import COMMAND_QOS, EVENT_QOS, GraphNode, run, sensor_qos
from robot_rl.safety.filter import SafetyFilter
from robot_rl.types import JointCommand, JointState, Wrench


class SafetyNode(GraphNode):
    """Moves messages; the filter decides."""

    sole_topics = ('command',)

    def __init__(self, **kwargs: Any) -> None:
        """Declares parameters, builds the filter, opens the topics."""
        super().__init__('safety_node', **kwargs)
        period_s = 1.0 / self.task.rates.control_hz
        self._filter = SafetyFilter(self.task.safety, Kinematics(self.robot), period_s)
        self._state_order = convert.JointOrder(self.robot.joints)
        self._command_order = convert.JointOrder(self.robot.joints)
        self._state: JointState | None = None
        self._wrench: Wrench | None = None
        self._waiting: JointCommand | None = None
        self._answered = time.monotonic()
        self._commands = self.create_publisher(JointTrajectory, 'command', COMMAND_QOS)
        self._status = self.create_publisher(rr.SafetyStatus, 'safety/status', EVENT_QOS)
        lockstep = self.parameters.lockstep
        sensors = sensor_qos(lockstep)
        self.create_subscription(JointStateMsg, 'joint_states', self._on_state, sensors)
        self.create_subscription(WrenchStamped, 'wrench', self._on_wrench, sensors)
        self.create_subscription(JointTrajectory, 'control/command', self._on_command, COMMAND_QOS)
        self.create_subscription(Bool, 'stop', self._on_stop, EVENT_QOS)
        self.create_service(Trigger, 'safety/reset_stop', self._on_reset_stop)
        if not lockstep:
            self.create_timer(period_s, self._watch)

    def _on_state(self, message: JointStateMsg) -> None:
        try:
            self._state = convert.from_joint_state(message, self._state_order)
        except InputError as error:
            self.complain(error)
            return
        self.clock_of_robot.update(self._state.stamp_ns)
        self._answer()

    def _on_wrench(self, message: WrenchStamped) -> None:
        self._wrench = convert.from_wrench(message)

    def _on_command(self, message: JointTrajectory) -> None:
        try:
            self._waiting = convert.from_command(message, self._command_order, 'control/command')
        except InputError as error:
            self.complain(error)
            return
        self._answer()

    def _answer(self) -> None:
        """Filters the waiting command once the state that it answers is here."""
        command = self._waiting
        if command is None or self._state is None or self._state.stamp_ns < command.stamp_ns:
            return
        self._waiting = None
        self._pass_on(command)

    def _pass_on(self, command: JointCommand | None) -> None:
        self._answered = time.monotonic()
        now_ns = self.clock_of_robot.now_ns()
        result = self._filter.filter(command, self._state, self._wrench, now_ns)
        self._status.publish(records.to_safety_status(result))
        self._commands.publish(convert.to_command(result.command, self.robot.joints))

    def _watch(self) -> None:
        """Holds when no command came for as long as one may last."""
        if time.monotonic() - self._answered > self.task.safety.command_timeout:
            self._pass_on(self._take_waiting())

    def _take_waiting(self) -> JointCommand | None:
        command, self._waiting = self._waiting, None
        return command

    def _on_stop(self, message: Bool) -> None:
        if message.data:
            self._filter.stop('stop requested on the topic `stop`')

    def _on_reset_stop(self, _: Trigger.Request, answer: Trigger.Response) -> Trigger.Response:
        answer.message = self._filter.stop_reason
        self._filter.reset_stop()
        answer.success = not self._filter.stopped
        return answer


def main() -> None:
    """Runs the node alone."""
    run(SafetyNode)
