# SPDX-License-Identifier: Apache-2.0
"""The last filter before the robot: the only publisher that the driver obeys.

    | topic | type | unit |
    |---|---|---|
    | in  `control/command` | trajectory_msgs/JointTrajectory | rad/s or rad, one point |
    | in  `joint_states` | sensor_msgs/JointState | rad, rad/s |
    | in  `wrench` | geometry_msgs/WrenchStamped | N, N m in tool0, raw |
    | in  `stop` | std_msgs/Bool | true latches a stop |
    | out `command` | trajectory_msgs/JointTrajectory | rad/s or rad, one point |
    | out `safety/status` | robot_rl_msgs/SafetyStatus | requested, executed, rule, margins |
    | out `/diagnostics` | diagnostic_msgs/DiagnosticArray | state, reason, counts |
    | srv `safety/reset_stop` | std_srvs/Trigger | takes a latched stop back |
    | srv `safety/arm` | std_srvs/Trigger | allows motion after it |
    | srv `safety_node/change_state` | lifecycle_msgs/ChangeState | see below |

The rules are in `safety/`. In real time, silence of the controller is answered with a hold at
the control rate, another controller in its place must be armed, and a latched stop is kept on
disk, in the file that the parameter `stop_file` names, until motion is armed again.

As a lifecycle node it passes commands only while active, holds while inactive, and publishes no
command while unconfigured, which the driver's watchdog answers. Limits and parameters are read
once, at the start. Stops, reset and arming work in every state and outlast it; `cleanup` disarms.
"""

import json
import time
from collections import deque
from pathlib import Path
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
from robot_rl.nodes.common import EVENT_QOS, command_qos, sensor_qos, step_qos
from robot_rl.nodes.diagnostics import Diagnostics, Level
from robot_rl.nodes.lifecycle import ManagedNode
from robot_rl.nodes.readiness import senders
from robot_rl.nodes.running import run
from robot_rl.priority import GUARD
from robot_rl.report.files import write_text
from robot_rl.report.latency import percentiles
from robot_rl.safety.ahead import surroundings_of
from robot_rl.safety.deadlines import Deadlines
from robot_rl.safety.filter import SafetyFilter
from robot_rl.safety.latch import StopFile
from robot_rl.safety.motion import check_reach
from robot_rl.types import JointCommand, JointState, Wrench

WATCH_SECONDS = 0.01
KEPT_TIMES = 100_000
LOOK_SECONDS = 0.1


