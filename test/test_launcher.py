# SPDX-License-Identifier: Apache-2.0
"""The embedded launcher: what it reads from launch files and from the command line."""

import importlib
import os
import sys
from pathlib import Path

import pytest
import yaml
from launch_world import make_package, write

from robot_rl.errors import InputError
from robot_rl.launcher import cli
from robot_rl.launcher.context import child_environment
from robot_rl.ros_environment import GUARD


@pytest.fixture
def world(tmp_path, monkeypatch):
    return make_package(tmp_path, monkeypatch)


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
