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
import json
import sys
from typing import Any

import numpy as np

from benchmarks import encoder_peer, learner_peer
from benchmarks.contest import CLOCKS, noise_replay, race
from benchmarks.encoder_peer import ACTION, BATCH, FEATURES, HIDDEN, SEED, SHAPE, STORED
from robot_rl.agents.sac import SAC, SACConfig
from robot_rl.models.encoder import EncoderConfig
from robot_rl.models.training import configure_process
from robot_rl.ranges import at_least_one
from robot_rl.replay.buffer import ReplayBuffer
from robot_rl.types import DataSpec, EntrySpec

OURS = ('robot_rl', 'robot_rl_shared')
THEIRS = ('sb3', 'sb3_shared')
SPEC = DataSpec({'image': EntrySpec(SHAPE, 'uint8')}, ACTION)


def make_replay() -> ReplayBuffer:
    """A replay filled with one long episode of noise."""
    return noise_replay(STORED, SPEC, SEED, lambda rng: rng.integers(0, 256, SHAPE, np.uint8))


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


def compare(options: argparse.Namespace) -> dict[str, list[float]]:
    """Rates by contestant, one a round."""
    ours = [sys.executable, '-m', 'benchmarks.encoder']
    theirs = [options.peer, encoder_peer.__file__]
    starts = dict.fromkeys(OURS, ours) | (dict.fromkeys(THEIRS, theirs) if options.peer else {})
    commands = {name: [*start, name, str(options.threads)] for name, start in starts.items()}

    def show(rates: dict[str, list[float]]) -> None:
        print(*(f'{name} {values[-1]:.2f}' for name, values in rates.items()), flush=True)

    return race(commands, options, 1, show)


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
