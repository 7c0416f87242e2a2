# SPDX-License-Identifier: Apache-2.0
"""The package with a recorder in the place of every executable, and runs of both launchers."""

import ast
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import ClassVar

import yaml

from robot_rl.launcher import cli

ROOT = Path(__file__).resolve().parents[1]
UPSTREAM = os.environ.get('ROBOT_RL_UPSTREAM_LAUNCH', '')
VARIABLES = (
    'MUJOCO_GL',
    'OMP_NUM_THREADS',
    'PYTHONUNBUFFERED',
    'ROS_LOG_DIR',
)

# Stands for every executable of the package: notes how it was called and waits, except for the
# learner where a test says how its runs end.
RECORDER = """
import json, os, signal, sys, time
name = os.path.basename(sys.argv[0])
files = [open(b).read() for a, b in zip(sys.argv, sys.argv[1:]) if a == '--params-file']
call = {'name': name, 'words': sys.argv[1:], 'files': files, 'environment': dict(os.environ)}
folder = os.environ['RECORDS']
run = len([f for f in os.listdir(folder) if f.startswith(name)])
with open(f'{folder}/tmp-{name}', 'w') as file:
    json.dump(call, file)
os.rename(f'{folder}/tmp-{name}', f'{folder}/{name}-{run}.json')
codes = os.environ.get('LEARNER_CODES', '').split()
if name == 'learner_node' and run < len(codes):
    sys.exit(int(codes[run]))
signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
time.sleep(60)
"""

# The same as `ros2 launch FILE NAME:=VALUE ...`.
ROS2_LAUNCH = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import AnyLaunchDescriptionSource
path, *words = sys.argv[1:]
service = LaunchService(argv=words, noninteractive=True)
arguments = dict(word.split(':=', 1) for word in words).items()
include = IncludeLaunchDescription(AnyLaunchDescriptionSource(path), launch_arguments=arguments)
service.include_launch_description(LaunchDescription([include]))
sys.exit(service.run())
"""
ROBOT_RL_LAUNCH = 'import sys; from robot_rl.launcher import main; sys.exit(main())'


def executables():
    """Names of the executables that setup.py installs."""
    for statement in ast.parse((ROOT / 'setup.py').read_text()).body:
        if isinstance(statement, ast.Assign) and statement.targets[0].id == 'EXECUTABLES':
            return list(ast.literal_eval(statement.value))
    raise AssertionError('setup.py has no EXECUTABLES')


def make_recorders(tmp_path, monkeypatch):
    """A prefix in which every executable of the package is a recorder."""
    library = tmp_path / 'prefix' / 'lib' / 'robot_rl'
    library.mkdir(parents=True)
    for name in executables():
        (library / name).write_text(f'#!{sys.executable} -S\n{RECORDER}')
        (library / name).chmod(0o755)
    index = tmp_path / 'prefix' / 'share' / 'ament_index' / 'resource_index' / 'packages'
    index.mkdir(parents=True)
    (index / 'robot_rl').touch()
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path / 'prefix'))
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def plan(name, **arguments):
    return cli.plan(cli.find_file(name), arguments).processes


class Run:
    """One of the two launchers with recorders in the place of the nodes."""

    started: ClassVar[list[subprocess.Popen]] = []

    def __init__(self, code, folder, file, words, upstream=False, codes=''):
        self.folder = folder
        folder.mkdir()
        words = [*words, f'run_dir:={folder}/run']
        environment = {**os.environ, 'RECORDS': str(folder), 'LEARNER_CODES': codes}
        if upstream:
            environment['PYTHONPATH'] = UPSTREAM
        self.process = subprocess.Popen(
            [sys.executable, '-c', code, str(cli.find_file(file)), *words],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

        self.started.append(self.process)

    @classmethod
    def end_all(cls):
        """Ends what a failed test has left."""
        while cls.started:
            process = cls.started.pop()
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=20.0)

    def calls(self, count):
        """What the recorders have noted, once there are `count`; then ends the launch."""
        end = time.monotonic() + 20.0
        while len(self.records()) < count and time.monotonic() < end:
            assert self.process.poll() is None, self.process.communicate()[0]
            time.sleep(0.05)
        time.sleep(0.3)
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=20.0)
        return sorted(map(self.normal, self.records()), key=lambda call: call['name'])

    def records(self):
        return [json.loads(p.read_text()) for p in self.folder.glob('*.json')]

    def normal(self, call):
        """A call without what must differ: names of parameter files and of the run's folder."""
        files = iter(call['files'])
        pairs = zip(['', *call['words']], call['words'], strict=False)
        words = [
            read_yaml(next(files)) if before == '--params-file' else word for before, word in pairs
        ]
        environment = {name: call['environment'].get(name) for name in VARIABLES}
        whole = {'name': call['name'], 'words': words, 'environment': environment}
        return json.loads(json.dumps(whole).replace(str(self.folder), 'FOLDER'))


def read_yaml(text):
    """The content of a parameter file; upstream marks lists as Python's tuples."""
    return yaml.safe_load(text.replace('!!python/tuple', ''))
