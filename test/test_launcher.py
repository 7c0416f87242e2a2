# SPDX-License-Identifier: Apache-2.0
"""The embedded launcher: what it reads, what it starts, how it ends, with real processes."""

import contextlib
import fcntl
import importlib
import itertools
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import textwrap
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, strategies as st

from robot_rl.errors import InputError
from robot_rl.launcher import cli
from robot_rl.launcher.console import Console
from robot_rl.launcher.context import child_environment
from robot_rl.launcher.service import Service
from robot_rl.ros_environment import GUARD

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


@pytest.fixture
def world(tmp_path, monkeypatch):
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


def planned(path, **arguments):
    """The processes that the file asks for."""
    return cli.plan(path, arguments).processes


def ros_arguments(process):
    """What follows --ros-args, with the content in the place of each parameter file."""
    words = list(process.command[process.command.index('--ros-args') + 1 :])
    for index, word in enumerate(words):
        if words[index - 1] == '--params-file':
            path = Path(word)
            text = process.files[path] if path in process.files else path.read_text()
            words[index] = yaml.safe_load(text)
    return words


class Launch:
    """`robot-rl launch` as a process of its own."""

    def __init__(self, path, *words, **options):
        code = 'import sys; from robot_rl.launcher import main; sys.exit(main())'
        self.process = subprocess.Popen(
            [sys.executable, '-c', code, str(path), *words],
            **{'stdout': subprocess.PIPE, 'start_new_session': True} | options,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.seen = ''

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


# Reading a file.


def test_node_becomes_command(world):
    path = write(
        world,
        """Node(package='fake', executable='a', name='n', namespace='ns', arguments=['x', 'y'],
                parameters=[{'one': 1, 'deep': {'text': '1', 'list': [1, 2.5]}}],
                remappings=[('from', 'to')], additional_env={'E': 'v'})""",
    )
    (process,) = planned(path)
    executable = str(world / 'prefix' / 'lib' / 'fake' / 'a')
    assert process.command[:4] == (sys.executable, executable, 'x', 'y')
    assert process.name == 'a-1'
    assert process.environment['E'] == 'v'
    parameters = {'one': 1, 'deep.text': '1', 'deep.list': [1.0, 2.5]}
    assert ros_arguments(process) == [
        *('-r', '__node:=n', '-r', '__ns:=/ns'),
        *('--params-file', {'/ns/n': {'ros__parameters': parameters}}),
        *('-r', 'from:=to'),
    ]


def test_parameter_files_keep_their_place(world):
    (world / 'p.yaml').write_text('/**: {ros__parameters: {one: 2}}')
    path = write(
        world,
        """probe('a', parameters=[{'one': 1}, PathJoinSubstitution([FindPackageShare('fake'),
           '..', '..', '..', 'p.yaml']), {'one': 3}])""",
    )
    (process,) = planned(path)
    files = [word for word in ros_arguments(process) if isinstance(word, dict)]
    assert [file['/**']['ros__parameters']['one'] for file in files] == [1, 2, 3]


@pytest.mark.parametrize(
    ('source', 'value'),
    [
        ("LaunchConfiguration('x')", 12),
        ("ParameterValue(LaunchConfiguration('x'), value_type=str)", '12'),
        ("ParameterValue(LaunchConfiguration('x'), value_type=float)", 12.0),
        ("['1', LaunchConfiguration('x')]", 112),
        ("TextSubstitution(text='')", ''),
        ("TextSubstitution(text='[a, b]')", ['a', 'b']),
        ("ParameterValue(TextSubstitution(text='0'), value_type=bool)", False),
        ("ParameterValue(TextSubstitution(text='[1, 2]'), value_type=list[int])", [1, 2]),
        ("'12'", '12'),
        ('True', True),
        ("['a', 'b']", ['a', 'b']),
    ],
)
def test_parameter_types(world, source, value):
    path = write(
        world, "DeclareLaunchArgument('x')", f"probe('a', parameters=[{{'p': {source}}}])"
    )
    (process,) = planned(path, x='12')
    (found,) = ros_arguments(process)[1]['/**']['ros__parameters'].values()
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    'source',
    [
        "ParameterValue(LaunchConfiguration('x'), value_type=int)",
        "ParameterValue(LaunchConfiguration('x'), value_type=bool)",
        "TextSubstitution(text='{a: 1}')",
        "TextSubstitution(text='[')",
        "TextSubstitution(text='2020-01-01')",
        '[]',
        "[1, 'a']",
        'None',
    ],
)
def test_wrong_parameter_is_named(world, source):
    path = write(
        world, "DeclareLaunchArgument('x')", f"probe('a', parameters=[{{'p': {source}}}])"
    )
    with pytest.raises(InputError, match='parameter p: '):
        planned(path, x='many')


