# SPDX-License-Identifier: Apache-2.0
"""What the executables set before rclpy is imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from robot_rl import ros_environment
from robot_rl.resources import share_dir

RANGE, PROFILE = ros_environment.RANGE, ros_environment.PROFILE
VARIABLES = ('AMENT_PREFIX_PATH', RANGE, PROFILE, 'RMW_IMPLEMENTATION', 'ROS_LOG_DIR', 'ROS_HOME')
CONFIG = share_dir() / 'config'
LOOPBACK = {RANGE: 'SYSTEM_DEFAULT', PROFILE: str(CONFIG / 'fastdds_profile.xml')}


@pytest.fixture
def prepared(monkeypatch, tmp_path):
    """Calls `prepare` with the given variables only, and gives the result."""

    def prepare(**given: str) -> dict[str, str]:
        given = {'HOME': str(tmp_path)} | given
        for name in (*VARIABLES, 'HOME'):
            if name in given:
                monkeypatch.setenv(name, given[name])
            else:
                monkeypatch.delenv(name, raising=False)
        ros_environment.prepare()
        return {name: os.environ[name] for name in VARIABLES if name in os.environ}

    return prepare


def test_an_empty_environment_is_completed(prepared):
    assert prepared() == {'AMENT_PREFIX_PATH': sys.prefix} | LOOPBACK


def test_what_is_set_stays(prepared):
    given = {RANGE: 'LOCALHOST', PROFILE: '/mine.xml', 'ROS_LOG_DIR': '/logs'}
    result = prepared(AMENT_PREFIX_PATH=f'/workspace{os.pathsep}/opt/ros', **given)
    assert result.pop('AMENT_PREFIX_PATH').split(os.pathsep) == [
        '/workspace',
        '/opt/ros',
        sys.prefix,
    ]
    assert result == given


@pytest.mark.parametrize(
    ('given', 'expected'),
    [
        ({RANGE: 'LOCALHOST'}, LOOPBACK),
        ({RANGE: 'SUBNET'}, {RANGE: 'SUBNET', PROFILE: str(CONFIG / 'fastdds_network.xml')}),
        ({RANGE: 'OFF'}, {RANGE: 'OFF'}),
        ({'RMW_IMPLEMENTATION': 'rmw_cyclonedds_cpp'}, {RANGE: 'LOCALHOST'}),
    ],
)
def test_the_range_decides_on_the_profile(prepared, given, expected):
    result = prepared(**given)
    assert {name: result[name] for name in (RANGE, PROFILE) if name in result} == expected


# What Fast DDS opens: sizes of its shared memory, the addresses of its sockets, and its threads.
OPENED = """
import rclpy
from pathlib import Path

def main():
    rclpy.init()
    node = rclpy.create_node('profile')
    for line in Path('/proc/self/maps').read_text().splitlines():
        if '/dev/shm/fastdds' in line:
            print('shared', Path(line.split()[-1]).stat().st_size)
    entries = Path('/proc/self/fd').iterdir()
    mine = {entry.readlink().name for entry in entries if entry.is_symlink()}
    for line in Path('/proc/net/udp').read_text().splitlines()[1:]:
        words = line.split()
        if f'socket:[{words[9]}]' in mine:
            print('socket', words[1].split(':')[0])
    for thread in Path('/proc/self/task').iterdir():
        print('thread', (thread / 'comm').read_text().strip())
"""


def opened(folder: Path, before: str = '', **given: str) -> tuple[list[int], set[str]]:
    """Sizes of shared memory, and hexadecimal addresses, of a node started as ours are."""
    (folder / 'shown.py').write_text(OPENED)
    environment = {k: v for k, v in os.environ.items() if k not in (RANGE, PROFILE)} | given
    program = f'from robot_rl import ros_environment as ours\n{before}\nours.main()'
    command = [sys.executable, '-c', program, 'shown']
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert 'XMLPARSER' not in done.stdout + done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    threads = {words[1] for words in lines if words[0] == 'thread'}
    assert any(name.startswith('dds.ev') for name in threads)
    assert not any(name.startswith('dds.tls') for name in threads)  # their start could crash
    shared = [int(words[1]) for words in lines if words[0] == 'shared']
    return shared, {words[1] for words in lines if words[0] == 'socket'}


@pytest.mark.graph
def test_a_node_shares_no_memory_and_listens_on_loopback_alone(tmp_path):
    assert opened(tmp_path) == ([], {'0100007F'})


@pytest.mark.graph
def test_the_network_is_opened_when_asked_for(tmp_path):
    shared, addresses = opened(tmp_path, **{RANGE: 'SUBNET'})
    assert not shared
    assert '00000000' in addresses


@pytest.mark.graph
def test_the_camera_node_has_room_for_images(tmp_path):
    shared, addresses = opened(tmp_path, before='ours.CAMERA = "shown"')
    assert max(shared) > 16 * 2**20
    assert addresses == {'0100007F'}


def test_doing_it_twice_changes_nothing(prepared):
    once = prepared()
    assert prepared(**once) == once


@pytest.mark.parametrize('home', ['', '/nowhere'])
def test_logs_have_a_place_without_a_home(prepared, home):
    folder = Path(prepared(HOME=home)['ROS_LOG_DIR'])
    assert os.access(folder.parent, os.W_OK)


@pytest.mark.graph
def test_the_library_path_comes_back_where_only_the_guard_was_inherited(tmp_path):
    program = (
        'from robot_rl import ros_environment\n'
        'ros_environment.prepare()\n'
        'import sys, rclpy\n'
        'rclpy.init(); rclpy.shutdown(); print("came up", *sys.argv[1:])\n'
    )
    environment = {ros_environment.GUARD: '1', 'HOME': str(tmp_path)}
    command = [sys.executable, '-c', program, 'with', 'arguments']
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout == 'came up with arguments\n', done.stderr


@pytest.mark.graph
def test_as_a_program_it_runs_a_module_with_the_arguments(tmp_path):
    (tmp_path / 'shown.py').write_text('import sys\ndef main():\n    print(sys.argv[1:])\n')
    command = [sys.executable, '-m', 'robot_rl.ros_environment', 'shown', '--ros-args', '-p']
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("['--ros-args', '-p']\n", 0), done.stderr
