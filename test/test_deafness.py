# SPDX-License-Identifier: Apache-2.0
"""A process whose DDS stands still ends."""

import subprocess
import sys

import pytest

from robot_rl.nodes.deafness import DEAF

#: A thread that is called as Fast DDS calls its own, and wakes, or does not, for two seconds.
PROCESS = """
import threading, time
from pathlib import Path
from robot_rl.ros_environment import prepare
prepare()
from robot_rl.nodes import deafness
deafness.LOOK_SECONDS = 0.05

def timers():
    Path('/proc/self/task', str(threading.get_native_id()), 'comm').write_text('dds.ev.7')
    named.set()
    for _ in range({wakes}):
        time.sleep(2 / {wakes})

named = threading.Event()
thread = threading.Thread(target=timers)
thread.start()
named.wait()
deafness.watch_for_deafness()
thread.join()
"""


@pytest.mark.parametrize(('wakes', 'status'), [(1, DEAF), (100, 0)])
def test_a_process_ends_where_the_timers_of_dds_stand_still(wakes: int, status: int) -> None:
    command = [sys.executable, '-c', PROCESS.format(wakes=wakes)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == status, ended.stderr
    assert ('Fast DDS has stood still for 0.5 s' in ended.stderr) == (status == DEAF)


def test_another_profile_may_let_them_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('FASTDDS_DEFAULT_PROFILES_FILE', '/some/profile.xml')
    command = [sys.executable, '-c', PROCESS.format(wakes=1)]
    assert subprocess.run(command).returncode == 0
