# SPDX-License-Identifier: Apache-2.0
"""`robot-rl COMMAND`: the one place that names both hosts, the graph and the direct one."""

import importlib
import os
import sys

from robot_rl.errors import InputError

#: Module whose `main(argv) -> int` is the command, and what it does.
COMMANDS = {
    'train': ('sim_bridge.train', 'train in simulation through the graph, evaluate, report'),
    'launch': ('robot_rl.launcher', 'run a launch file: launch FILE name:=value ...'),
    'evaluate': ('sim_bridge.evaluate', 'play a checkpoint and count successes'),
    'tasks': ('sim_bridge.catalogue', 'list the tasks'),
    'expert': ('sim_bridge.expert', "play a task's scripted expert: expert TASK"),
    'doctor': ('robot_rl.nodes.doctor', 'look whether a robot is ready to be armed'),
    'security': ('robot_rl.security', "the graph's access policy, for SROS 2"),
    'calibrate': ('robot_rl.perception.calibrate', "a camera's lens, from a chessboard"),
    'capture-goal': ('sim_bridge.capture_goal', "the picture of a task's goal"),
    'view': ('sim_bridge.view', 'what a policy sees: view observation TASK'),
    'bench': ('benchmarks', 'measure: bench lockstep | latency | holes | usb_insertion'),
}


def main() -> None:
    """Runs one command; bad input ends with its message and status 2."""
    os.environ.setdefault('MUJOCO_GL', 'egl')
    command, *rest = sys.argv[1:] or ['--help']
    if command in ('-h', '--help'):
        print('usage: robot-rl COMMAND [...]\n')
        print('\n'.join(f'  {name:<12} {text}' for name, (_, text) in COMMANDS.items()))
        return
    if command not in COMMANDS:
        known = ', '.join(COMMANDS)
        sys.exit(_fail(f'unknown command {command!r}; known: {known}'))
    try:
        status = importlib.import_module(COMMANDS[command][0]).main(rest)
    except InputError as error:
        status = _fail(str(error))
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        status = 130
    sys.exit(status)


def _fail(message: str) -> int:
    print(f'error: {message}', file=sys.stderr)
    return 2