def test_groups_scope_namespace_configuration_and_environment(world):
    inside = "SetLaunchConfiguration('v', '2'), SetEnvironmentVariable('E', 'in')"
    node = "probe('a', parameters=[{'v': LaunchConfiguration('v')}])"
    path = write(
        world,
        "SetLaunchConfiguration('v', '1')",
        f"GroupAction([PushRosNamespace('x'), GroupAction([PushRosNamespace('y'), {node}]),"
        f' {inside}, {node}])',
        node,
    )
    found = [(ros_arguments(p), p.environment.get('E')) for p in planned(path)]

    def expected(value, *namespace):
        parameters = {'/**': {'ros__parameters': {'v': value}}}
        return [*namespace, '--params-file', parameters]

    assert found == [
        (expected(1, '-r', '__ns:=/x/y'), None),
        (expected(2, '-r', '__ns:=/x'), 'in'),
        (expected(1), None),
    ]


@pytest.mark.parametrize(
    ('pushed', 'own', 'expected'),
    [
        (None, 'b', '/b'),
        ('a', 'b', '/a/b'),
        ('a', '/b', '/b'),
        ('/a/', '', '/a'),
        (None, '', '/'),
        ('', 'b', '/b'),
    ],
)
def test_namespaces(world, pushed, own, expected):
    push = '' if pushed is None else f'PushRosNamespace({pushed!r}), '
    path = write(world, f"GroupAction([{push}probe('a', namespace={own!r})])")
    assert f'__ns:={expected}' in planned(path)[0].command


@pytest.mark.parametrize('bad', ["namespace='a-b'", "namespace='1a'", "name='a/b'", "name=''"])
def test_wrong_names_are_refused(world, bad):
    with pytest.raises(InputError, match='name'):
        planned(write(world, f"probe('a', {bad})"))


def test_conditions(world):
    path = write(
        world,
        "DeclareLaunchArgument('on', default_value='True')",
        "probe('a', condition=IfCondition(LaunchConfiguration('on')))",
        "probe('b', condition=UnlessCondition(LaunchConfiguration('on')))",
    )
    assert [p.name for p in planned(path)] == ['a-1']
    assert [p.name for p in planned(path, on='0')] == ['b-1']
    with pytest.raises(InputError, match='expected true, 1, false or 0'):
        planned(path, on='maybe')


def test_include_passes_arguments_and_sees_outer_ones(world):
    write(
        world,
        "DeclareLaunchArgument('inner', default_value='?')",
        "probe('a', LaunchConfiguration('inner'), LaunchConfiguration('outer'))",
        name='part.py',
    )
    path = write(
        world,
        "DeclareLaunchArgument('outer', default_value='o')",
        f"IncludeLaunchDescription(PythonLaunchDescriptionSource('{world}/part.py'),"
        " launch_arguments={'inner': ['<', LaunchConfiguration('outer'), '>']}.items())",
    )
    (process,) = planned(path, outer='z')
    assert process.command[2:4] == ('<z>', 'z')


def test_opaque_function_may_import_launch(world):
    before = """
    def nodes(context, number):
        from launch.substitutions import LaunchConfiguration
        word = LaunchConfiguration('w').perform(context)
        return [probe('a', word)] * number
    """
    path = write(
        world,
        "DeclareLaunchArgument('w')",
        'OpaqueFunction(function=nodes, args=[2])',
        before=before,
    )
    assert [p.command[2] for p in planned(path, w='x')] == ['x', 'x']
    assert 'launch' not in sys.modules


