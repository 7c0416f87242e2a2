# SPDX-License-Identifier: Apache-2.0
"""The driver in front of each vendor's controller: real messages, real DDS, fake arms."""

import functools
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from arm_stage import Stage
from graph import process
from vendor_messages import build

from robot_rl import resources
from robot_rl.control.robot import load_robot
from robot_rl.task import load_task

pytestmark = pytest.mark.graph

VELOCITY = [0.05, -0.04, 0.03, 0.02, 0.01, -0.02]
KINDS = {
    'joint_trajectory': 'names: {j2s6s300_joint_1: shoulder}',
    'position_array': '',
    'effort_array': f'stiffness: {[400.0] * 6}\n  damping: {[40.0] * 6}',
    'servo_twist': '',
    'intera': 'names: {j2s6s300_joint_1: shoulder}',
    'kinova': '',
}
PACKAGES = {
    'intera': 'intera_core_msgs',
    'kinova': 'kinova_msgs',
    'gripper_command': 'control_msgs',
}
#: In metres between the fingers, and in turns of their motors.
GRIPPERS = {
    'gripper_command': 'scale: -0.1, offset: 0.2, step: 0.002, effort: 5.0',
    'kinova': 'scale: 4500.0, step: 50.0',
}


def gripper(kind: str) -> str:
    """The block of the fingers' driver."""
    return f'gripper: {{kind: {kind}, command_topic: fingers, {GRIPPERS[kind]}}}'


def robot_file(folder: Path, kind: str, more: str) -> Path:
    """Jaco with another driver, whose fingers nothing drives unless `more` says how."""
    text = resources.find('config/robots', 'jaco').read_text()
    text = re.sub(r'\n  gripper: \{[^}]*\}', '', text)
    text = text.replace('kind: velocity_array', f'kind: {kind}\n  {more}')
    path = folder / f'jaco_{kind}.yaml'
    path.write_text(text)
    return path


@pytest.fixture(scope='module')
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp('workspace')


@pytest.fixture(scope='module')
def built(workspace: Path) -> Callable[[str], dict[str, str]]:
    return functools.cache(lambda name: build(name, workspace))


@pytest.fixture
def packages(
    built: Callable[[str], dict[str, str]], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The vendor's messages, for processes that start from now on."""
    if kind in PACKAGES:
        for name, value in built(PACKAGES[kind]).items():
            old = os.environ.get(name, '')
            monkeypatch.setenv(name, f'{value}:{old}' if old else value)


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.close()


def moved(stage: Stage, seconds: float) -> np.ndarray:
    """How fast the joints go, rad/s, measured over a while by their positions."""
    stage.states.clear()
    stage.watch(seconds)
    first, last = stage.states[0], stage.states[-1]
    stamps = [s.header.stamp.sec + s.header.stamp.nanosec * 1e-9 for s in (first, last)]
    way = np.array(last.position) - np.array(first.position)
    return np.asarray(way / (stamps[1] - stamps[0]))


def arm(stage: Stage) -> None:
    """Arms the driver, once it may be."""
    stage.until(lambda: stage.call('driver/arm').success, 30, 'arming')
    stage.until(lambda: stage.says('driver_node', 'armed'), 30, 'armed')


@pytest.mark.parametrize('kind', KINDS)
def test_each_controller_follows_and_stops(
    stage: Stage, workspace: Path, packages: None, kind: str
) -> None:
    path = robot_file(workspace, kind, KINDS[kind])
    stage.start_script('arm', 'fake_arm.py', str(path))
    stage.start('driver', 'driver_node', robot=path)
    stage.until(lambda: len(stage.states) > 3, 30, 'joint states')
    stage.start_source(VELOCITY, joints=load_robot(str(path)).joints)
    arm(stage)
    stage.watch(1.0)
    np.testing.assert_allclose(moved(stage, 1.0), VELOCITY, rtol=0.2)
    stage.end('safety_node')
    stage.watch(1.0)
    np.testing.assert_allclose(moved(stage, 0.5), 0.0, atol=1e-3)


@pytest.mark.parametrize('kind', GRIPPERS)
def test_fingers_follow_by_goals(stage: Stage, workspace: Path, packages: None, kind: str) -> None:
    path = robot_file(workspace, 'velocity_array', gripper(kind))
    stage.start_script('arm', 'fake_arm.py', str(path))
    stage.start('driver', 'driver_node', robot=path, task='jaco_lift')
    stage.until(lambda: len(stage.states) > 3, 30, 'joint states')
    before = stage.states[-1].position[-1]
    joints = load_robot(str(path)).with_gripper().joints
    stage.start_source([*VELOCITY, 0.3], joints=joints)
    arm(stage)
    stage.until(lambda: stage.states[-1].position[-1] > before + 0.1, 20, 'closing')
    stage.end('safety_node')
    stage.watch(1.0)
    held = stage.states[-1].position[-1]
    stage.watch(0.5)
    assert stage.states[-1].position[-1] == held, 'fingers keep what they hold'


@pytest.mark.parametrize('task', ['usb_insertion', 'fetch_reach'])
def test_a_simulated_arm_stands_for_the_real_one(stage: Stage, task: str) -> None:
    robot = load_robot(load_task(task).robot)
    velocity = np.array([*VELOCITY, 0.03])
    stage.start('arm', 'sim_arm', task=task)
    stage.start('driver', 'driver_node', task=task)
    stage.until(lambda: len(stage.states) > 3, 30, 'joint states')
    assert list(stage.states[-1].name) == list(robot.joints)
    stage.start_source(velocity, joints=robot.joints)
    arm(stage)
    stage.watch(1.0)
    way = moved(stage, 1.0)
    assert way @ velocity > 0.97 * np.linalg.norm(way) * np.linalg.norm(velocity)
    assert np.linalg.norm(way) > 0.5 * np.linalg.norm(velocity)
    stage.end('safety_node')
    stage.watch(1.0)
    np.testing.assert_allclose(moved(stage, 0.5), 0.0, atol=2e-3)


def test_a_controller_that_is_not_simulated_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = robot_file(tmp_path, 'servo_twist', '')
    with process('sim_arm', robot=path) as running:
        assert running.wait(30) == 2
    assert 'expected one of velocity_array, position_array' in capfd.readouterr().out


@pytest.mark.parametrize(
    ('kind', 'more', 'task', 'words'),
    [
        ('intera', '', 'usb_insertion', 'the ROS package intera_core_msgs is not installed'),
        (
            'velocity_array',
            gripper('gripper_command'),
            'jaco_lift',
            'the ROS package control_msgs is not installed',
        ),
        ('velocity_array', '', 'jaco_lift', 'has no key `driver.gripper`'),
        ('servo_twist', '', 'fetch_reach', 'the posture of 7 joints; expected an arm with 6'),
    ],
)
def test_what_cannot_be_driven_is_refused_by_name(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str, more: str, task: str, words: str
) -> None:
    path = robot_file(tmp_path, kind, more)
    if task == 'fetch_reach':
        text = resources.find('config/robots', 'fetch').read_text()
        path.write_text(text.replace('kind: joint_trajectory', f'kind: {kind}'))
    with process('driver_node', robot=path, task=task) as running:
        assert running.wait(30) == 2
    assert words in capfd.readouterr().out
