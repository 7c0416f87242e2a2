# SPDX-License-Identifier: Apache-2.0
"""The graph that the other launch files share: arguments, environment and processes.

Not started by itself. The file that includes it sets the configurations `world` (sim or real:
what stands behind `command` and the sensor topics), `learner`, `sync`, and what it declares.
"""

import os
import time
from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable, Shutdown
from launch.substitutions import EnvironmentVariable
from launch_ros.actions import Node

from robot_rl import task_file

CONFIG = Path(__file__).resolve().parents[1] / 'config'

# Values of the arguments that not every launch file has.
DEFAULTS = {
    'policy': 'sample',
    'steps': '0',
    'episodes': '0',
    'teleop': 'false',
    'demo': 'false',
    'rehearsal': 'false',
}
TEXTS = ('robot', 'task', 'agent', 'sync', 'checkpoint', 'policy', 'run_dir', 'bag', 'reset')
NUMBERS = ('seed', 'steps', 'episodes')
LIGHT_NODES = (
    'episode_node',
    'policy_node',
    'controller_node',
    'safety_node',
    'reward_node',
    'replay_node',
)
# On hardware, and in its rehearsal, these never share a process with others.
GUARDS = ('safety_node', 'driver_node', 'sim_arm')
# There these share one that no other slows down: what lies between an observation and its command.
CONTROL = ('episode_node', 'policy_node', 'controller_node')


def generate_launch_description():
    """Arguments, which `--show-args` lists, then what their values lead to."""
    return LaunchDescription([*arguments(), OpaqueFunction(function=graph)])


def arguments():
    """What every launch file takes."""

    def argument(name, description, default='', choices=None):
        return DeclareLaunchArgument(
            name, default_value=default, description=description, choices=choices
        )

    def named(kind, more='', default=''):
        known = ', '.join(names(kind))
        return argument(kind, f'one of {known}, or a YAML file{more}', default)

    own = "; '' takes the one that the task names"
    return [
        named('task', default='usb_insertion'),
        named('robot', own),
        named('agent', f'{own}; on hardware rlpd where it has neither base controller nor camera'),
        argument('seed', 'seed of start states, goals, exploration and networks', '0'),
        argument('checkpoint', "checkpoint folder to start from; '' for none"),
        argument('run_dir', "folder for the results; '' takes runs/<date>-<time>"),
        argument('bag', "folder to record every step into; '' for none"),
        argument('namespace', 'ROS namespace of all nodes'),
        argument('params', "ROS parameter file for all nodes; '' for none"),
        argument(
            'processes',
            'composed: the light nodes share one process; separate: each has its own',
            'composed',
            ['composed', 'separate'],
        ),
        argument(
            'reset',
            'scene: the simulation puts everything at its start; motion: the arm moves there, '
            'in real time; always motion when real',
            'scene',
            ['scene', 'motion'],
        ),
        argument(
            'camera',
            'whether camera_node runs; auto: when the task has cameras',
            'auto',
            ['auto', 'true', 'false'],
        ),
        argument(
            'camera_sources',
            f'what stands behind the cameras: {", ".join(names("camera"))}, or a YAML file; '
            "'' for raw image topics",
        ),
    ]


def names(kind):
    """Bare names of the tasks, robots or agents in config/."""
    return sorted(path.stem for path in (CONFIG / f'{kind}s').glob('*.yaml'))


def graph(context):
    """Environment and processes for the values that the arguments have."""
    settings = read_settings(context.launch_configurations)
    running = nodes(settings)
    composed, real = settings['processes'] == 'composed', settings['world'] == 'real'
    groups = compose(running, real) if composed else [[name] for name in running]
    if settings['learner'] == 'true':
        groups.append(['learner_node'])
    return environment(settings) + [process(settings, group) for group in groups]


def compose(names, real):
    """Which nodes share a process."""
    if not real:
        return [names]
    others = [name for name in names if name not in GUARDS + CONTROL]
    return [list(CONTROL), others, *([name] for name in names if name in GUARDS)]