class SafetyNode(ManagedNode):
    """Moves messages; the filter decides."""

    sole_topics = ('command',)
    priority = GUARD

    def __init__(self, **kwargs: Any) -> None:
        """Declares parameters, builds the filter, opens the topics."""
        super().__init__('safety_node', **kwargs)
        self._period_s = 1.0 / self.task.rates.control_hz
        self._stop_file = self._find_stop_file()
        self._kept = self._stop_file.read() if self._stop_file else ''
        limits, arm = self.task.safety, Kinematics(self.robot)
        check_reach(limits, arm)
        surroundings = surroundings_of(limits, self.robot, self.task.obstacles)
        self._filter = SafetyFilter(limits, arm, self._period_s, self._kept, surroundings)
        self._state_order = convert.JointOrder(self.robot.joints)
        self._command_order = convert.JointOrder(self.robot.joints, strict=True)
        self._state: JointState | None = None
        self._wrench: Wrench | None = None
        self._waiting: JointCommand | None = None
        self._reason = 'no_state'
        self._controllers: set[bytes] = set()
        self._present: set[bytes] = set()
        self._deadlines = Deadlines(self.task.rates.control_period_ns)
        self._hold_at = time.monotonic() + self.task.safety.command_timeout
        self._received_s = self._published_s = 0.0
        self._took_s: deque[float] = deque(maxlen=KEPT_TIMES)
        lockstep = self.parameters.lockstep
        commands = command_qos(lockstep)
        self._commands = self.create_publisher(JointTrajectory, 'command', commands)
        self._status = self.create_publisher(rr.SafetyStatus, 'safety/status', step_qos(lockstep))
        self._diagnostics = Diagnostics(self, self.robot.name)
        sensors = sensor_qos(lockstep)
        self.create_subscription(JointStateMsg, 'joint_states', self._on_state, sensors)
        self.create_subscription(WrenchStamped, 'wrench', self._on_wrench, sensors)
        self.create_subscription(JointTrajectory, 'control/command', self._on_command, commands)
        self.create_subscription(Bool, 'stop', self._on_stop, EVENT_QOS)
        self.create_service(Trigger, 'safety/reset_stop', self._on_reset_stop)
        self.create_service(Trigger, 'safety/arm', self._on_arm)
        self.create_timer(Diagnostics.PERIOD_S, self._diagnose)
        if not lockstep:
            self.create_timer(WATCH_SECONDS, self._watch)
            self.create_timer(LOOK_SECONDS, self._look_for_controller)
        self.autostart()

    def changed(self) -> None:
        """A new state of the lifecycle; the robot is told of one that holds at once."""
        self._filter.inactive = '' if self.active else 'the node is not active'
        if not self.configured:
            self._filter.reset()
            self._filter.disarm('the node was cleaned up')
            self._state = self._wrench = self._waiting = None
        elif not self.active and self._state is not None and not self.parameters.lockstep:
            self._pass_on(self._waiting)

    def _find_stop_file(self) -> StopFile | None:
        """The file that the parameter names, or one in the folder of a run in real time."""
        path = self.declare_parameter('stop_file', '').value
        if not path and self.parameters.run_dir and not self.parameters.lockstep:
            path = Path(self.parameters.run_dir, 'safety_stop')
        return StopFile(path) if path else None

    def _on_state(self, message: JointStateMsg) -> None:
        self._received_s = time.perf_counter()
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
        self._received_s = time.perf_counter()
        try:
            self._waiting = convert.from_command(message, self._command_order, 'control/command')
        except InputError as error:
            self.complain(error)
            return
        known = len(self._present)
        if not self.parameters.lockstep and self.count_publishers('control/command') != known:
            self._look_for_controller()
        self._answer()

    def _answer(self) -> None:
        """Filters the waiting command once the state that it answers is here."""
        command = self._waiting
        if command is None or self._state is None or self._state.stamp_ns < command.stamp_ns:
            return
        self._hold_at = time.monotonic() + self.task.safety.command_timeout
        if not self.parameters.lockstep:
            self._deadlines.command(command.stamp_ns, self.clock_of_robot.now_ns())
        self._pass_on(command)
        if self.configured:
            self._took_s.append(self._published_s - self._received_s)

    def _pass_on(self, command: JointCommand | None) -> None:
        self._waiting = None
        if not self.configured:
            return
        now_ns = self.clock_of_robot.now_ns()
        if not self.parameters.lockstep:
            self._filter.overload = self._deadlines.overload(now_ns)
        result = self._filter.filter(command, self._state, self._wrench, now_ns)
        self._reason = result.reason
        self._commands.publish(convert.to_command(result.command, self.robot.joints))
        self._published_s = time.perf_counter()
        margins = None if self.parameters.lockstep else self._filter.margins()
        self._status.publish(records.to_safety_status(result, margins))
        self._keep_stop()

    def _watch(self) -> None:
        """Holds when no command came for as long as one may last, and so every period."""
        now = time.monotonic()
        if self._state is None:
            self._hold_at = now + self.task.safety.command_timeout
        elif now > self._hold_at:
            self._hold_at = now + self._period_s
            self._pass_on(self._waiting)

    def _look_for_controller(self) -> None:
        """Motion must be armed again when another process gives the commands."""
        self._present = senders(self, 'control/command')
        if self._controllers and self._present - self._controllers:
            self._filter.disarm('the publisher of control/command changed')
        self._controllers |= self._present

    def _keep_stop(self) -> None:
        """Writes a stop that is new to disk, after the robot was told."""
        reason = self._filter.stop_reason
        if not reason or reason == self._kept:
            return
        self._kept = reason
        told = ': '.join(filter(None, ('stop latched', reason, self._filter.detail)))
        self.get_logger().error(told)
        try:
            if self._stop_file is not None:
                self._stop_file.write(reason)
        except InputError as error:
            self.complain(error)

    def _on_stop(self, message: Bool) -> None:
        if not message.data:
            return
        self._filter.stop('stop requested on the topic `stop`')
        if not self.parameters.lockstep:
            self._pass_on(self._waiting)
        self._keep_stop()

    def _on_reset_stop(self, _: Trigger.Request, answer: Trigger.Response) -> Trigger.Response:
        answer.message = self._filter.stop_reason
        self._filter.reset_stop()
        answer.success = True
        return answer

    def _on_arm(self, _: Trigger.Request, answer: Trigger.Response) -> Trigger.Response:
        if self._filter.stopped:
            answer.message = f'safety: reset the stop first: {self._filter.stop_reason}'
            return answer
        self._filter.arm()
        self._kept, answer.success = '', True
        if self._stop_file is not None:
            self._stop_file.clear()
        return answer

    def _diagnose(self) -> None:
        """What the filter did last, and how often each rule acted."""
        stopped, reason = self._filter.stopped, self._reason
        state = 'stopped' if stopped else 'acting' if reason else 'passing'
        if not self.configured:
            state, reason = 'unconfigured', ''
        level: Level = 'error' if stopped else 'warn' if reason or not self.configured else 'ok'
        message = ': '.join(filter(None, (state, reason, self._filter.detail)))
        self._diagnostics.send(level, message, dict(self._filter.counts))

    def shutdown(self) -> None:
        """Leaves the times from a command and its state to the safe command, beside the run."""
        if self._took_s and self.parameters.run_dir and not self.parameters.lockstep:
            path = Path(self.parameters.run_dir, 'safety_latency.json')
            write_text(path, json.dumps(percentiles('safety', list(self._took_s))) + '\n')


def main() -> None:
    """Runs the node alone."""
    run(SafetyNode)
