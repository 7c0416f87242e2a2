# SPDX-License-Identifier: Apache-2.0
"""A stage for the last hop: the fake arm, real processes, and a record of what goes to the motors.

Times are the monotonic clock, which the fake arm also stamps with. The record is what arrives on
the driver's command topic, hence behind everything that could hold the robot.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from graph import Listener, process
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger

from robot_rl.control.robot import load_robot
from robot_rl.types import FloatArray

BEST_EFFORT = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)
HERE = Path(__file__).resolve().parent

#: What a loaded machine may add to a reaction: this test's process and the node's both wait.
ALLOWANCE_S = 0.1

ROBOT = load_robot('sawyer')
assert ROBOT.driver is not None
DRIVER = ROBOT.driver


class Stage:
    """Starts, signals and ends processes by name, and keeps the set-points with their times.

    Attributes:
        sent: (time, velocity [J]) of everything that went to the motors.
        states: joint states that the driver passed on.
        diagnostics: what nodes say of themselves.
    """

    def __init__(self) -> None:
        self.listener = Listener()
        self.sent: list[tuple[float, FloatArray]] = []
        self.states = self.listener.collect(JointState, 'joint_states', BEST_EFFORT)
        self.diagnostics = self.listener.collect(DiagnosticArray, '/diagnostics')
        self.listener.node.create_subscription(
            Float64MultiArray, DRIVER.command_topic, self._on_sent, 100
        )
        self._stack = ExitStack()
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def _on_sent(self, message: Float64MultiArray) -> None:
        self.sent.append((time.monotonic(), np.array(message.data)))

    # ---- processes -----------------------------------------------------------------------

    def start(self, name: str, executable: str, **parameters: object) -> None:
        """One of the package's executables."""
        self._running[name] = self._stack.enter_context(process(executable, **parameters))

    def start_script(self, name: str, script: str, *arguments: str) -> None:
        """One of the scripts beside this file."""
        running = subprocess.Popen([sys.executable, str(HERE / script), *arguments])
        self._running[name] = running
        self._stack.callback(running.wait)
        self._stack.callback(running.send_signal, signal.SIGINT)

    def start_source(self, velocity: Any, name: str = 'safety_node', joints: Any = None) -> None:
        """A publisher of `command`, see `command_source.py`."""
        joints = ','.join(ROBOT.joints if joints is None else joints)
        numbers = ','.join(map(str, velocity))
        self.start_script(name, 'command_source.py', name, joints, numbers)

    def send(self, name: str, number: signal.Signals) -> float:
        """Sends a signal; the time just before."""
        before = time.monotonic()
        self._running[name].send_signal(number)
        return before

    def end(self, name: str, number: signal.Signals = signal.SIGINT) -> int:
        """Ends a process and waits for it; its exit status.

        One that does not end is killed, so that the next test does not suffer for it.
        """
        self.send(name, number)
        running = self._running[name]
        try:
            return running.wait(10)
        except subprocess.TimeoutExpired:
            running.kill()
            raise

    def alive(self, name: str) -> bool:
        """Whether a process runs."""
        return name in self._running and self._running[name].poll() is None

    def close(self) -> None:
        """Ends everything."""
        for running in self._running.values():
            if running.poll() is None:
                running.send_signal(signal.SIGCONT)
        self._stack.close()
        self.listener.close()

    # ---- what happens --------------------------------------------------------------------

    def until(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Waits; fails with `what`, and what the nodes say, when it does not come true."""
        came = self.listener.until(condition, seconds)
        assert came, f'not within {seconds:g} s: {what}; {self.said()}'

    def watch(self, seconds: float) -> None:
        """Records for a while."""
        end = time.monotonic() + seconds
        self.listener.until(lambda: time.monotonic() >= end, seconds + 1)

    def call(self, service: str) -> Trigger.Response:
        """A trigger's answer."""
        return self.listener.call(Trigger, service, Trigger.Request())

    def after(self, when: float) -> list[tuple[float, FloatArray]]:
        """What was sent since then."""
        return [(t, v) for t, v in self.sent if t > when]

    def moving(self, seconds: float = 0.1) -> bool:
        """Whether the arm has been told to move for a while, without a pause."""
        now = time.monotonic()
        recent = self.after(now - seconds)
        return len(recent) > 3 and all(v.any() for _, v in recent) and now - recent[-1][0] < 0.05

    def arm(self, *names: str, seconds: float = 60.0) -> None:
        """Arms the driver and what else is named, again if need be, until the arm moves."""
        answers, last = {}, 0.0

        def moves() -> bool:
            nonlocal last
            if time.monotonic() - last > 0.2:
                answers.update({n: self.call(f'{n}/arm').message for n in ('driver', *names)})
                last = time.monotonic()
            return self.moving()

        assert self.listener.until(moves, seconds), f'no motion: {answers}, {self.said()}'

    def says(self, node: str, words: str) -> bool:
        """Whether the words are in what a node last said of itself."""
        return words in self.said().get(node, '')

    def said(self) -> dict[str, str]:
        """What each node last said of itself."""
        return {s.name: s.message for array in self.diagnostics for s in array.status}

    def seconds_to_hold(self, since: float, within: float = 1.0) -> float:
        """Time from `since` to the first of the zeros that do not end within `within` seconds."""
        self.watch(since + within - time.monotonic())
        sent = self.after(since)
        assert sent, 'nothing was sent'
        last = max((t for t, v in sent if v.any()), default=since)
        zeros = [t for t, _ in sent if t > last]
        assert zeros, 'it still moves'
        return zeros[0] - since


def report(fault: str, seconds: float, bound: float) -> None:
    """Prints a measured reaction time beside its bound."""
    print(f'{fault}: hold after {seconds * 1e3:.0f} ms, bound {bound * 1e3:.0f} ms')
