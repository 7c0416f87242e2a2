# SPDX-License-Identifier: Apache-2.0
"""Watches a graph from outside: what goes to the motors, judged by a judge of its own.

Every command on the driver's output counts, against the joint state that came last before it.
"""

import dataclasses
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from robot_rl.ros_environment import prepare

prepare()

import numpy as np  # noqa: E402
import rclpy  # noqa: E402
from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from rclpy.experimental import EventsExecutor  # noqa: E402
from rclpy.qos import QoSProfile, ReliabilityPolicy  # noqa: E402
from robot_rl_msgs.msg import Observation, OperatorEvent  # noqa: E402
from sensor_msgs.msg import JointState  # noqa: E402
from std_msgs.msg import Float64MultiArray  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402

from benchmarks.safety_judge import Moves, complaints  # noqa: E402
from robot_rl.control.kinematics import Kinematics  # noqa: E402
from robot_rl.task import load_task, robot_of  # noqa: E402
from robot_rl.types import FloatArray  # noqa: E402

SENSOR = QoSProfile(depth=50, reliability=ReliabilityPolicy.BEST_EFFORT)

#: What the driver's output may have beyond the filter's limits. A command lasts: it is judged in
#: a posture up to two time-outs, 0.2 s, younger than the one that it was filtered in.
TOOL_SPEED_SLACK = 1.05
RADIUS_SLACK_M = 0.01
MARGIN_SLACK_RAD = 0.05


class Watch:
    """A node of its own; every wait is bounded.

    Attributes:
        commands: judged so far.
        moving_commands: of these, those that move the arm.
        violations: of these, those outside a limit, by limit.
        worst: the largest share of a joint's speed limit, tool speed, m/s, and distance from
            the sphere's centre, m, of any command.
        steps: observations.
        episodes: first observations.
        said: what each node last said of itself.
    """

    def __init__(self, task: str) -> None:
        """Opens the topics of the graph and of the robot that the task names."""
        config = load_task(task)
        self._robot = robot_of(config)
        driver = self._robot.driver
        assert driver is not None
        self._names = driver.vendor_names(self._robot.joints)
        self._arm = Kinematics(self._robot)
        self._limits = dataclasses.replace(
            config.safety,
            tool_speed=config.safety.tool_speed * TOOL_SPEED_SLACK,
            sphere_radius=config.safety.sphere_radius + RADIUS_SLACK_M,
            joint_margin=max(0.0, config.safety.joint_margin - MARGIN_SLACK_RAD),
            condition_slow=None,  # the look ahead and the singularity are the filter's own
            condition_stop=None,
            look_ahead=None,
        )
        self._period_s = 1 / config.rates.control_hz
        self._position: FloatArray | None = None
        self._rows: list[tuple[Any, ...]] = []
        self.recent: deque[tuple[float, bool]] = deque(maxlen=1000)
        self.commands = self.moving_commands = self.steps = self.episodes = 0
        self.violations: Counter[str] = Counter()
        self.worst = {'joint_speed_share': 0.0, 'tool_speed': 0.0, 'from_centre': 0.0}
        self.said: dict[str, str] = {}
        rclpy.init(signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
        self._node = node = rclpy.create_node('graph_watch')
        self._executor = EventsExecutor()
        self._executor.add_node(node)
        node.create_subscription(Float64MultiArray, driver.command_topic, self._on_command, 100)
        node.create_subscription(JointState, driver.state_topic, self._on_state, SENSOR)
        node.create_subscription(Observation, 'observation', self._on_observation, 100)
        node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 100)
        self._events = node.create_publisher(OperatorEvent, 'operator/event', 10)

    # ---- what comes ----------------------------------------------------------------------

    def _on_state(self, message: JointState) -> None:
        at = dict(zip(message.name, message.position, strict=True))
        self._position = np.array([at[name] for name in self._names])

    def _on_command(self, message: Float64MultiArray) -> None:
        velocity = np.array(message.data)
        self.commands += 1
        self.moving_commands += bool(velocity.any())
        self.recent.append((time.monotonic(), bool(velocity.any())))
        if velocity.shape != (len(self._names),) or not np.isfinite(velocity).all():
            self.violations['not a velocity of each joint'] += 1
        elif self._position is not None:
            tool = self._arm.evaluate(self._position)
            pose = tool.position_xyz.copy(), tool.rotation.copy(), tool.jacobian.copy()
            before, load = np.zeros(len(velocity)), np.zeros(6)
            self._rows.append((velocity, self._position, before, *pose, load, False))
            if len(self._rows) >= 1000:
                self.judge()
        elif velocity.any():
            self.violations['moves without a joint state'] += 1

    def _on_observation(self, message: Observation) -> None:
        self.steps += 1
        self.episodes += message.step == 0

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self.said |= {status.name: status.message for status in message.status}

    def judge(self) -> None:
        """Judges what has come since the last time."""
        rows, self._rows = self._rows, []
        if not rows:
            return
        moves = Moves.of(rows)
        for _, limit in complaints(moves, self._arm, self._limits, self._period_s):
            self.violations[limit] += 1
        speed = np.einsum('nij,nj->ni', moves.jacobian, moves.joints)[:, :3]
        away = moves.tool_xyz - np.array(self._limits.sphere_center)
        for name, value in (
            ('joint_speed_share', np.abs(moves.joints / self._arm.velocity_limits).max()),
            ('tool_speed', np.linalg.norm(speed, axis=1).max()),
            ('from_centre', np.linalg.norm(away, axis=1).max()),
        ):
            self.worst[name] = max(self.worst[name], float(value))

    # ---- what is asked -------------------------------------------------------------------

    def until(self, condition: Callable[[], Any], seconds: float) -> bool:
        """Dispatches until the condition holds; whether it does."""
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.05)
        return bool(condition())

    def moving(self, since: float, seconds: float = 0.3) -> bool:
        """Whether the arm has been told to move, without a pause, for a while since then."""
        start = max(time.monotonic() - seconds, since)
        recent = [moves for at, moves in self.recent if at > start]
        return time.monotonic() - since > seconds and len(recent) > 5 and all(recent)

    def last_motion(self, since: float) -> float:
        """Seconds from then to the last command in the first second after it that moves."""
        times = [at - since for at, moves in self.recent if moves and 0 < at - since < 1]
        return max(times, default=0.0)

    def call(self, service: str, seconds: float) -> str | None:
        """What a trigger answers, '' where all is well; None without an answer."""
        client = self._node.create_client(Trigger, service)
        try:
            if not self.until(client.service_is_ready, seconds):
                return None
            future = client.call_async(Trigger.Request())
            if not self.until(future.done, seconds):
                return None
            answer = future.result()
            return '' if answer.success else str(answer.message)
        finally:
            self._node.destroy_client(client)

    def resume(self) -> None:
        """What a person says after a reset that failed twice."""
        self._events.publish(OperatorEvent(event=OperatorEvent.RESUME))

    def close(self) -> None:
        """Leaves the graph."""
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.shutdown()
