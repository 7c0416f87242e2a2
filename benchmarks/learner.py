# SPDX-License-Identifier: Apache-2.0
"""Updates a second of SAC, TD3 and DDPG against Stable-Baselines3 and SBX, on the CPU.

All have the same networks (two hidden layers of 256, ReLU, no layer norm; twin critics, one for
DDPG), batches of 256 from a replay of their own, 31 inputs, 4 actions, and the same cores. Each
has a process; they take turns, and rates and the ratio within a round are given as medians.
Two threads need an idle machine: where another process takes one of their cores, those of torch
wait for each other most of the time. On a busy machine `--clock cpu --threads 1` counts the
processor time of an update. Our own agents take part thrice: compiled, which is `robot_rl`, as SBX
is; `eager`, the same without; and `autograd`, without written-out derivatives. The peers run in
an environment of their own (stable-baselines3 2.9.2, sbx-rl 0.28.0), whose Python is named with
`--peer`. The last line is one JSON object.
"""

import argparse
import json
import sys
from typing import Any, get_args

import numpy as np

from benchmarks import learner_peer
from benchmarks.contest import CLOCKS, noise_replay, race
from benchmarks.fast_path import PATHS
from benchmarks.learner_peer import ACTION, BATCH, HIDDEN, OBSERVATION, SEED, STORED
from robot_rl.agents import AGENTS
from robot_rl.models.training import Precision, configure_process
from robot_rl.ranges import at_least_one
from robot_rl.replay.buffer import ReplayBuffer
from robot_rl.types import DataSpec, EntrySpec

#: What makes our agents the same as the peers'.
SAME: dict[str, dict[str, Any]] = {
    'sac': {'layer_norm': False},
    'td3': {},
    'ddpg': {'normalize': False, 'target_every': 1, 'preactivation_penalty': 0.0},
}
#: Our own contestants.
WAYS = {'robot_rl': PATHS['compiled'], 'eager': PATHS['fast'], 'autograd': PATHS['autograd']}
MEASURE_EVERY = 100
SPEC = DataSpec({'state': EntrySpec((OBSERVATION,))}, ACTION)


def make_replay() -> ReplayBuffer:
    """A replay filled with one long episode of noise."""
    return noise_replay(
        STORED, SPEC, SEED, lambda rng: rng.standard_normal(OBSERVATION, np.float32)
    )


def serve(way: str, algorithm: str, threads: int, precision: Precision) -> None:
    """Serves updates of our own agent, as `learner_peer` does those of the peers."""
    learner_peer.keep_to(threads)
    configure_process(threads, precision)
    replay, rng = make_replay(), np.random.default_rng(SEED)
    same = SAME[algorithm] | {'hidden': tuple(HIDDEN), 'device': 'cpu'} | WAYS[way]
    agent = AGENTS[algorithm](AGENTS[algorithm].Config(**same), SPEC, SEED)

    def update(count: int) -> None:
        for _ in range(count):
            agent.update(replay.sample(BATCH, rng), agent.updates % MEASURE_EVERY == 0)

    learner_peer.serve(update)


def compare(algorithm: str, options: argparse.Namespace) -> dict[str, Any]:
    """One row of the table: median rates, and median ratios of ours to theirs."""
    ours = [sys.executable, '-m', 'benchmarks.learner']
    theirs = [options.peer, learner_peer.__file__]
    starts = dict.fromkeys(WAYS, ours)
    starts |= dict.fromkeys(('sb3', 'sbx'), theirs) if options.peer else {}
    how = [algorithm, str(options.threads), options.precision]
    commands = {name: [*start, name, *how] for name, start in starts.items()}

    def show(rates: dict[str, list[float]]) -> None:
        print(algorithm, *(f'{n} {r[-1]:.0f}' for n, r in rates.items()), flush=True)

    rates = race(commands, options, 2, show)  # twice: the first call compiles
    row: dict[str, Any] = {'algorithm': algorithm}
    row |= {name: round(float(np.median(values)), 1) for name, values in rates.items()}
    for name in list(rates)[1:]:
        ratios = np.divide(rates['robot_rl'], rates[name])
        row[f'ratio_{name}'] = round(float(np.median(ratios)), 2)
    return row


def main(argv: list[str]) -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(prog='robot-rl bench learner', description=__doc__)
    parser.add_argument('--peer', default='', help='a Python with stable-baselines3 and sbx-rl')
    parser.add_argument('--threads', type=at_least_one, default=2, help='cores that each may use')
    parser.add_argument('--precision', choices=get_args(Precision), default='highest')
    parser.add_argument('--clock', choices=CLOCKS, default='wall')
    parser.add_argument(
        '--updates', type=at_least_one, default=50, help='of a contestant in a round'
    )
    parser.add_argument('--rounds', type=at_least_one, default=20)
    parser.add_argument('--algorithms', nargs='+', choices=list(SAME), default=list(SAME))
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    rows = [compare(algorithm, options) for algorithm in options.algorithms]
    peer = 'sbx' if options.peer else 'autograd'
    worst = min(rows, key=lambda row: float(row[f'ratio_{peer}']))
    result = {'name': 'learner', 'value': worst['robot_rl'], 'unit': 'updates/s', 'peer': peer}
    result |= {'peer_value': worst[peer], 'ratio': worst[f'ratio_{peer}']}
    chosen = {key: getattr(options, key) for key in ('threads', 'precision', 'clock')}
    print(json.dumps(result | chosen | {'rows': rows}))
    return 0


if __name__ == '__main__':
    wanted: Any = sys.argv[4]
    serve(*sys.argv[1:3], int(sys.argv[3]), wanted)
