# SPDX-License-Identifier: Apache-2.0
"""A package of small executables, launch files for it, and the launcher as a process."""

import contextlib
import fcntl
import os
import pty
import re
import select
import subprocess
import sys
import termios
import textwrap
import time
from pathlib import Path
from typing import ClassVar

# What the executables of the package `fake` do, all in one script: it notes each signal that it
# gets, and obeys or not.
PROBE = """
import os, signal, subprocess, sys, time
words = sys.argv[1:sys.argv.index('--ros-args')]
notes = open(os.environ['NOTES'] + '/' + os.path.basename(sys.argv[0]), 'a', buffering=1)
print('start', os.getpid(), file=notes)
def note(number, frame):
    print(signal.Signals(number).name, file=notes)
    if 'stubborn' not in words:
        sys.exit(int(words[1]) if words[:1] == ['obey'] else 0)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, note)
if 'grandchild' in words:
    subprocess.Popen(['sleep', '60'])
if words[:1] == ['say']:
    sys.stdout.write(words[1].encode().decode('unicode_escape'))
    sys.stdout.flush()
if words[:1] == ['exit']:
    time.sleep(float(words[2]) if len(words) > 2 else 0)
    sys.exit(int(words[1]))
print('ready', flush=True)
time.sleep(60)
"""

HEAD = """
from launch import LaunchDescription
from launch.actions import *
from launch.conditions import *
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import *
from launch_ros.actions import Node, PushRosNamespace
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare
def probe(name, *words, **options):
    options = {'output': 'screen'} | options
    return Node(package='fake', executable=name, arguments=list(words), **options)
"""


def make_package(tmp_path, monkeypatch):
    """A folder with a package `fake` that has executables a, b and c."""
    library = tmp_path / 'prefix' / 'lib' / 'fake'
    library.mkdir(parents=True)
    for name in ('a', 'b', 'c'):
        (library / name).write_text(f'#!/usr/bin/env python3\n{PROBE}')
        (library / name).chmod(0o755)
    (tmp_path / 'prefix' / 'share' / 'fake').mkdir(parents=True)
    (tmp_path / 'notes').mkdir()
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path / 'prefix'))
    monkeypatch.setenv('NOTES', str(tmp_path / 'notes'))
    monkeypatch.setenv('ROS_LOG_DIR', str(tmp_path / 'log'))
    return tmp_path


def write(folder, *actions, name='it.launch.py', before=''):
    """A launch file with these actions, given as source text."""
    path = folder / name
    body = ',\n'.join(textwrap.indent(textwrap.dedent(a).strip(), '    ') for a in actions)
    path.write_text(
        f'{HEAD}\n{textwrap.dedent(before)}\n'
        f'def generate_launch_description():\n  return LaunchDescription([\n{body}\n  ])\n'
    )
    return path


class Launch:
    """`robot-rl launch` as a process of its own."""

    started: ClassVar[list[subprocess.Popen]] = []

    def __init__(self, path, *words, **options):
        code = 'import sys; from robot_rl.launcher import main; sys.exit(main())'
        self.process = subprocess.Popen(
            [sys.executable, '-c', code, str(path), *words],
            **{'stdout': subprocess.PIPE, 'start_new_session': True} | options,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.seen = ''
        self.started.append(self.process)

    @classmethod
    def kill_all(cls):
        """Ends what a failed test has left; the processes die with their launcher."""
        while cls.started:
            cls.started.pop().kill()

    def fileno(self):
        return self.process.stdout.fileno()

    def wait_for(self, pattern, seconds=10.0):
        """Reads until the output has a match for `pattern`."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.seen):
            left = end - time.monotonic()
            ready = select.select([self], [], [], max(left, 0))[0]
            data = os.read(self.fileno(), 4096).decode() if ready else ''
            assert data, f'no {pattern!r} in:\n{self.seen}'
            self.seen += data

    def finish(self, seconds=15.0):
        """Exit status; all output is in `seen`."""
        rest, _ = self.process.communicate(timeout=seconds)
        self.seen += rest
        return self.process.returncode


def run(path, *words):
    launch = Launch(path, *words)
    return launch.finish(), launch.seen


def notes(world, name):
    return (world / 'notes' / name).read_text().split('\n')[:-1]


def noted_pids(world):
    lines = [line for path in (world / 'notes').iterdir() for line in path.read_text().split('\n')]
    return [int(line.split()[1]) for line in lines if line.startswith('start')]


def relatives(world):
    """Command lines of all processes that were started below `world`, by its environment."""
    found = []
    for folder in Path('/proc').glob('[0-9]*'):
        with contextlib.suppress(OSError):
            if f'NOTES={world}/notes'.encode() in (folder / 'environ').read_bytes():
                found.append((folder / 'cmdline').read_bytes())
    return found


def wait_until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def assert_all_gone(world):
    wait_until(lambda: relatives(world) == [])


class Terminal(Launch):
    """A launch in a terminal of its own."""

    def __init__(self, path):
        self.screen, side = pty.openpty()
        super().__init__(
            path, stdin=side, stdout=side, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        )
        os.close(side)

    def fileno(self):
        return self.screen