@pytest.mark.parametrize(
    ('source', 'named'),
    [
        ('from launch.actions import TimerAction', 'launch.actions.TimerAction is not supported'),
        ('import launch.events', 'launch.events'),
        ('import launch; launch.LaunchService', 'launch.LaunchService is not supported'),
        ("probe('a', prefix='gdb')", r'Node\(prefix=...\) is not supported'),
        ("probe('a', ros_arguments=['x'])", r'Node\(ros_arguments=...\) is not supported'),
        ('GroupAction([], forwarding=False)', r'GroupAction\(forwarding=...\) is not'),
        ('1 / 0', 'ZeroDivisionError'),
        ('from nowhere import x', 'nowhere'),
    ],
)
def test_unsupported_is_named_with_its_line(world, source, named):
    path = write(world, before=source)
    with pytest.raises(InputError, match=named) as error:
        planned(path)
    words = str(error.value).removeprefix(f'{path}:')
    line = path.read_text().split('\n')[int(words.split(':')[0]) - 1]
    assert source in line or 'return Node' in line


def test_file_without_description(world):
    (world / 'empty.launch.py').write_text('x = 1\n')
    with pytest.raises(InputError, match='generate_launch_description'):
        planned(world / 'empty.launch.py')
    (world / 'broken.launch.py').write_text('def\n')
    with pytest.raises(InputError, match='broken'):
        planned(world / 'broken.launch.py')


def test_executables(world):
    with pytest.raises(InputError, match=r"'d'.* which has: a, b, c"):
        planned(write(world, "probe('d')"))
    with pytest.raises(InputError, match="package 'none'"):
        planned(write(world, "Node(package='none', executable='a')"))
    shell = world / 'prefix' / 'lib' / 'fake' / 'shell'
    shell.write_text('#!/bin/sh\n')
    shell.chmod(0o755)
    assert planned(write(world, "probe('shell')"))[0].command[0] == str(shell)


def test_children_start_without_the_wheels_traces():
    inherited = {
        GUARD: '1',
        'LD_LIBRARY_PATH': f'{sys.prefix}/lib{os.pathsep}/opt/mine',
        'AMENT_PREFIX_PATH': '/opt/ws',
    }
    child = child_environment(inherited)
    assert GUARD not in child
    assert child['LD_LIBRARY_PATH'] == '/opt/mine'
    assert child['AMENT_PREFIX_PATH'] == f'/opt/ws{os.pathsep}{sys.prefix}'


# The command line.


def test_wrong_arguments(world, capsys):
    path = str(
        write(world, "DeclareLaunchArgument('pick', choices=['x', 'y'], description='which')")
    )
    assert cli.main([path, 'pick:=x', 'pik:=y']) == 2
    assert "unknown argument 'pik'; it.launch.py has: pick" in capsys.readouterr().err
    assert cli.main([path, 'pick:=z']) == 2
    assert "argument pick: expected x, y; got 'z'" in capsys.readouterr().err
    assert cli.main([path]) == 2
    assert "argument 'pick' is required: which" in capsys.readouterr().err
    for word in ('pick', 'pick=x', 'pick:=', ':=x'):
        assert cli.main([path, word]) == 2
        assert 'expected name:=value' in capsys.readouterr().err
    assert cli.main(['nowhere']) == 2
    assert 'train_sim.launch.py' in capsys.readouterr().err
    assert cli.main(['--nothing']) == 2


def test_show_args(world, capsys):
    write(world, "DeclareLaunchArgument('inner', description='In.')", name='part.py')
    path = write(
        world,
        "DeclareLaunchArgument('pick', default_value='x', choices=['x', 'y'])",
        "DeclareLaunchArgument('needed')",
        f"IncludeLaunchDescription(PythonLaunchDescriptionSource('{world}/part.py'),"
        " launch_arguments={'other': LaunchConfiguration('needed')}.items())",
        "probe('does_not_exist')",
    )
    assert cli.main([str(path), '--show-args']) == 0
    shown = capsys.readouterr().out
    assert "'pick':" in shown
    assert "Valid choices are: ['x', 'y']" in shown
    assert "(default: 'x')" in shown
    assert 'In.' in shown


def test_error_of_the_file_without_traceback(world, capsys):
    before = """
    def fail(context):
        raise RuntimeError('argument n: expected a number')
    """
    path = write(world, 'OpaqueFunction(function=fail)', before=before)
    assert cli.main([str(path)]) == 2
    assert capsys.readouterr().err == ('robot-rl launch: error: argument n: expected a number\n')
    assert cli.main([str(path), '--debug']) == 2
    assert 'Traceback' in capsys.readouterr().err


