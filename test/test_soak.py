# SPDX-License-Identifier: Apache-2.0
"""The soak's own judgement; the run itself takes hours: `robot-rl bench soak`."""

import os
import subprocess
import sys

import numpy as np
import pytest
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray

from benchmarks import books
from benchmarks.books import Books, Life
from benchmarks.graph_watch import Watch
from benchmarks.soak_graph import wrong
from robot_rl.control.kinematics import Kinematics, inverse, rotation_from_rpy
from robot_rl.task import load_task, robot_of

HOUR = 3600.0
SLEEP = 'import time; print(flush=True); time.sleep(600)'


@pytest.fixture
def hour(monkeypatch):
    """Books after one hour."""
    monkeypatch.setattr(Books, 'now_s', HOUR)
    return Books()


def live(role, born_s, end_s, kilobytes):
    """A process that was looked at every 5 s; its memory as a function of time."""
    seen_s = list(np.arange(born_s, end_s, 5.0))
    return Life(role, born_s, seen_s, [(int(kilobytes(s)), 0) for s in seen_s])


def test_growth_is_found_over_lives_and_within_one(hour):
    hour.lives[1, ''] = live('steady_node', 0, HOUR, lambda _: 1000)
    hour.lives[2, ''] = live('leaking_node', 0, HOUR, lambda s: 1000 + s / 10)
    for k in range(6):  # each life is steady, and takes more than the one before
        size = 1000 + 100 * k
        hour.lives[k, 'x'] = live('heir_node', k * 600, (k + 1) * 600, lambda _, s=size: s)
    growth, within = hour.growth(), hour.growth_within()
    assert growth['steady_node'] == within['steady_node'] == 0
    assert growth['leaking_node'] == pytest.approx(0.27, abs=0.01)
    assert within['leaking_node'] == pytest.approx(0.27, abs=0.01)
    assert growth['heir_node'] == pytest.approx(0.5, abs=0.01)
    assert 0 < growth['all'] < growth['heir_node']


def test_the_first_minute_of_a_life_is_no_growth(hour):
    for k in range(36):
        hour.lives[k, ''] = live(
            'node', k * 100, (k + 1) * 100, lambda s, k=k: 1000 if s - k * 100 >= 60 else 1
        )
    assert hour.growth() == {'node': 0.0, 'all': 0.0}
    assert hour.growth_within() == {}


def test_a_node_that_was_never_old_enough_is_not_weighed(hour):
    hour.lives[1, ''] = live('node', 0, 30, lambda _: 1000)
    assert hour.growth() == {'node': None}


def test_shared_memory_that_is_still_there(monkeypatch, tmp_path):
    monkeypatch.setattr(books, 'FOLDER', tmp_path)
    others = {'fastdds_port7411', 'lttng-ust-wait-6-0'}
    for name in {'left', *others}:
        (tmp_path / name).touch()
    with (tmp_path / 'open').open('wb'):
        kept = Books(files=books.shared_files(os.getpid()) | {'left', 'gone', *others})
    (tmp_path / 'open').unlink()
    assert kept.files == {'left', 'open', 'gone', *others}
    assert kept.left_files() == ['left']


def test_processes_below_a_launcher_with_their_roles():
    words = ['-c', SLEEP, 'robot_rl.ros_environment', 'robot_rl.nodes.safety_node']
    node = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE)
    try:
        assert node.stdout.readline()
        kept = Books()
        kept.note(os.getpid())
        assert node.pid in books.children(os.getpid())
        assert kept.left_processes() == [f'safety_node [{node.pid}]']
        assert kept.total_kilobytes() > 1000
    finally:
        node.kill()
        node.wait()
        node.stdout.close()
    assert kept.left_processes() == []


def test_what_the_launcher_says_of_processes_that_nobody_killed():
    told = [
        '[ERROR] [safety_node-5]: process has died [pid 11, ended by SIGKILL]',
        '[ERROR] [reward_node-6]: process has died [pid 12, exit code 1]',
        '[INFO] [replay_node-7]: process has finished cleanly [pid 13]',
        '[ERROR] [safety_node-5]: still runs after SIGINT: sending SIGTERM',
        '[ERROR] [safety_node-5]: process has died [pid 14, ended by SIGTERM]',
        '[ERROR] [policy_node-3]: still runs after SIGTERM: sending SIGKILL',
        '[policy_node-3] Traceback (most recent call last):',
    ]
    assert wrong(told, {11}) == [told[1], told[5], told[6]]


def test_commands_outside_the_limits_are_seen():
    task = load_task('usb_insertion')
    robot = robot_of(task)
    rotation = rotation_from_rpy(np.array(task.goal.rpy))
    start = np.add(task.goal.position, [0.0, 0.0, 0.05])
    posture = inverse(Kinematics(robot), np.array(robot.home), start, rotation)
    names, arm = robot.driver.vendor_names(robot.joints), Kinematics(robot)
    watch = Watch('usb_insertion')
    try:
        watch._on_state(JointState(name=names[::-1], position=posture[::-1].tolist()))

        def seen(velocity):
            watch.violations.clear()
            watch._on_command(Float64MultiArray(data=list(velocity)))
            watch.judge()
            return dict(watch.violations)

        still = np.zeros(7)
        down = np.linalg.pinv(arm.evaluate(posture).jacobian) @ [0, 0, -1, 0, 0, 0]
        assert seen(still) == seen(0.2 * down) == {}
        assert 'tool speed' in seen(0.3 * down)
        assert 'joint speed' in seen(arm.velocity_limits)
        assert seen(still + np.nan) == seen(still[:6]) == {'not a velocity of each joint': 1}
        assert watch.moving_commands == 4
        assert watch.worst['tool_speed'] > 0.29
    finally:
        watch.close()
