# SPDX-License-Identifier: Apache-2.0
"""Trains in simulation through the graph, then evaluates and reports: `robot-rl train`."""

import argparse
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path

from robot_rl import launcher, resources
from robot_rl.errors import InputError
from robot_rl.learning.config import load_agent
from robot_rl.ranges import non_negative
from robot_rl.report.run_dir import make_run_dir, write_config
from robot_rl.task import load_task, robot_of
from sim_bridge.build import make_world
from sim_bridge.report import report


def main(argv: list[str]) -> int:
    """The command; the exit status of the graph when it failed."""
    arguments = _parse(argv)
    task = load_task(arguments.task, arguments.robot, arguments.agent)
    robot, agent = robot_of(task), load_agent(task.agent)
    if arguments.checkpoint and not Path(arguments.checkpoint).is_dir():
        raise InputError(f'--checkpoint {arguments.checkpoint}: no such folder')
    with closing(make_world(task, robot)) as world:
        world.render('overview', 16, 16)  # the film at the end needs it; better to know now
    run = make_run_dir(arguments.runs, datetime.now())
    write_config(run, {'task': task, 'robot': robot, 'agent': agent, 'seed': arguments.seed})
    print(f'{run}: {task.name} on {robot.name}, {task.agent}, seed {arguments.seed}', flush=True)
    started = time.monotonic()
    status = launcher.main(['train_sim.launch.py', *_launch_arguments(arguments, run)])
    if status:
        _tell_how_to_resume(run)
        return status
    report(run, task, arguments.seed, time.monotonic() - started)
    return 0


def _launch_arguments(arguments: argparse.Namespace, run: Path) -> list[str]:
    values = {
        'task': arguments.task,
        'robot': arguments.robot,
        'agent': arguments.agent,
        'seed': arguments.seed,
        'steps': arguments.steps,
        'sync': arguments.sync,
        'processes': arguments.processes,
        'checkpoint': arguments.checkpoint,
        'run_dir': run.resolve(),
    }
    return [f'{name}:={value}' for name, value in values.items() if str(value)]


def _tell_how_to_resume(run: Path) -> None:
    folder = run / 'checkpoints'
    if folder.is_dir() and any(folder.iterdir()):
        print(f'resume with: robot-rl train --checkpoint {folder}', flush=True)


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='robot-rl train', description=__doc__)
    tasks = ', '.join(resources.names('config/tasks'))
    parser.add_argument('--task', default='usb_insertion', help=f'one of {tasks}, or a file')
    parser.add_argument('--robot', default='', help="default: the task's own")
    parser.add_argument('--agent', default='', help="default: the task's own")
    parser.add_argument('--seed', type=non_negative, default=0)
    parser.add_argument('--steps', type=int, default=12_000, help='actions to take in all')
    parser.add_argument('--sync', choices=('lockstep', 'realtime'), default='lockstep')
    parser.add_argument('--processes', choices=('composed', 'separate'), default='composed')
    parser.add_argument('--checkpoint', default='', help='folder to resume from')
    parser.add_argument('--runs', default='runs', help='folder of all runs')
    return parser.parse_args(argv)
