# SPDX-License-Identifier: Apache-2.0
"""Listens for a few seconds to what the graph needs, and says what is not right.

    | topic | type | |
    |---|---|---|
    | in  the driver's state topic | sensor_msgs/JointState | |
    | in  `wrench` | geometry_msgs/WrenchStamped | |
    | in  `electrical_contact` | robot_rl_msgs/DigitalInput | where the reward needs it |
    | in  `scene_state` | robot_rl_msgs/SceneState | where the task needs it |
    | in  `CAMERA/color`, ... | sensor_msgs/Image | from camera_node |
    | in  `observation`, `command` | | where the graph runs already |

It publishes nothing and moves nothing. The checks are in `preflight.py`.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from robot_rl.ros_environment import prepare

prepare()

import numpy as np  # noqa: E402
import rclpy  # noqa: E402
from geometry_msgs.msg import WrenchStamped  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible  # noqa: E402
from robot_rl_msgs import msg as rr  # noqa: E402
from sensor_msgs.msg import Image, JointState  # noqa: E402
from trajectory_msgs.msg import JointTrajectory  # noqa: E402

from robot_rl import preflight  # noqa: E402
from robot_rl.control.kinematics import Kinematics  # noqa: E402
from robot_rl.control.robot import RobotConfig  # noqa: E402
from robot_rl.errors import InputError  # noqa: E402
from robot_rl.nodes import conversions as convert  # noqa: E402
from robot_rl.nodes.common import sensor_qos  # noqa: E402
from robot_rl.preflight import Finding, Stream  # noqa: E402
from robot_rl.task import TaskConfig, load_task, robot_of  # noqa: E402


class Doctor(Node):
    """Collects; the checks judge."""

    def __init__(self, task: TaskConfig, robot: RobotConfig) -> None:
        """Listens to what this task needs of this robot."""
        super().__init__('doctor')
        if robot.driver is None:
            raise InputError(f'config/robots: robot {robot.name!r} has no key `driver`')
        self._task, self._robot = task, robot
        self.streams: dict[str, Stream] = {}
        self.states: list[JointState] = []
        self.forces: list[list[float]] = []
        self.contacts: list[bool] = []
        self._asked: dict[int, float] = {}
        self.delays_s: list[float] = []
        hz = task.rates.control_hz
        self._listen(JointState, robot.driver.state_topic, hz, self.states.append)
        self._listen(WrenchStamped, 'wrench', hz, self._on_wrench)
        if task.reward.needs_contact:
            keep = self.contacts
            kind, seen_hz = rr.DigitalInput, task.rates.action_hz
            self._listen(kind, 'electrical_contact', seen_hz, lambda m: keep.append(m.value))
        if task.scene_sizes:
            self._listen(rr.SceneState, 'scene_state', task.rates.action_hz, lambda _: None)
        for name in task.pictures:
            self._listen(Image, name, task.rates.action_hz, lambda _: None)
        qos = sensor_qos(lockstep=False)
        self.create_subscription(rr.Observation, 'observation', self._on_observation, qos)
        self.create_subscription(JointTrajectory, 'command', self._on_command, qos)

    def _listen(self, kind: type, topic: str, rate_hz: float, keep: Callable[[Any], None]) -> None:
        stream = self.streams[topic] = Stream(topic, rate_hz)

        def heard(message: Any) -> None:
            stream.heard_s.append(time.monotonic())
            stream.stamps_s.append(convert.from_time(message.header.stamp) * 1e-9)
            keep(message)

        self.create_subscription(kind, topic, heard, sensor_qos(lockstep=False))

    def _on_wrench(self, message: WrenchStamped) -> None:
        force = message.wrench.force
        self.forces.append([force.x, force.y, force.z])

    def _on_observation(self, message: rr.Observation) -> None:
        self._asked[convert.from_time(message.header.stamp)] = time.monotonic()

    def _on_command(self, message: JointTrajectory) -> None:
        asked = self._asked.pop(convert.from_time(message.header.stamp), None)
        if asked is not None:
            self.delays_s.append(time.monotonic() - asked)

    def look_at_publishers(self) -> None:
        """Notes who sends each topic, and whether we would hear it."""
        wanted = sensor_qos(lockstep=False)
        for topic, stream in self.streams.items():
            for publisher in self.get_publishers_info_by_topic(topic):
                stream.publishers.append(publisher.node_name)
                offered: QoSProfile = publisher.qos_profile
                fit, why = qos_check_compatible(offered, wanted)
                if fit == QoSCompatibility.ERROR:
                    stream.misfits.append(f'{publisher.node_name}: {why}')

    def findings(self, seconds: float, folder: Path, joystick: Path | None) -> list[Finding]:
        """Everything that was found, the machine first."""
        safety, robot = self._task.safety, self._robot
        found = list(preflight.check_machine(folder, joystick))
        for stream in self.streams.values():
            found += preflight.check_stream(stream, seconds)
        found += preflight.check_clocks(list(self.streams.values()))
        if self.states:
            newest = self.states[-1]
            names, position = list(newest.name), np.array(newest.position)
            found += preflight.check_joints(robot, names, position, safety.joint_margin)
            if set(robot.joints) <= set(names):
                measured = np.array([position[names.index(n)] for n in robot.joints])
                tool = Kinematics(robot).evaluate(measured)
                found.append(preflight.check_sphere(safety, tool.position_xyz))
        found += preflight.check_wrench(safety, np.array(self.forces))
        found += preflight.check_contact(self.contacts)
        found += preflight.check_latency(self.delays_s, safety.command_timeout)
        return found


def main(argv: list[str]) -> int:
    """The command: one page, and status 1 where something is to be done."""
    parser = argparse.ArgumentParser(prog='robot-rl doctor', description=__doc__.split('\n')[0])
    parser.add_argument('--task', default='usb_insertion', help='name in config/tasks, or a file')
    parser.add_argument('--robot', default='', help="default: the task's own")
    parser.add_argument('--seconds', type=float, default=3.0, help='of listening')
    parser.add_argument('--run-dir', type=Path, help='of the run whose driver asks for this')
    parser.add_argument('--joystick', type=Path, help='such as /dev/input/js0')
    parser.add_argument('--json', action='store_true', help='the last line is one JSON object')
    options = parser.parse_args(argv)
    if not 0 < options.seconds <= 60:
        raise InputError(f'--seconds: expected 0 to 60, got {options.seconds}')
    folder = options.run_dir or Path()
    if not folder.is_dir():
        raise InputError(f'--run-dir: expected the folder of a run, got {folder}')
    task = load_task(options.task, options.robot)
    rclpy.init()
    doctor = Doctor(task, robot_of(task))
    executor = SingleThreadedExecutor()
    executor.add_node(doctor)
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        executor.spin_once(timeout_sec=0.1)
    doctor.look_at_publishers()
    found = doctor.findings(options.seconds, folder, options.joystick)
    executor.shutdown()
    doctor.destroy_node()
    rclpy.shutdown()
    print(preflight.page(found))
    verdict = preflight.Verdict(task.robot, task.name, found)
    if options.run_dir:
        verdict.write(options.run_dir)
    if options.json:
        print(json.dumps({'ready': verdict.ready} | asdict(verdict)))
    return 0 if verdict.ready else 1
