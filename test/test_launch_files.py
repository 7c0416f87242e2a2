# SPDX-License-Identifier: Apache-2.0
"""The package's launch files: what they start, and that ROS 2's own launch starts the same.

The comparison runs where ROBOT_RL_UPSTREAM_LAUNCH names a folder that `launch`, `launch_ros` and
`osrf_pycommon` can be imported from; elsewhere it is skipped.
"""

import ast
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from robot_rl.errors import InputError
from robot_rl.launcher import cli
from robot_rl.launcher.service import ProcessExited

ROOT = Path(__file__).resolve().parents[1]
UPSTREAM = os.environ.get('ROBOT_RL_UPSTREAM_LAUNCH', '')
LIGHT = [
    'episode_node',
    'policy_node',
    'controller_node',
    'safety_node',
    'reward_node',
    'replay_node',
]
FILES = ('train_sim', 'train_real', 'evaluate', 'teleop')
VARIABLES = (
    'FASTDDS_DEFAULT_PROFILES_FILE',
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


@pytest.fixture
def prefix(tmp_path, monkeypatch):
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


def planned(name, **arguments):
    return {p.name.rpartition('-')[0]: p for p in plan(name, **arguments)}


def plan(name, **arguments):
    return cli.plan(cli.find_file(name), arguments).processes


def parameters(process):
    (text,) = process.files.values()
    return yaml.safe_load(text)['/**']['ros__parameters']


def follows(process, code):
    """Whether the launch ends after the process has ended with a code, and else it goes on."""
    event = ProcessExited(process.name, 1, code, process.command)
    actions = process.on_exit(event, None) if callable(process.on_exit) else [process.on_exit]
    return [type(action).__name__ for action in actions or []] == ['Shutdown']


def test_train_sim_has_a_container_and_a_learner(prefix):
    found = planned('train_sim')
    assert list(found) == ['container', 'learner_node']
    assert parameters(found['container'])['nodes'] == ['sim_bridge', *LIGHT]
    for process in found.values():
        assert process.respawn_delay is None
        assert follows(process, 0)
        assert follows(process, 1)


def test_separate_gives_every_node_its_process(prefix):
    found = planned('train_sim', processes='separate', teleop='true', camera='true')
    assert list(found) == ['sim_bridge', *LIGHT, 'camera_node', 'teleop_node', 'learner_node']
    assert len({json.dumps(parameters(p)) for p in found.values()}) == 1


def test_train_real_keeps_the_guards_apart_and_restarts_what_crashed(prefix):
    found = planned('train_real')
    assert list(found) == ['container', 'driver_node', 'safety_node', 'learner_node']
    light = [name for name in LIGHT if name != 'safety_node']
    assert parameters(found['container'])['nodes'] == light
    driver = found.pop('driver_node')
    assert driver.respawn_delay is None
    assert follows(driver, 0)
    assert follows(driver, 1)
    for process in found.values():
        assert process.respawn_delay == 2.0
        assert follows(process, 0)
        assert follows(process, 2)
        assert not follows(process, 1)
        assert not follows(process, -signal.SIGKILL)


@pytest.mark.parametrize('file', ['evaluate', 'teleop'])
@pytest.mark.parametrize('world', ['sim', 'real'])
def test_without_a_learner(prefix, file, world):
    found = planned(file, world=world, processes='separate')
    assert 'learner_node' not in found
    assert ('driver_node' in found) is (world == 'real')
    assert ('sim_bridge' in found) is (world == 'sim')
    values = parameters(found['policy_node'])
    assert values['learning'] is False
    assert values['sync'] == ('lockstep' if (file, world) == ('evaluate', 'sim') else 'realtime')
    assert all(follows(p, 1) and p.respawn_delay is None for p in found.values())


def test_evaluate_and_teleop_have_their_own_defaults(prefix):
    values = parameters(planned('evaluate')['container'])
    assert (values['policy'], values['episodes']) == ('mean', 50)
    found = planned('teleop', run_dir='/tmp/x')['container']
    values = parameters(found)
    assert (values['policy'], values['episodes']) == ('zero', 0)
    assert values['bag'] == '/tmp/x/demonstrations'
    assert 'teleop_node' in values['nodes']
    assert parameters(planned('teleop', bag='/tmp/b')['container'])['bag'] == '/tmp/b'


def test_arguments_become_typed_parameters_of_all_nodes(prefix):
    given = {'robot': 'sawyer', 'agent': 'sac_residual', 'checkpoint': '12', 'run_dir': '/tmp/r'}
    found = planned('train_sim', seed='7', steps='9', sync='realtime', **given)
    for process in found.values():
        values = parameters(process)
        values.pop('nodes', None)
        assert values == given | {
            'bag': '',
            'episodes': 0,
            'learning': True,
            'policy': 'sample',
            'seed': 7,
            'steps': 9,
            'sync': 'realtime',
            'task': 'usb_insertion',
        }


def test_every_parameter_of_the_graph_is_set(prefix):
    common = pytest.importorskip('robot_rl.nodes.common')
    declared = {f.name: type(f.default) for f in dataclasses.fields(common.GraphParameters)}
    for file in FILES:
        values = parameters(plan(file)[-1])
        assert {name: type(values.get(name)) for name in declared} == declared


def test_run_dir_is_one_absolute_folder_for_all(prefix, monkeypatch):
    monkeypatch.chdir(prefix)
    found = planned('train_sim', processes='separate')
    (folder,) = {parameters(p)['run_dir'] for p in found.values()}
    assert Path(folder).parent == prefix / 'runs'
    assert {p.environment['ROS_LOG_DIR'] for p in found.values()} == {f'{folder}/log'}


def test_namespace_and_parameter_file_reach_all_nodes(prefix):
    file = prefix / 'mine.yaml'
    file.write_text('/**: {ros__parameters: {seed: 3}}\n')
    for process in plan('train_real', namespace='cell_1', params=str(file)):
        words = process.command
        assert '__ns:=/cell_1' in words
        own, given = (words[i + 1] for i, w in enumerate(words) if w == '--params-file')
        assert Path(own) in process.files
        assert given == str(file)


def test_environment_has_defaults_that_a_user_may_replace(prefix, monkeypatch):
    (process, *_) = plan('train_sim', run_dir='/tmp/r')
    profile = process.environment['FASTDDS_DEFAULT_PROFILES_FILE']
    assert Path(profile).is_file()
    assert process.environment['MUJOCO_GL'] == 'egl'
    assert process.environment['OMP_NUM_THREADS'] == '1'
    monkeypatch.setenv('MUJOCO_GL', 'glfw')
    monkeypatch.setenv('ROS_LOG_DIR', '/tmp/logs')
    (process, *_) = plan('train_sim')
    assert process.environment['MUJOCO_GL'] == 'glfw'
    assert process.environment['ROS_LOG_DIR'] == '/tmp/logs'


def test_camera_node_follows_the_task(prefix):
    task = prefix / 'seeing.yaml'
    task.write_text('cameras: [{name: front}]\n')
    assert 'camera_node' in planned('train_sim', processes='separate', task=str(task))
    found = planned('train_sim', processes='separate', task=str(task), camera='false')
    assert 'camera_node' not in found
    assert 'camera_node' not in planned('train_sim', processes='separate')


@pytest.mark.parametrize(
    ('arguments', 'named'),
    [
        ({'robot': 'ur5'}, r"argument robot: expected .*sawyer.* or a file, got 'ur5'"),
        ({'task': 'sing'}, r"argument task: expected .*usb_insertion.* got 'sing'"),
        ({'agent': 'x.yaml'}, 'argument agent: '),
        ({'sync': 'never'}, "argument sync: expected lockstep, realtime; got 'never'"),
        ({'seed': '-1'}, "argument seed: expected a whole number, 0 or more, got '-1'"),
        ({'steps': '1e4'}, 'argument steps: expected a whole number'),
        ({'params': '/no/file'}, 'argument params: no such file: /no/file'),
        ({'world': 'real'}, "unknown argument 'world'; train_sim.launch.py has: agent, bag"),
        ({'episodes': '3'}, "unknown argument 'episodes'"),
    ],
)
def test_wrong_arguments_are_refused(prefix, arguments, named):
    with pytest.raises(InputError, match=named):
        plan('train_sim', **arguments)


def test_shared_file_alone_is_refused(prefix):
    with pytest.raises(InputError, match='is a part of other launch files'):
        cli.plan(ROOT / 'launch' / 'graph.py', {})


@pytest.mark.parametrize('file', FILES)
def test_show_args_describes_every_argument(file, capsys):
    assert cli.main([file, '--show-args']) == 0
    shown = capsys.readouterr().out
    for name in ('task', 'robot', 'agent', 'seed', 'run_dir', 'namespace', 'processes'):
        assert f"'{name}':" in shown
    assert 'no description given' not in shown
    assert 'sawyer' in shown


def test_fast_dds_takes_the_profile():
    code = """
import os, rclpy
before = set(os.listdir('/dev/shm'))
rclpy.init()
node = rclpy.create_node('profile')
sizes = [os.stat(f'/dev/shm/{name}').st_size for name in set(os.listdir('/dev/shm')) - before]
print(max(sizes, default=0))
"""
    profile = ROOT / 'config' / 'fastdds_profile.xml'
    environment = {**os.environ, 'FASTDDS_DEFAULT_PROFILES_FILE': str(profile)}
    result = subprocess.run(
        [sys.executable, '-c', code], env=environment, capture_output=True, text=True, check=True
    )
    assert 'XMLPARSER' not in result.stdout + result.stderr
    assert int(result.stdout) > 16 * 2**20


class Run:
    """One of the two launchers with recorders in the place of the nodes."""

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


needs_upstream = pytest.mark.skipif(
    not UPSTREAM, reason='ROBOT_RL_UPSTREAM_LAUNCH names no installation of launch and launch_ros'
)


@needs_upstream
@pytest.mark.graph
@pytest.mark.parametrize(
    ('file', 'words'),
    [
        ('train_sim', []),
        ('train_sim', ['processes:=separate', 'seed:=5', 'steps:=100', 'sync:=realtime']),
        ('train_sim', ['namespace:=cell_1', 'params:=PARAMS', 'camera:=true', 'teleop:=true']),
        ('train_real', []),
        ('train_real', ['robot:=sawyer', 'namespace:=/a/b', 'processes:=separate']),
        ('evaluate', ['checkpoint:=12', 'policy:=zero', 'episodes:=3', 'world:=real']),
        ('teleop', ['bag:=true', 'agent:=sac_residual']),
    ],
)
def test_upstream_starts_the_same(prefix, file, words):
    params = prefix / 'mine.yaml'
    params.write_text('/**: {ros__parameters: {seed: 3}}\n')
    words = [word.replace('PARAMS', str(params)) for word in words]
    arguments = dict(word.split(':=') for word in words)
    count = len(plan(file, **arguments))
    ours = Run(ROBOT_RL_LAUNCH, prefix / 'ours', file, words).calls(count)
    theirs = Run(ROS2_LAUNCH, prefix / 'theirs', file, words, upstream=True).calls(count)
    assert len(ours) == count
    assert ours == theirs


@needs_upstream
@pytest.mark.graph
@pytest.mark.parametrize(('codes', 'runs', 'status'), [('1 0', 2, 0), ('0', 1, 0), ('2', 1, 2)])
def test_upstream_restarts_and_ends_alike(prefix, codes, runs, status):
    """The learner on hardware: restarted after a crash; the end when done or misconfigured."""
    ours = Run(ROBOT_RL_LAUNCH, prefix / 'ours', 'train_real', [], codes=codes)
    theirs = Run(ROS2_LAUNCH, prefix / 'theirs', 'train_real', [], upstream=True, codes=codes)
    for run in (ours, theirs):
        output = run.process.communicate(timeout=30.0)[0]
        learners = [call for call in run.records() if call['name'] == 'learner_node']
        assert len(learners) == runs, output
    assert ours.process.returncode == status
    assert theirs.process.returncode == 0  # Upstream reports no process's code.
