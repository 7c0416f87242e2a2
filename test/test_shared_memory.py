# SPDX-License-Identifier: Apache-2.0
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from graph import Listener, process

from benchmarks.books import shared_files
from robot_rl import shared_memory

#: A profile that leaves Fast DDS as it comes, with shared memory.
PROFILE = """
<dds xmlns="http://www.eprosima.com"><profiles>
  <participant profile_name="plain" is_default_profile="true">
    <rtps><useBuiltinTransports>true</useBuiltinTransports></rtps>
  </participant>
</profiles></dds>
"""
OLD = time.time() - 2 * shared_memory.SETTLED_SECONDS

#: Starts a node, tells the locks that it holds, and waits to be killed.
NODE = """
import os, time
from robot_rl.ros_environment import prepare
prepare()
import rclpy
rclpy.init()
node = rclpy.create_node('left_behind')
links = [f'/proc/self/fd/{n}' for n in os.listdir('/proc/self/fd')]
files = [os.readlink(link) for link in links if os.path.lexists(link)]
print(*[f for f in files if f.endswith('_el')], flush=True)
time.sleep(600)
"""


@pytest.fixture
def shared(monkeypatch, tmp_path):
    """Processes that are started here use shared memory."""
    (tmp_path / 'profile.xml').write_text(PROFILE)
    monkeypatch.setenv('FASTDDS_DEFAULT_PROFILES_FILE', str(tmp_path / 'profile.xml'))
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')


def segment(folder: Path, number: int, born_s: float = OLD) -> Path:
    path = folder / f'fastdds_{number:016x}'
    path.write_bytes(b'message')
    lock = path.with_name(f'{path.name}_el')
    lock.touch()
    os.utime(lock, (born_s, born_s))
    return path


def test_what_the_dead_leave_is_removed_and_nothing_else(tmp_path):
    dead, young = segment(tmp_path, 1), segment(tmp_path, 2, time.time())
    ports = [tmp_path / name for name in ('fastdds_port7411', 'fastdds_port7411_el', 'psm_1')]
    for port in ports:
        port.touch()
        os.utime(port, (OLD, OLD))
    assert shared_memory.sweep(tmp_path) == 1
    assert not dead.exists()
    assert not dead.with_name(f'{dead.name}_el').exists()
    assert young.exists()
    assert all(port.exists() for port in ports)


def test_without_shared_memory_there_is_nothing_to_do(tmp_path):
    assert shared_memory.sweep(tmp_path / 'none') == 0


def test_a_killed_node_leaves_segments_that_are_swept_and_a_living_one_keeps_its_own(shared):
    nodes = [
        subprocess.Popen([sys.executable, '-c', NODE], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        dead, alive = (_segments(node.stdout.readline()) for node in nodes)
        assert dead
        assert alive
        nodes[0].send_signal(signal.SIGKILL)
        nodes[0].wait()
        for path in dead:
            assert path.exists()
            os.utime(path.with_name(f'{path.name}_el'), (OLD, OLD))
        shared_memory.sweep()
        assert not any(path.exists() for path in dead)
        assert all(path.exists() for path in alive)
    finally:
        for node in nodes:
            node.kill()
            node.wait()
            node.stdout.close()


def test_a_node_that_ends_leaves_nothing(shared):
    listener = Listener()
    with process('reward_node', sync='realtime') as node:
        assert listener.until(lambda: listener.node.count_publishers('reward') > 0, 120)
        files = shared_files(node.pid)
        held = [shared_memory.FOLDER / file for file in files if file.endswith('_el')]
    listener.close()
    assert any(shared_memory.LOCK.fullmatch(lock.name) for lock in held)
    assert any(lock.name.startswith('fastdds_port') for lock in held)
    assert not any(lock.exists() for lock in held)


def _segments(line: str) -> list[Path]:
    found = re.findall(r'(\S*/fastdds_[0-9a-f]{16})_el', line)
    return [Path(path) for path in found]
