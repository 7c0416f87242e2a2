# SPDX-License-Identifier: Apache-2.0
"""Actions a second in lock step through the composed graph, learner off, against the direct host.

Both play the same episodes with the same untrained policy, in alternation; medians are
compared. The last line is one JSON object.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from robot_rl import launcher
from robot_rl.errors import InputError
from robot_rl.task import load_task
from sim_bridge.evaluate import Plan, play

TASK = 'usb_insertion'
SEED = 11


def direct(episodes: int) -> float:
    """Actions a second of the direct host."""
    task = load_task(TASK)
    play(Plan('', task, 'sample', 1, SEED))
    started = time.perf_counter()
    result = play(Plan('', task, 'sample', episodes, SEED))
    return sum(result.actions) / (time.perf_counter() - started)


def graph(episodes: int) -> float:
    """Actions a second of the graph, from its first observation to its last."""
    with tempfile.TemporaryDirectory() as folder:
        values = {'policy': 'sample', 'episodes': episodes, 'seed': SEED, 'run_dir': folder}
        arguments = [f'{name}:={value}' for name, value in values.items()]
        status = launcher.main(['evaluate.launch.py', f'task:={TASK}', *arguments])
        if status:
            raise InputError(f'the graph ended with status {status}')
        played = json.loads(Path(folder, 'played.json').read_text())
    return float(played['actions_per_s'])


def main(argv: list[str]) -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(prog='robot-rl bench lockstep', description=__doc__)
    parser.add_argument('--episodes', type=int, default=60)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    ours, peer = [], []
    for _ in range(options.rounds):
        peer.append(direct(options.episodes))
        ours.append(graph(options.episodes))
        print(f'graph {ours[-1]:.1f}  direct {peer[-1]:.1f} actions/s', flush=True)
    value, peer_value = float(np.median(ours)), float(np.median(peer))
    result = {
        'name': 'lockstep',
        'value': round(value, 1),
        'unit': 'actions/s',
        'peer': 'direct host',
        'peer_value': round(peer_value, 1),
        'ratio': round(value / peer_value, 3),
    }
    print(json.dumps(result))
    return 0
