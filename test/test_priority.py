# SPDX-License-Identifier: Apache-2.0
"""Real-time priority: of all threads, of the nodes that need it alone, and refused politely."""

import os
import threading
from pathlib import Path

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from graph import Listener, process

from robot_rl import preflight, priority
from robot_rl.nodes.driver_node import DriverNode
from robot_rl.nodes.policy_node import PolicyNode
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
    assert priority.raise_priority()
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
    assert not priority.raise_priority()
    lines = {f.what: f for f in preflight.check_machine(tmp_path, None)}
    assert lines['real-time priority'].good
    assert 'limits.conf' in lines['real-time priority'].said


def test_only_the_last_two_before_the_robot_are_urgent():
    assert SafetyNode.urgent
    assert DriverNode.urgent
    assert not PolicyNode.urgent


@granted
@pytest.mark.parametrize(
    ('sync', 'policy'), [('realtime', os.SCHED_FIFO), ('lockstep', os.SCHED_OTHER)]
)
def test_an_urgent_node_runs_first_in_real_time_alone(sync, policy):
    listener = Listener()
    told = listener.collect(DiagnosticArray, '/diagnostics')
    with process('safety_node', sync=sync) as node:
        assert listener.until(lambda: told, 120), 'nothing dispatched'
        threads = [int(p.name) for p in Path(f'/proc/{node.pid}/task').iterdir()]
        assert len(threads) > 1
        assert {os.sched_getscheduler(thread) for thread in threads} == {policy}
    listener.close()
