# SPDX-License-Identifier: Apache-2.0
"""Real-time priority: of all threads, of the nodes that need it alone, and refused politely."""

import os
import threading
from pathlib import Path

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from graph import Listener, process

from robot_rl import preflight, priority
from robot_rl.nodes.controller_node import ControllerNode
from robot_rl.nodes.driver_node import DriverNode
from robot_rl.nodes.episode_node import EpisodeNode
from robot_rl.nodes.learner_node import LearnerNode
from robot_rl.nodes.policy_node import PolicyNode
from robot_rl.nodes.replay_node import ReplayNode
from robot_rl.nodes.safety_node import SafetyNode

granted = pytest.mark.skipif(
    not priority.may_be_raised(), reason=f'no real-time priority: {priority.REMEDY}'
)


@pytest.fixture
def _kept():
    """Puts the scheduling of this process back."""
    yield
    for path in Path('/proc/self/task').iterdir():
        os.sched_setscheduler(int(path.name), os.SCHED_OTHER, os.sched_param(0))


@granted
@pytest.mark.usefixtures('_kept')
def test_all_threads_are_raised_and_those_that_they_start():
    def note():
        found.append(os.sched_getscheduler(0))

    found: list[int] = []
    waiting = threading.Event()
    before = threading.Thread(target=lambda: (waiting.wait(), note()))
    before.start()
    assert priority.raise_priority(priority.CONTROL)
    waiting.set()
    after = threading.Thread(target=note)
    after.start()
    for thread in (before, after):
        thread.join()
    assert found == [os.SCHED_FIFO, os.SCHED_FIFO]


@granted
def test_asking_whether_it_is_granted_changes_nothing():
    before = os.sched_getscheduler(0)
    assert priority.may_be_raised()
    assert os.sched_getscheduler(0) == before == os.SCHED_OTHER


def test_where_it_is_not_granted_nothing_changes_and_the_doctor_says_how(monkeypatch, tmp_path):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, 'sched_setscheduler', refuse)
    assert not priority.raise_priority(priority.CONTROL)
    lines = {f.what: f for f in preflight.check_machine(tmp_path, None)}
    assert lines['real-time priority'].good
    assert 'limits.conf' in lines['real-time priority'].said


def test_the_last_two_before_the_robot_come_first_then_its_control_then_the_rest():
    assert SafetyNode.priority == DriverNode.priority == priority.GUARD
    for node in (ControllerNode, EpisodeNode, PolicyNode):
        assert 0 < node.priority == priority.CONTROL < priority.GUARD
    assert LearnerNode.priority == ReplayNode.priority == 0


@granted
@pytest.mark.parametrize(
    ('sync', 'nodes', 'expected'),
    [
        ('realtime', ('safety_node',), (os.SCHED_FIFO, priority.GUARD)),
        ('realtime', ('safety_node', 'policy_node'), (os.SCHED_FIFO, priority.CONTROL)),
        ('realtime', ('safety_node', 'reward_node'), (os.SCHED_OTHER, 0)),
        ('lockstep', ('safety_node',), (os.SCHED_OTHER, 0)),
    ],
)
def test_a_process_has_the_priority_that_all_of_its_nodes_need_in_real_time(sync, nodes, expected):
    listener = Listener()
    told = listener.collect(DiagnosticArray, '/diagnostics')
    with process('container', nodes=nodes, sync=sync) as node:
        assert listener.until(lambda: told, 120), 'nothing dispatched'
        threads = [int(p.name) for p in Path(f'/proc/{node.pid}/task').iterdir()]
        assert len(threads) > 1
        for thread in threads:
            found = os.sched_getscheduler(thread), os.sched_getparam(thread).sched_priority
            assert found == expected
    listener.close()