def test_a_folder_called_launch_is_no_installation(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ('launch', 'launch_ros'):
        (tmp_path / name).mkdir()
    assert not cli.is_installed()
    for name in ('launch', 'launch_ros'):
        (tmp_path / name / '__init__.py').touch()
    importlib.invalidate_caches()
    assert cli.is_installed()


# Running.


def test_output_is_passed_on_and_logged(world):
    path = write(world, "probe('a', 'say', 'one\\\\ntwo', on_exit=Shutdown())")
    launch = Launch(path)
    launch.wait_for(r'\[a-1\] twoready')
    os.killpg(launch.process.pid, signal.SIGINT)
    assert launch.finish() == 130
    assert '[a-1] one\n[a-1] twoready\n' in launch.seen
    assert (world / 'log' / 'a-1.log').read_text() == 'one\ntwoready\n'


def test_end_of_the_required_process_ends_all(world):
    path = write(world, "probe('a')", "probe('b', 'exit', '0', '0.3', on_exit=Shutdown())")
    status, output = run(path)
    assert status == 0
    assert notes(world, 'a')[1:] == ['SIGINT']
    assert 'ERROR' not in output
    assert_all_gone(world)


def test_failure_is_named_with_its_code(world):
    path = write(world, "probe('a')", "probe('b', 'exit', '3', '0.3', on_exit=Shutdown())")
    status, output = run(path)
    assert status == 3
    last = output.strip().split('\n')[-1]
    assert last.startswith('[ERROR] [launch]: b-2: exit code 3; its output is in ')
    assert last.endswith('b-2.log')


def test_failure_without_shutdown_counts_at_the_end(world):
    status, output = run(write(world, "probe('a', 'exit', '0')", "probe('b', 'exit', '4')"))
    assert status == 4
    assert 'b-2: exit code 4' in output
    assert run(write(world, "probe('a', 'exit', '0')"))[0] == 0


def test_killed_process_is_named(world):
    path = write(world, "probe('a', on_exit=Shutdown())")
    launch = Launch(path)
    launch.wait_for('ready')
    os.kill(noted_pids(world)[0], signal.SIGKILL)
    assert launch.finish() == 128 + signal.SIGKILL
    assert 'a-1: ended by SIGKILL' in launch.seen


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_to_the_launcher_end_all_cleanly(world, number):
    launch = Launch(write(world, "probe('a')", "probe('b')"))
    launch.wait_for('(?s)ready.*ready')
    launch.process.send_signal(number)
    assert launch.finish() == 128 + number
    assert notes(world, 'a')[1:] == notes(world, 'b')[1:] == ['SIGINT']
    assert_all_gone(world)


def test_stubborn_process_gets_sigint_sigterm_sigkill(world):
    options = "sigterm_timeout='0.4', sigkill_timeout='0.4'"
    path = write(world, f"probe('a', 'stubborn', {options})", "probe('b')")
    launch = Launch(path)
    launch.wait_for('(?s)ready.*ready')
    start = time.monotonic()
    launch.process.send_signal(signal.SIGINT)
    assert launch.finish() == 1
    assert 0.7 < time.monotonic() - start < 4.0
    assert notes(world, 'a')[1:] == ['SIGINT', 'SIGTERM']
    assert 'after SIGINT: a-1: ended by SIGKILL' in launch.seen
    assert_all_gone(world)


def test_further_ctrl_c_does_not_wait(world):
    launch = Launch(write(world, "probe('a', 'stubborn')"))
    launch.wait_for('ready')
    start = time.monotonic()
    for pattern in ('SIGINT: shutting down', 'sending SIGTERM', 'sending SIGKILL'):
        launch.process.send_signal(signal.SIGINT)
        launch.wait_for(pattern)
    assert launch.finish() == 1
    assert time.monotonic() - start < 4.0


def test_unclean_end_after_ctrl_c(world):
    launch = Launch(write(world, "probe('a', 'obey', '7')"))
    launch.wait_for('ready')
    launch.process.send_signal(signal.SIGINT)
    assert launch.finish() == 1
    assert 'after SIGINT: a-1: exit code 7' in launch.seen


def test_no_child_outlives_a_killed_launcher(world):
    launch = Launch(write(world, "probe('a', 'stubborn')", "probe('b')"))
    launch.wait_for('(?s)ready.*ready')
    wait_until(lambda: len(relatives(world)) == 3)
    launch.process.kill()
    launch.finish()
    assert_all_gone(world)


def test_what_a_node_leaves_behind_is_killed(world):
    path = write(world, "probe('a', 'grandchild', on_exit=Shutdown())")
    launch = Launch(path)
    launch.wait_for('ready')
    wait_until(lambda: b'sleep\x0060\x00' in relatives(world))
    os.kill(noted_pids(world)[0], signal.SIGKILL)
    launch.finish()
    assert_all_gone(world)


def test_launcher_in_the_background_still_hears_sigint(world):
    ignore = {'preexec_fn': lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    launch = Launch(write(world, "probe('a')"), **ignore)
    launch.wait_for('ready')
    launch.process.send_signal(signal.SIGINT)
    assert launch.finish() == 130


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


def test_ctrl_c_in_a_terminal(world):
    launch = Terminal(write(world, "probe('a', 'say', '\\\\r5 %\\\\rhalf\\\\n')"))
    launch.wait_for(r'\[a-1\] ready')
    os.write(launch.screen, b'\x03')  # Ctrl-C
    launch.wait_for('finished cleanly')
    assert launch.process.wait(5) == 130
    assert notes(world, 'a')[1:] == ['SIGINT']
    assert '[a-1] half\r\n[a-1] ready\r\n' in launch.seen
    os.close(launch.screen)


def test_ctrl_z_does_not_stop_a_robots_launcher(world):
    options = {'start_new_session': False, 'process_group': 0}  # In no session SIGTSTP acts.
    launch = Launch(write(world, "probe('a')"), **options)
    launch.wait_for('ready')
    launch.process.send_signal(signal.SIGTSTP)
    launch.process.send_signal(signal.SIGINT)
    assert launch.finish(5) == 130


def test_closed_terminal_ends_all(world):
    launch = Terminal(
        write(
            world,
            "probe('a')",
            "probe('b', 'stubborn', sigterm_timeout='0.3', sigkill_timeout='0.3')",
        )
    )
    launch.wait_for('(?s)ready.*ready')
    os.close(launch.screen)
    launch.process.wait(10)
    assert notes(world, 'a')[1:] == ['SIGINT']
    assert notes(world, 'b')[1:] == ['SIGINT', 'SIGTERM']
    assert_all_gone(world)


def test_mistake_in_the_launcher_leaves_no_child(world):
    class Broken(Console):
        def write(self, name, data):
            raise ZeroDivisionError

    context = cli.plan(write(world, "probe('a', 'stubborn')"), {})
    with pytest.raises(ZeroDivisionError):
        Service(context, Broken()).run()
    assert_all_gone(world)


def test_respawn_until_the_end(world):
    path = write(
        world,
        "probe('a', 'exit', '5', respawn=True, respawn_delay=0.1)",
        "probe('b')",
    )
    launch = Launch(path)
    launch.wait_for('(?s)(a-1.: process started.*){4}')
    launch.process.send_signal(signal.SIGINT)
    assert launch.finish() == 130
    assert len([n for n in notes(world, 'a') if n.startswith('start')]) >= 3
    assert_all_gone(world)


def test_end_while_a_process_waits_for_its_next_run(world):
    path = write(world, "probe('a', 'exit', '5', respawn=True, respawn_delay=60.0)", "probe('b')")
    launch = Launch(path)
    launch.wait_for('(?s)(ready.*died|died.*ready)')
    launch.process.send_signal(signal.SIGINT)
    assert launch.finish() == 130


def test_on_exit_function_decides(world):
    before = """
    def ended(event, context):
        if event.returncode == 0:
            return [LogInfo(msg=f'{event.process_name} is done'), Shutdown(reason='done')]
    """
    script = world / 'prefix' / 'lib' / 'fake' / 'third'
    script.write_text(
        '#!/bin/sh\necho x >> "$NOTES/third"\n[ "$(wc -l < "$NOTES/third")" -ge 3 ]\n'
    )
    script.chmod(0o755)
    path = write(
        world,
        "probe('third', respawn=True, respawn_delay=0.05, on_exit=ended)",
        "probe('a')",
        before=before,
    )
    status, output = run(path)
    assert status == 0
    assert len(notes(world, 'third')) == 3
    assert '[launch.user]: third-1 is done' in output


def test_on_exit_may_start_another_node(world):
    path = write(
        world, "probe('a', 'exit', '0', on_exit=[probe('b', 'exit', '0', on_exit=Shutdown())])"
    )
    assert run(path)[0] == 0
    assert notes(world, 'b')


def test_mistake_in_on_exit_ends_all(world):
    path = write(
        world,
        "probe('a', 'exit', '0', on_exit=lambda event, context: 1 / 0)",
        "probe('b')",
    )
    status, output = run(path)
    assert status == 1
    assert 'ZeroDivisionError' in output
    assert_all_gone(world)


def test_process_that_cannot_start_ends_all(world):
    broken = world / 'prefix' / 'lib' / 'fake' / 'broken'
    broken.write_text('#!/no/such/interpreter\n')
    broken.chmod(0o755)
    status, output = run(write(world, "probe('a')", "probe('broken')"))
    assert status == 126
    assert 'broken-2]: cannot be started' in output
    assert_all_gone(world)


def test_log_on_a_full_disk_ends_alone(world):
    (world / 'log').mkdir()
    (world / 'log' / 'a-1.log').symlink_to('/dev/full')
    launch = Launch(write(world, "probe('a', 'say', 'x\\\\n')"))
    launch.wait_for('ready')
    launch.process.send_signal(signal.SIGINT)
    assert launch.finish() == 130
    assert 'No space left on device' in launch.seen


# The console.


def shown(pieces, terminal=False):
    """What a console writes to a pipe or to a terminal for pieces of output."""
    reader, writer = pty.openpty() if terminal else os.pipe()
    console = Console(writer)
    for name, data in pieces:
        console.write(name, data)
    for name in dict(pieces):
        console.end(name)
    os.close(writer)
    with contextlib.suppress(OSError), os.fdopen(reader, 'rb', 0) as file:  # EIO ends a terminal.
        data = b''
        while piece := file.read(65536):
            data += piece
    return data.replace(b'\r\n', b'\n')


def test_lines_get_their_names():
    pieces = [('a', b'on'), ('b', b'two\n'), ('a', b'e\n'), ('b', b'rest')]
    assert shown(pieces) == b'[b] two\n[a] one\n[b] rest\n'
    assert shown([('a', b'one\r\n\ntwo\n')]) == b'[a] one\n[a] \n[a] two\n'


def test_progress_shows_its_last_state_in_a_file():
    assert shown([('a', b'\r1 %'), ('a', b'\r2 %'), ('a', b'\n')]) == b'[a] 2 %\n'
    assert shown([('a', b'1 %\r'), ('a', b'2 %\r'), ('a', b'\n')]) == b'[a] 2 %\n'
    assert shown([('a', b'1 %\r'), ('a', b'2 %\r')]) == b'[a] 2 %\n'


def test_progress_stays_at_the_bottom_of_a_terminal():
    clear = b'\r\x1b[K'
    pieces = [('a', b'\r1 %'), ('b', b'hello\n'), ('a', b'\r2 %'), ('a', b'\r3 %\n')]
    assert shown(pieces, terminal=True) == b''.join(
        [
            b'[a] 1 %',
            *(clear, b'[b] hello\n', b'[a] 1 %'),
            *(clear, b'[a] 2 %'),
            *(clear, b'[a] 3 %\n'),
        ]
    )


@given(st.lists(st.sampled_from([b'\r', b'\n', b'\r\n', b'ab', b'c']), max_size=30), st.data())
def test_output_does_not_depend_on_how_it_arrives(parts, data):
    whole = b''.join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    edges = [0, *cuts, len(whole)]
    pieces = [('a', whole[i:j]) for i, j in itertools.pairwise(edges)]
    assert shown(pieces) == shown([('a', whole)])


def test_reader_that_stops_does_not_hold_up_the_processes():
    reader, writer = os.pipe()
    console = Console(writer)
    start = time.monotonic()
    for number in range(20000):
        console.write('a', f'{number:06}\n'.encode())
    assert time.monotonic() - start < 5.0
    full = os.read(reader, 1 << 20).decode().split('\n')
    console.write('a', b'again\n')
    last = os.read(reader, 1 << 20).decode()
    assert last == f'[WARN] [launch]: {20000 - len(full) + 1} lines were not shown\n[a] again\n'
    os.close(reader)
    console.write('a', b'nobody\n')
    os.close(writer)
