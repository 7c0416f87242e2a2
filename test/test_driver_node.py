# SPDX-License-Identifier: Apache-2.0
"""The driver as a process, between publishers of commands and a ros2_control arm."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from arm_stage import ALLOWANCE_S, DRIVER, ROBOT, Stage, report
from graph import process
from std_msgs.msg import Bool

from robot_rl import resources

VELOCITY = [0.05, -0.04, 0.03, 0.02, 0.01, -0.02, 0.06]
FAST = [0.5] * 7


@pytest.fixture(scope='module')
def bench() -> Iterator[Stage]:
    """The fake arm and one driver for all tests."""
    stage = Stage()
    try:
        stage.start_script('arm', 'fake_arm.py')
        stage.start('driver', 'driver_node')
        stage.until(lambda: len(stage.states) > 3, 30, 'joint states')
        yield stage
    finally:
        stage.close()


@pytest.fixture
def stage(bench: Stage) -> Iterator[Stage]:
    """The bench with a driver that waits to be armed, and nobody who sends commands."""
    bench.until(lambda: bench.listener.node.count_publishers('command') == 0, 10, 'silence')
    bench.call('driver/reset_stop')
    bench.call('driver/disarm')
    bench.sent.clear()
    yield bench
    for name in ('safety_node', 'rogue'):
        if bench.alive(name):
            bench.send(name, signal.SIGCONT)
            bench.end(name)


def test_it_waits_to_be_armed_and_then_follows(stage: Stage) -> None:
    stage.start_source(VELOCITY)
    stage.until(lambda: stage.listener.node.count_publishers('command') == 1, 10, 'a source')
    stage.watch(0.5)
    assert not any(v.any() for _, v in stage.sent)
    stage.arm()
    np.testing.assert_array_equal(stage.sent[-1][1], VELOCITY)
    stage.states.clear()
    stage.watch(0.5)
    first, last = stage.states[0], stage.states[-1]
    assert list(last.name) == list(ROBOT.joints)
    seconds = seconds_of(last) - seconds_of(first)
    moved = np.array(last.position) - np.array(first.position)
    np.testing.assert_allclose(moved, np.array(VELOCITY) * seconds, rtol=0.1)
    np.testing.assert_array_equal(last.velocity, VELOCITY)


def seconds_of(state) -> float:
    return float(state.header.stamp.sec + state.header.stamp.nanosec * 1e-9)


@pytest.mark.fault(21)
def test_joints_are_mapped_by_name(stage: Stage) -> None:
    stage.start_source(VELOCITY[::-1], joints=ROBOT.joints[::-1])
    stage.arm()
    np.testing.assert_array_equal(stage.sent[-1][1], VELOCITY)


@pytest.mark.fault(21)
@pytest.mark.parametrize(
    ('joints', 'words'),
    [
        ((*ROBOT.joints, 'head_pan'), "unknown joint 'head_pan'"),
        (ROBOT.joints[1:], "expected joint 'right_j0' once"),
        ((*ROBOT.joints[:-1], 'right_j0'), "expected joint 'right_j0' once"),
    ],
)
def test_joints_that_do_not_fit_are_refused(stage: Stage, joints, words: str) -> None:
    stage.start_source([0.05] * len(joints), joints=joints)
    answers = []

    def named() -> bool:
        answers.append(stage.call('driver/arm').message)
        return words in answers[-1]

    stage.until(named, 10, f'{words} among {set(answers)}')
    stage.watch(0.2)
    assert not any(v.any() for _, v in stage.sent)


def test_a_killed_publisher_is_noticed_and_its_successor_needs_arming(stage: Stage) -> None:
    stage.start_source(VELOCITY)
    stage.arm()
    killed = stage.send('safety_node', signal.SIGKILL)
    seconds, bound = stage.seconds_to_hold(killed), DRIVER.watchdog_s + 0.01 + ALLOWANCE_S
    report('publisher of commands killed', seconds, bound)
    assert seconds <= bound
    stage.start_source(VELOCITY)
    stage.watch(1.0)
    assert not any(v.any() for t, v in stage.sent if t > killed + seconds)
    stage.arm()  # once the dead publisher is forgotten


def test_a_backlog_is_not_executed_and_after_a_second_it_must_be_armed(stage: Stage) -> None:
    """Commands of 2 s arrive in one burst, a fresh one last."""
    stage.start_source(VELOCITY)
    stage.arm()
    paused = stage.send('safety_node', signal.SIGSTOP)
    seconds, bound = stage.seconds_to_hold(paused), DRIVER.watchdog_s + 0.01 + ALLOWANCE_S
    report('publisher of commands paused', seconds, bound)
    assert seconds <= bound
    stage.watch(1.0)
    resumed = stage.send('safety_node', signal.SIGCONT)
    stage.watch(0.5)
    assert not any(v.any() for t, v in stage.sent if t > paused + seconds)
    stage.arm()
    assert stage.sent[-1][0] > resumed


def test_another_publisher_is_not_obeyed_and_stops_the_arm_by_name(stage: Stage) -> None:
    stage.start_source(VELOCITY)
    stage.arm()
    started = time.monotonic()
    stage.start_source(FAST, name='rogue')
    stage.until(lambda: not stage.sent[-1][1].any(), 10, 'a stop')
    assert not any(v[0] > 0.06 for _, v in stage.after(started))
    # Discovery may take 3 s to find a name.
    stage.until(lambda: stage.says('driver_node', 'stopped: command: published by rogue'), 6, 'it')
    stage.call('driver/reset_stop')
    stage.watch(0.3)
    assert 'rogue' in stage.call('driver/arm').message  # it is still there
    stage.end('rogue')
    stage.until(lambda: stage.listener.node.count_publishers('command') == 1, 10, 'one left')
    assert stage.call('driver/reset_stop').success
    stage.arm()


def test_the_stop_topic_latches(stage: Stage) -> None:
    stage.start_source(VELOCITY)
    stage.arm()
    publisher = stage.listener.node.create_publisher(Bool, 'stop', 10)
    stage.until(lambda: publisher.get_subscription_count() > 0, 5, 'a reader of stop')
    publisher.publish(Bool(data=True))
    seconds = stage.seconds_to_hold(time.monotonic())
    report('stop requested', seconds, 0.1 + ALLOWANCE_S)
    assert seconds <= 0.1 + ALLOWANCE_S
    assert 'reset the stop first' in stage.call('driver/arm').message
    stage.listener.node.destroy_publisher(publisher)


def test_a_robot_without_driver_is_refused(tmp_path: Path) -> None:
    text = resources.find('config/robots', 'sawyer').read_text()
    robot = tmp_path / 'bare.yaml'
    robot.write_text(text[: text.index('driver:')])
    with process('driver_node', robot=robot) as running:
        assert running.wait(30) == 2


def test_its_end_leaves_the_arm_still(stage: Stage) -> None:
    """The last message is what a velocity controller repeats for ever. No driver from here on."""
    stage.start_source(VELOCITY)
    stage.arm()
    assert stage.end('driver') == 0
    stage.watch(0.1)
    assert not stage.sent[-1][1].any()
