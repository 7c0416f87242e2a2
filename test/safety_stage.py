# SPDX-License-Identifier: Apache-2.0
"""A stage for the safety node: a robot and a controller that the test plays, and the process."""

import signal
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import WrenchStamped
from graph import Listener, process
from robot_rl_msgs.msg import SafetyStatus
from sensor_msgs.msg import JointState as JointStateMsg
from std_msgs.msg import Bool
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from robot_rl.control.kinematics import Kinematics, inverse, rotation_from_rpy
from robot_rl.control.robot import load_robot
from robot_rl.nodes import conversions as convert
from robot_rl.task import load_task
from robot_rl.types import JointCommand, JointState, Wrench

TASK, ROBOT = load_task('usb_insertion'), load_robot('sawyer')
PERIOD_S = 1 / TASK.rates.control_hz
ARM = Kinematics(ROBOT)
POSITION = inverse(
    ARM,
    np.array(ROBOT.home),
    np.add(TASK.goal.position, [0.0, 0.0, 0.03]),
    rotation_from_rpy(np.array(TASK.goal.rpy)),
)
#: 2 cm/s down; the force of a table comes from below.
DOWN = np.linalg.lstsq(ARM.evaluate(POSITION).jacobian, [0, 0, -0.02, 0, 0, 0], rcond=None)[0]
UP_IN_TOOL = ARM.evaluate(POSITION).rotation.T @ [0.0, 0.0, 1.0]


class Surroundings:
    """A robot that stands still at 20 Hz, and a controller, both of them the test's.

    Attributes:
        velocity: commanded with each state; None for a controller that is silent.
        force_xyz: N, tool frame.
        joints: names in the commands.
    """

    def __init__(self) -> None:
        self.listener = Listener()
        node = self.listener.node
        self.velocity: np.ndarray | None = DOWN
        self.force_xyz = np.zeros(3)
        self.joints = ROBOT.joints
        self.commands: list[tuple[float, JointTrajectory]] = []
        self.statuses: list[SafetyStatus] = self.listener.collect(SafetyStatus, 'safety/status')
        self.diagnostics = self.listener.collect(DiagnosticArray, '/diagnostics')
        node.create_subscription(JointTrajectory, 'command', self._on_command, 10)
        self._states = node.create_publisher(JointStateMsg, 'joint_states', 1)
        self._wrenches = node.create_publisher(WrenchStamped, 'wrench', 1)
        self._commands = node.create_publisher(JointTrajectory, 'control/command', 1)
        self.stop = node.create_publisher(Bool, 'stop', 1)
        node.create_timer(PERIOD_S, self._tick)

    def _on_command(self, message: JointTrajectory) -> None:
        self.commands.append((time.monotonic(), message))

    def _tick(self) -> None:
        stamp_ns = time.monotonic_ns()
        wrench = Wrench(stamp_ns, np.array(self.force_xyz), np.zeros(3))
        self._wrenches.publish(convert.to_wrench(wrench, ROBOT.tool_frame))
        state = JointState(stamp_ns, POSITION, np.zeros(7))
        self._states.publish(convert.to_joint_state(state, ROBOT.joints, ROBOT.base_frame))
        if self.velocity is not None:
            command = JointCommand(stamp_ns, 'velocity', self.velocity)
            self._commands.publish(convert.to_command(command, self.joints))

    def restart_controller(self) -> None:
        """Another publisher of commands takes the place of the first."""
        node = self.listener.node
        node.destroy_publisher(self._commands)
        self._commands = node.create_publisher(JointTrajectory, 'control/command', 1)

    def reason(self) -> str:
        """Of the last result; '-' before the first."""
        return self.statuses[-1].reason if self.statuses else '-'

    def wait_for(self, reason: str, seconds: float = 10.0) -> None:
        """Until this rule acts; '' until a command passes."""
        self.statuses.clear()
        assert self.listener.until(lambda: self.reason() == reason, seconds), self.reason()

    def last(self) -> np.ndarray:
        """Velocity of the last command."""
        return np.array(self.commands[-1][1].points[0].velocities)

    def call(self, service: str) -> Trigger.Response:
        return self.listener.call(Trigger, f'safety/{service}', Trigger.Request())


class Node:
    """The node under test; it can be killed and started again."""

    def __init__(self, run_dir: Path, **parameters: object) -> None:
        self.stop_file = run_dir / 'safety_stop'
        self._run_dir = run_dir
        self._stack = ExitStack()
        self.start(**parameters)

    def start(self, **parameters: object) -> None:
        """Starts the process, in the folder of the same run."""
        started = process('safety_node', run_dir=self._run_dir, **parameters)
        self._process = self._stack.enter_context(started)

    def end(self, number: signal.Signals) -> None:
        """Ends the process and waits for it."""
        self._process.send_signal(number)
        self._process.wait(30)

    def close(self) -> None:
        self._stack.close()