def read_settings(configurations):
    """The arguments' values, with what follows from them filled in and checked."""
    settings = DEFAULTS | dict(configurations)
    if 'world' not in settings:
        raise RuntimeError('graph.py is a part of other launch files: launch one of those')
    for name in NUMBERS:
        if not settings[name].isdecimal():
            raise RuntimeError(
                f'argument {name}: expected a whole number, 0 or more, got {settings[name]!r}'
            )
    for kind in ('task', 'robot', 'agent'):
        value = settings[kind]
        if value and value not in names(kind) and not Path(value).is_file():
            known = ', '.join(names(kind))
            raise RuntimeError(f'argument {kind}: expected {known} or a file, got {value!r}')
    if settings['params'] and not Path(settings['params']).is_file():
        raise RuntimeError(f'argument params: no such file: {settings["params"]}')
    if settings['world'] == 'real':
        settings |= {'sync': 'realtime', 'reset': 'motion'}
        if settings['learner'] == 'true' and starts_from_nothing(settings):
            settings['agent'] = 'rlpd'
    run_dir = Path(settings['run_dir'] or time.strftime('runs/%Y%m%d-%H%M%S')).absolute()
    settings['run_dir'] = str(run_dir)
    if settings['demo'] == 'true' and not settings['bag']:
        settings['bag'] = str(run_dir / 'demonstrations')
    return settings


def nodes(settings):
    """Names of the graph's nodes without the learner, in the order of the data's way."""
    names = ['driver_node' if settings['world'] == 'real' else 'sim_bridge', *LIGHT_NODES]
    if settings['rehearsal'] == 'true':
        names.append('sim_arm')
    if settings['camera'] == 'true' or (settings['camera'] == 'auto' and has_cameras(settings)):
        names.append('camera_node')
    if settings['teleop'] == 'true':
        names.append('teleop_node')
    return names


def starts_from_nothing(settings):
    """Whether a training has no agent of its own choice, no checkpoint and no base controller.

    On hardware it then needs demonstrations; what sees pictures has an agent made for them.
    """
    chosen = settings['agent'] or settings['checkpoint']
    base = task_of(settings).get('base', {}).get('kind', 'none')
    return not chosen and base == 'none' and not has_cameras(settings)


def has_cameras(settings):
    """Whether the task lists a camera."""
    return bool(task_of(settings).get('cameras'))


def task_of(settings):
    """The task's file, laid over those that it extends."""
    named = CONFIG / 'tasks' / f'{settings["task"]}.yaml'
    return task_file.read(named if named.is_file() else Path(settings['task']))


def environment(settings):
    """Variables for all processes; one that is set already keeps its value."""
    defaults = {
        'MUJOCO_GL': 'egl',
        'OMP_NUM_THREADS': '1',
        'PYTHONUNBUFFERED': '1',
        'ROS_LOG_DIR': f'{settings["run_dir"]}/log',
    }
    return [
        SetEnvironmentVariable(name, EnvironmentVariable(name, default_value=value))
        for name, value in defaults.items()
    ]


def process(settings, names):
    """One process for nodes; in training on hardware all but the driver restart after a crash."""
    executable = names[0] if len(names) == 1 else 'container'
    parameters = {name: settings[name] for name in TEXTS}
    if executable == 'container':
        parameters['nodes'] = names
    parameters |= {name: int(settings[name]) for name in NUMBERS}
    parameters['learning'] = settings['learner'] == 'true'
    if executable == 'driver_node':
        parameters['preflight'] = True
    if settings['camera_sources']:
        parameters['camera_sources'] = settings['camera_sources']
    training = settings['world'] == 'real' and settings['learner'] == 'true'
    if training and executable not in ('driver_node', 'sim_arm'):
        ending = {'respawn': True, 'respawn_delay': 2.0, 'on_exit': end_unless_crashed}
    else:
        ending = {'on_exit': Shutdown(reason=f'{executable} ended')}
    return Node(
        package='robot_rl',
        executable=executable,
        namespace=settings['namespace'],
        parameters=[parameters, *filter(None, [settings['params']])],
        arguments=enclave(executable),
        output='screen',
        sigterm_timeout='15' if executable == 'learner_node' else '5',  # It saves a checkpoint.
        **ending,
    )


def enclave(executable):
    """Where the process belongs when the wire is secured, see docs/security.md."""
    if os.environ.get('ROS_SECURITY_ENABLE', '').lower() != 'true':
        return []
    return ['--ros-args', '--enclave', f'/robot_rl/{executable}', '--']


def end_unless_crashed(event, context):
    """Ends the graph when a process is done (0) or refused its input (2); else it is restarted."""
    if event.returncode in (0, 2):
        return [Shutdown(reason=f'{event.process_name} ended')]
    return None
