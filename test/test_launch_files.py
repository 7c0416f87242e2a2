# SPDX-License-Identifier: Apache-2.0
"""The package's launch files: which processes they start, with which parameters."""

import dataclasses
import json
import signal
from pathlib import Path

import pytest
import yaml
from launch_recorder import ROOT, make_recorders, plan

from robot_rl.errors import InputError
from robot_rl.launcher import cli
from robot_rl.launcher.service import ProcessExited

LIGHT = [
    'episode_node',
    'policy_node',
    'controller_node',
    'safety_node',
    'reward_node',
    'replay_node',
]
FILES = ('train_sim', 'train_real', 'evaluate', 'teleop')


@pytest.fixture
def prefix(tmp_path, monkeypatch):
    return make_recorders(tmp_path, monkeypatch)


def planned(name, **arguments):
    return {p.name.rpartition('-')[0]: p for p in plan(name, **arguments)}


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
    shared = [parameters(p)['nodes'] for p in plan('train_real') if p.name.startswith('container')]
    assert shared == [
        ['episode_node', 'policy_node', 'controller_node'],
        ['reward_node', 'replay_node'],
    ]
    driver = found.pop('driver_node')
    assert driver.respawn_delay is None
    assert parameters(driver)['preflight'] is True
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
            'reset': 'scene',
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
    assert process.environment['MUJOCO_GL'] == 'egl'
    assert process.environment['OMP_NUM_THREADS'] == '1'
    monkeypatch.setenv('MUJOCO_GL', 'glfw')
    monkeypatch.setenv('ROS_LOG_DIR', '/tmp/logs')
    (process, *_) = plan('train_sim')
    assert process.environment['MUJOCO_GL'] == 'glfw'
    assert process.environment['ROS_LOG_DIR'] == '/tmp/logs'


@pytest.mark.parametrize(
    ('name', 'arguments', 'agent'),
    [
        ('train_real', {'task': 'fetch_push'}, 'rlpd'),
        ('train_real', {'task': 'fetch_push', 'agent': 'sac_her'}, 'sac_her'),
        ('train_real', {'task': 'fetch_push', 'checkpoint': 'runs/a'}, ''),
        ('train_real', {'task': 'usb_insertion'}, ''),
        ('train_real', {'task': 'fetch_pick_image'}, ''),
        ('train_sim', {'task': 'fetch_push'}, ''),
    ],
)
def test_what_starts_from_nothing_on_hardware_learns_from_demonstrations(
    prefix, name, arguments, agent
):
    assert parameters(planned(name, **arguments)['learner_node'])['agent'] == agent


def test_camera_node_follows_the_task(prefix):
    task = prefix / 'seeing.yaml'
    task.write_text('cameras: [{name: front}]\n')
    assert 'camera_node' in planned('train_sim', processes='separate', task=str(task))
    found = planned('train_sim', processes='separate', task=str(task), camera='false')
    assert 'camera_node' not in found
    assert 'camera_node' not in planned('train_sim', processes='separate')
    (prefix / 'common').mkdir()
    (prefix / 'common/seen.yaml').write_text(task.read_text())
    task.write_text('extends: seen\n')
    assert 'camera_node' in planned('train_sim', processes='separate', task=str(task))
    found = planned('train_real', task=str(task), camera_sources='realsense')
    assert parameters(found['container'])['camera_sources'] == 'realsense'


@pytest.mark.fault(20)
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


def test_a_secured_process_is_in_its_enclave(prefix, monkeypatch):
    monkeypatch.setenv('ROS_SECURITY_ENABLE', 'true')
    command = planned('train_real')['safety_node'].command
    assert command[command.index('--enclave') + 1] == '/robot_rl/safety_node'
