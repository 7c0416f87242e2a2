# SPDX-License-Identifier: Apache-2.0
"""Runs nodes of the graph as real processes and listens to their topics."""

import functools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from robot_rl.ros_environment import PROFILE, RANGE, prepare

prepare()

import rclpy  # noqa: E402
from rclpy.experimental import EventsExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402

from robot_rl.nodes.participant import keep_participant  # noqa: E402

LIGHT_NODES = (
    'sim_bridge',
    'episode_node',
    'policy_node',
    'controller_node',
    'safety_node',
    'reward_node',
    'replay_node',
)


@contextmanager
def process(executable: str, **parameters: object) -> Iterator[subprocess.Popen[bytes]]:
    """One executable of the package with these parameters; ended with SIGINT, then SIGKILL.

    What it printed is printed at its end, where pytest shows it beside a failure.
    """
    arguments = ['--ros-args']
    for name, value in parameters.items():
        text = f'[{",".join(value)}]' if isinstance(value, tuple) else str(value)
        arguments += ['-p', f'{name}:={text.lower() if isinstance(value, bool) else text}']
    path = Path(sys.prefix, 'lib', 'robot_rl', executable)
    with tempfile.TemporaryFile('w+') as log:
        running = subprocess.Popen([str(path), *arguments], stdout=log, stderr=subprocess.STDOUT)
        try:
            yield running
        finally:
            if running.poll() is None:
                running.send_signal(signal.SIGINT)
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()
            log.seek(0)
            print(f'--- {executable} ended with {running.returncode}\n{log.read()}')


@functools.cache
def context_of(*_environment: str | None) -> tuple[rclpy.Context, Node]:
    """One for all tests in the same surroundings, and the node that keeps its participant."""
    context = rclpy.Context()
    rclpy.init(context=context)
    return context, keep_participant(context)


class Listener:
    """A node of the test's own; every wait is bounded."""

    def __init__(self, namespace: str = '') -> None:
        self.context, _ = context_of(*map(os.environ.get, (RANGE, PROFILE)))
        name = f'listener_{os.getpid()}'
        self.node = Node(name, context=self.context, namespace=namespace)
        self._executor = EventsExecutor(context=self.context)
        self._executor.add_node(self.node)

    def collect(self, kind: type, topic: str, depth: int = 1000, **qos: Any) -> list[Any]:
        """A list that grows with every message."""
        received: list[Any] = []
        self.node.create_subscription(kind, topic, received.append, depth, **qos)
        return received

    def until(self, condition: Callable[[], bool], seconds: float = 30.0) -> bool:
        """Dispatches until the condition holds; whether it does."""
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.05)
        return condition()

    def call(self, kind: type, service: str, request: Any, seconds: float = 60.0) -> Any:
        """A service's answer, to the first request or a later one; asked again ever more rarely.

        A server that was killed seems ready until its lease is over, and gets the requests that
        its successor, not yet discovered, does not. One that is slow must not drown in them.
        """
        client = self.node.create_client(kind, service)
        end, patience, asked = time.monotonic() + seconds, 1.0, []
        while time.monotonic() < end:
            if self.until(client.service_is_ready, end - time.monotonic()):
                asked.append(client.call_async(request))
                if self.until(lambda: any(future.done() for future in asked), patience):
                    self.node.destroy_client(client)
                    return next(future.result() for future in asked if future.done())
                patience *= 2
        raise AssertionError(f'no answer from {service} in {seconds:g} s')

    def close(self) -> None:
        self._executor.shutdown()  # else it may keep the node's endpoints alive
        self.node.destroy_node()
