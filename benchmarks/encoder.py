# SPDX-License-Identifier: Apache-2.0
"""Updates a second of SAC on pictures of 84x84x3 against Stable-Baselines3, on the CPU.

Both have the same networks: the encoder of Mnih et al. 2015 with 512 features, two hidden layers
of 256, twin critics, batches of 128 from a replay of their own, uint8, on the same cores.
`robot_rl` and `sb3` have one encoder for the actor and one for the critics, each trained by its
own loss; in `robot_rl_shared` and `sb3_shared` both use one. Ours rates the actor on the features
of the critics' step and differentiates no encoder that it does not move. Each contestant has a
process; they take turns, and rates and the ratio within a round are given as medians. The peer
runs in an environment of its own (stable-baselines3 2.9.2), whose Python is named with `--peer`;
without it, only our own are measured. The last line is one JSON object; its ratio is that of
`robot_rl` to `sb3`.
"""

import argparse
import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import encoder_peer, learner_peer
from benchmarks.encoder_peer import ACTION, BATCH, FEATURES, HIDDEN, SEED, SHAPE, STORED
from robot_rl.agents.sac import SAC, SACConfig
from robot_rl.errors import InputError
from robot_rl.models.encoder import EncoderConfig
from robot_rl.models.training import configure_process
from robot_rl.ranges import at_least_one
from robot_rl.replay.buffer import ReplayBuffer
from robot_rl.types import DataSpec, Entries, EntrySpec, Observation, Step

OURS = ('robot_rl', 'robot_rl_shared')
THEIRS = ('sb3', 'sb3_shared')
CLOCKS = ('wall', 'cpu')
SPEC = DataSpec({'image': EntrySpec(SHAPE, 'uint8')}, ACTION)
Worker = subprocess.Popen[str]


def make_replay() -> ReplayBuffer:
    """A replay filled with one long episode of noise."""
    replay, rng = ReplayBuffer(STORED, SPEC), np.random.default_rng(SEED)
    for i in range(STORED):
        seen: Entries = {'image': rng.integers(0, 256, SHAPE, np.uint8)}
        action, reward = rng.uniform(-1, 1, ACTION), float(rng.standard_normal())
        ends = {'success': False, 'terminated': False, 'truncated': False}
        observation = Observation(i, 'bench', 0, i, seen)
        replay.add(Step(i, observation, action, action, action, 'policy', 0, reward, **ends))
    return replay


def serve(name: str, threads: int) -> None:
    """Serves updates of our own agent, as `encoder_peer` does those of the peer."""
    learner_peer.keep_to(threads)
    configure_process(threads)
    gradients: Any = 'critic' if name.endswith('shared') else 'own'
    encoder = EncoderConfig('nature', features=FEATURES, gradients=gradients)
    config = SACConfig(hidden=tuple(HIDDEN), layer_norm=False, encoder=encoder, device='cpu')
    agent, replay, rng = SAC(config, SPEC, SEED), make_replay(), np.random.default_rng(SEED)

    def update(count: int) -> None:
        for _ in range(count):
            agent.update(replay.sample(BATCH, rng), measure=False)

    learner_peer.serve(update)


def start(name: str, options: argparse.Namespace) -> Worker:
    """The process of one contestant."""
    command = [sys.executable, '-m', 'benchmarks.encoder']
    if name in THEIRS:
        command = [options.peer, str(Path(encoder_peer.__file__))]
    try:
        return subprocess.Popen(
            [*command, name, str(options.threads)],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
    except OSError as error:
        raise InputError(f'--peer {options.peer}: {error.strerror}') from error


def ask(name: str, worker: Worker, options: argparse.Namespace) -> float:
    """Updates a second of one contestant."""
    with contextlib.suppress(BrokenPipeError):  # the reason is on the terminal
        print(options.updates, file=worker.stdin, flush=True)
    line = worker.stdout.readline() if worker.stdout else ''
    if not line:
        raise InputError(f'{name}: expected its libraries; it ended with {worker.wait()}')
    return float(options.updates / json.loads(line)[CLOCKS.index(options.clock)])


def compare(options: argparse.Namespace) -> dict[str, list[float]]:
    """Rates by contestant, one a round."""
    names = (*OURS, *(THEIRS if options.peer else ()))
    workers = {name: start(name, options) for name in names}
    rates: dict[str, list[float]] = {name: [] for name in names}
    try:
        for name, worker in workers.items():
            ask(name, worker, options)
        for _ in range(options.rounds):
            for name, worker in workers.items():
                rates[name].append(ask(name, worker, options))
            print(*(f'{name} {values[-1]:.2f}' for name, values in rates.items()), flush=True)
    finally:
        for worker in workers.values():
            worker.kill()
            worker.wait()
    return rates


def main(argv: list[str]) -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(prog='robot-rl bench encoder', description=__doc__)
    parser.add_argument('--peer', default='', help='a Python with stable-baselines3')
    parser.add_argument('--threads', type=at_least_one, default=2, help='cores that each may use')
    parser.add_argument('--clock', choices=CLOCKS, default='wall')
    parser.add_argument('--updates', type=at_least_one, default=4, help='of each in a round')
    parser.add_argument('--rounds', type=at_least_one, default=10)
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    rates = compare(options)
    medians = {name: round(float(np.median(values)), 3) for name, values in rates.items()}
    result: dict[str, Any] = {'name': 'encoder', 'value': medians['robot_rl'], 'unit': 'updates/s'}
    for one, other in zip(OURS, THEIRS, strict=True) if options.peer else ():
        key = 'ratio' if one == 'robot_rl' else 'ratio_shared'
        result[key] = round(float(np.median(np.divide(rates[one], rates[other]))), 2)
    if options.peer:
        result |= {'peer': 'sb3', 'peer_value': medians['sb3']}
    chosen = {'threads': options.threads, 'clock': options.clock, 'rates': medians}
    print(json.dumps(result | chosen))
    return 0


if __name__ == '__main__':
    serve(sys.argv[1], int(sys.argv[2]))
