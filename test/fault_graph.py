# SPDX-License-Identifier: Apache-2.0
"""The whole graph on the fake arm, in several processes, brought up again after every fault."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from arm_stage import ALLOWANCE_S, DRIVER, Stage, report
from rcl_interfaces.msg import Log
from robot_rl_msgs.msg import Observation, SafetyStatus
from robot_rl_msgs.srv import SaveCheckpoint

from benchmarks.integrity import small_agent
from robot_rl import resources
from robot_rl.nodes import conversions as convert

#: Age at which nothing accepts a command any more, and for how long the last one is repeated.
LATE_S = DRIVER.watchdog_s + DRIVER.watchdog_s + ALLOWANCE_S

#: Name of a process, its executable, and parameters of its own.
Nodes = dict[str, tuple[str, dict[str, object]]]

#: Episodes without an end.
LONG = 'horizon: 100000'


class Graph(Stage):
    """The whole graph, with whatever died brought back before each test."""

    def __init__(self, folder: Path, nodes: Nodes, start: str = '', **settings: object) -> None:
        super().__init__()
        self._nodes = nodes
        task = resources.find('config/tasks', 'usb_insertion').read_text()
        (folder / 'long.yaml').write_text(task.replace('horizon: 50', LONG) + start)
        self.settings = {'task': folder / 'long.yaml', 'sync': 'realtime', 'reset': 'motion'}
        self.settings |= {'run_dir': folder} | settings
        self.statuses = self.listener.collect(SafetyStatus, 'safety/status')
        self.observations = self.listener.collect(Observation, 'observation')
        self.start_script('arm', 'fake_arm.py')

    def bring_up(self) -> None:
        """Starts what does not run, arms, and waits until an episode moves the arm."""
        for name in self._nodes:
            if not self.alive(name):
                self.restart(name)
            self.send(name, signal.SIGCONT)
        for name in ('safety', 'driver'):
            self.call(f'{name}/reset_stop')
        self.arm('safety')
        self.observations.clear()
        self.until(lambda: len(self.observations) > 3, 60, 'observations')
        self.until(lambda: self.moving(0.3), 60, 'motion')
        self.sent.clear()
        self.statuses.clear()

    def restart(self, name: str) -> None:
        """Starts one process of the graph."""
        executable, settings = self._nodes[name]
        self.start(name, executable, **self.settings, **settings)

    def strike(self, name: str, number: signal.Signals) -> float:
        """Sends a signal at the worst moment: just after a command, the first of an action.

        A pause of the machine may have disarmed the driver; then the arm is set moving again.
        """
        while True:
            seen = len(self.observations)
            self.until(lambda: len(self.observations) > seen, 5, 'an observation')  # noqa: B023
            self.statuses.clear()
            self.until(lambda: bool(self.statuses), 5, 'a command')
            if self.moving():
                return self.send(name, number)
            self.arm('safety')

    def late(self, since: float) -> list[float]:
        """Ages, s, of the commands that the motors executed too late after `since`."""
        stamps = {tuple(s.executed): convert.from_time(s.header.stamp) for s in self.statuses}
        ages = [
            t - stamps[tuple(v)] * 1e-9
            for t, v in self.after(since)
            if v.any() and tuple(v) in stamps
        ]
        return [age for age in ages if age > LATE_S]

    def check(self, fault: str, since: float, promise_s: float, within: float = 1.0) -> float:
        """Prints and checks the time to the hold; when it was."""
        seconds = self.seconds_to_hold(since, within)
        report(fault, seconds, promise_s + ALLOWANCE_S)
        assert seconds <= promise_s + ALLOWANCE_S
        return since + seconds


LEARNING: Nodes = {
    'rest': ('container', {'nodes': ('episode_node', 'policy_node')}),
    'controller': ('controller_node', {}),
    'reward': ('reward_node', {}),
    'replay': ('replay_node', {}),
    'safety': ('safety_node', {}),
    'driver': ('driver_node', {}),
    'learner': ('learner_node', {'checkpoint_seconds': 1.0}),
}


class LearningGraph(Graph):
    """A graph that trains a small agent."""

    def __init__(self, folder: Path) -> None:
        learner = {'warmup_steps': 10, 'batch_size': 16, 'checkpoint_steps': 10**6}
        agent = small_agent(folder, updates_per_step=1.0, publish='step', **learner)
        self.folder = folder
        more = {'agent': agent, 'bag': folder / 'bag', 'learning': True}
        super().__init__(folder, LEARNING, **more)
        self.log = self.listener.collect(Log, '/rosout')

    @property
    def checkpoints(self) -> list[Path]:
        """Folders of checkpoints, oldest first."""
        return sorted((self.folder / 'checkpoints').glob('0*'))

    def save(self) -> dict[str, Any]:
        """What a checkpoint taken now says."""
        request = SaveCheckpoint.Request()
        answer = self.listener.call(SaveCheckpoint, 'save_checkpoint', request)
        assert answer.success, answer.message
        return meta(Path(answer.path))

    def publish(self, kind: type, topic: str, message: Any) -> None:
        """Sends one message once somebody listens."""
        publisher = self.listener.node.create_publisher(kind, topic, 10)
        self.until(lambda: publisher.get_subscription_count() > 0, 5, f'a reader of {topic}')
        publisher.publish(message)
        self.watch(0.2)
        self.listener.node.destroy_publisher(publisher)

    def logged(self, words: str) -> bool:
        return any(re.search(words, message.msg) for message in self.log)


def meta(checkpoint: Path) -> dict[str, Any]:
    return dict(json.loads((checkpoint / 'meta.json').read_text()))


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Processes that never wait."""
    command = [sys.executable, '-c', 'while True: pass']
    running = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for each in running:
            each.kill()
            each.wait()


class Starved(Thread):
    """Lets a process of the graph run for a fifth of the time, for some seconds."""

    PAUSE_S, RUN_S = 0.085, 0.02

    def __init__(self, graph: Graph, name: str, seconds: float) -> None:
        super().__init__()
        self._graph, self._name, self._seconds = graph, name, seconds

    def run(self) -> None:
        end = time.monotonic() + self._seconds
        while time.monotonic() < end:
            for number, seconds in ((signal.SIGSTOP, self.PAUSE_S), (signal.SIGCONT, self.RUN_S)):
                self._graph.send(self._name, number)
                time.sleep(seconds)
