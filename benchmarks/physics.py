# SPDX-License-Identifier: Apache-2.0
"""Environment steps a second of Fetch pick against gymnasium-robotics' FetchPickAndPlace.

Both are made by Gymnasium and play random actions, in turns, on one thread; they are timed by the
processor time that they use, and medians are compared. Then every task's simulated time over its
processor time, random actions as well. Needs `pip install -r requirements/bench.txt`. The last
line is one JSON object.
"""

import argparse
import json
import time
from contextlib import closing
from typing import Any

import gymnasium
import numpy as np

from robot_rl import environments, resources
from robot_rl.errors import InputError
from robot_rl.task import load_task

OURS, PEER = 'robot_rl/FetchPick-v0', 'FetchPickAndPlace-v4'


def measure(env: gymnasium.Env[Any, Any], steps: int, seed: int) -> float:
    """Steps a second of processor time; episodes end as they do, resets are not counted."""
    rng = np.random.default_rng(seed)
    actions = rng.uniform(-1, 1, (steps, *(env.action_space.shape or ()))).astype(np.float32)
    env.reset(seed=seed)
    seconds, over = 0.0, False
    for action in actions:
        if over:
            env.reset()
        started = time.process_time()
        *_, terminated, truncated, _ = env.step(action)
        seconds += time.process_time() - started
        over = terminated or truncated
    return steps / seconds


def duel(steps: int, rounds: int) -> tuple[float, float]:
    """Our rate and the peer's."""
    try:
        import gymnasium_robotics  # noqa: PLC0415
    except ImportError as error:
        raise InputError(f'bench physics: {error}; requirements/bench.txt has it') from error
    gymnasium.register_envs(gymnasium_robotics)
    ours, theirs = [], []
    with closing(gymnasium.make(OURS)) as our, closing(gymnasium.make(PEER)) as their:
        for seed in range(rounds):
            ours.append(measure(our, steps, seed))
            theirs.append(measure(their, steps, seed))
            print(f'robot_rl {ours[-1]:.0f}  peer {theirs[-1]:.0f} steps/s', flush=True)
    return float(np.median(ours)), float(np.median(theirs))


def real_time(task: str, steps: int) -> float:
    """Simulated seconds of a task in a second of one core."""
    with closing(gymnasium.make(environments.identity(task))) as env:
        return measure(env, steps, 0) / load_task(task).rates.action_hz


def main(argv: list[str]) -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(prog='robot-rl bench physics', description=__doc__)
    parser.add_argument('--steps', type=int, default=50, help='of each measurement')
    parser.add_argument('--rounds', type=int, default=30)
    parser.add_argument('--tasks', nargs='*', help='default: all; no name for none')
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    environments.register()
    names = resources.names('config/tasks') if options.tasks is None else options.tasks
    speeds = {}
    for task in names:
        speeds[task] = round(real_time(task, options.steps), 1)
        print(f'{task:<28} {speeds[task]:6.1f} x real time', flush=True)
    value, peer_value = duel(options.steps, options.rounds)
    result = {
        'name': 'physics',
        'value': round(value, 1),
        'unit': 'steps/s of Fetch pick',
        'peer': f'gymnasium-robotics {PEER}',
        'peer_value': round(peer_value, 1),
        'ratio': round(value / peer_value, 3),
        'real_time': speeds,
    }
    print(json.dumps(result))
    return 0
