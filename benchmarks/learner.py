# SPDX-License-Identifier: Apache-2.0
"""Updates a second of SAC, TD3 and DDPG against Stable-Baselines3 and SBX, on the CPU.

All have the same networks (two hidden layers of 256, ReLU, no layer norm; twin critics, one for
DDPG), batches of 256 from a replay of their own, 31 inputs, 4 actions, and the same cores. Each
has a process; they take turns, and rates and the ratio within a round are given as medians.
Two threads need an idle machine: where another process takes one of their cores, those of torch
wait for each other most of the time. On a busy machine `--clock cpu --threads 1` counts the
processor time of an update. `autograd` is our own agent without its fast path. The peers run in
an environment of their own (stable-baselines3 2.9.2, sbx-rl 0.28.0), whose Python is named with
`--peer`. The last line is one JSON object.
"""

import argparse
import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np

from benchmarks import learner_peer
from benchmarks.learner_peer import ACTION, BATCH, HIDDEN, OBSERVATION, SEED, STORED
from robot_rl.agents import AGENTS
from robot_rl.errors import InputError
from robot_rl.models.training import Precision, configure_process
from robot_rl.ranges import at_least_one
from robot_rl.replay.buffer import ReplayBuffer
from robot_rl.types import DataSpec, Entries, EntrySpec, Observation, Step

#: What makes our agents the same as the peers'.
SAME: dict[str, dict[str, Any]] = {
    'sac': {'layer_norm': False},
    'td3': {},
    'ddpg': {'normalize': False, 'target_every': 1, 'preactivation_penalty': 0.0},
}
MEASURE_EVERY = 100
CLOCKS = ('wall', 'cpu')
Worker = subprocess.Popen[str]


def make_replay() -> ReplayBuffer:
    """A replay filled with one long episode of noise."""
    spec = DataSpec({'state': EntrySpec((OBSERVATION,))}, ACTION)
    replay, rng = ReplayBuffer(STORED, spec), np.random.default_rng(SEED)
    for i in range(STORED):
        state: Entries = {'state': rng.standard_normal(OBSERVATION, np.float32)}
        observation = Observation(i, 'bench', 0, i, state)
        action, reward = rng.uniform(-1, 1, ACTION), float(rng.standard_normal())
        ends = {'success': False, 'terminated': False, 'truncated': False}
        replay.add(Step(i, observation, action, action, action, 'policy', 0, reward, **ends))
    return replay


def serve(algorithm: str, threads: int, precision: Precision, fast: bool) -> None:
    """Serves updates of our own agent, as `learner_peer` does those of the peers."""
    learner_peer.keep_to(threads)
    configure_process(threads, precision)
    replay, rng = make_replay(), np.random.default_rng(SEED)
    spec = DataSpec({'state': EntrySpec((OBSERVATION,))}, ACTION)
    same = SAME[algorithm] | {'hidden': tuple(HIDDEN), 'device': 'cpu', 'fast': fast}
    agent = AGENTS[algorithm](AGENTS[algorithm].Config(**same), spec, SEED)

    def update(count: int) -> None:
        for _ in range(count):
            agent.update(replay.sample(BATCH, rng), agent.updates % MEASURE_EVERY == 0)

    learner_peer.serve(update)


def start(name: str, algorithm: str, options: argparse.Namespace) -> Worker:
    """The process of one contestant."""
    if name in ('sb3', 'sbx'):
        command = [options.peer, str(Path(learner_peer.__file__)), name, algorithm]
    else:
        command = [sys.executable, '-m', 'benchmarks.learner', name, algorithm]
    try:
        return subprocess.Popen(
            [*command, str(options.threads), options.precision],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
    except OSError as error:
        raise InputError(f'--peer {options.peer}: {error.strerror}') from error


def ask(name: str, worker: Worker, options: argparse.Namespace) -> float:
    """Updates a second of one contestant."""
    updates: int = options.updates
    with contextlib.suppress(BrokenPipeError):  # the reason is on the terminal
        print(updates, file=worker.stdin, flush=True)
    line = worker.stdout.readline() if worker.stdout else ''
    if not line:
        raise InputError(f'{name}: expected its libraries; it ended with {worker.wait()}')
    return updates / float(json.loads(line)[CLOCKS.index(options.clock)])


def compare(algorithm: str, options: argparse.Namespace) -> dict[str, Any]:
    """One row of the table: median rates, and median ratios of ours to theirs."""
    names = ['robot_rl', 'autograd', *(('sb3', 'sbx') if options.peer else ())]
    workers = {name: start(name, algorithm, options) for name in names}
    try:
        for name, worker in workers.items():  # twice: SBX compiles the first call
            [ask(name, worker, options) for _ in range(2)]
        rates: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(options.rounds):
            for name, worker in workers.items():
                rates[name].append(ask(name, worker, options))
            print(algorithm, *(f'{n} {r[-1]:.0f}' for n, r in rates.items()), flush=True)
    finally:
        for worker in workers.values():
            worker.kill()
            worker.wait()
    row: dict[str, Any] = {'algorithm': algorithm}
    row |= {name: round(float(np.median(values)), 1) for name, values in rates.items()}
    for name in names[1:]:
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
    serve(sys.argv[2], int(sys.argv[3]), wanted, sys.argv[1] == 'robot_rl')
