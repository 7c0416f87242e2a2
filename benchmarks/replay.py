# SPDX-License-Identifier: Apache-2.0
"""Hindsight sampling against Stable-Baselines3's `HerReplayBuffer`: batches a second.

Both hold the same episodes of a goal task (25 numbers of state, goals of 3, actions of 4) and
give batches as torch tensors, four in five with a goal of the future and a sparse reward. They
take turns, each on one thread, and are timed by the processor time that they use; medians are
compared. The peer runs in an environment of its own
(stable-baselines3 2.9.2), whose Python is named with `--peer`. The last line is one JSON object.
"""

import argparse
import contextlib
import json
import subprocess
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks import replay_peer
from robot_rl.errors import InputError
from robot_rl.replay.buffer import ReplayBuffer
from robot_rl.replay.relabel import Relabel
from robot_rl.replay.relabel_config import RelabelConfig
from robot_rl.replay.sampler import Sampler
from robot_rl.rewards.goal import GoalRewardConfig
from robot_rl.types import DataSpec, EntrySpec, Observation, Step

CHECK_EVERY = replay_peer.CHECK_EVERY


def make_sampler(episodes: int, length: int) -> Sampler:
    """Our replay, filled with the episodes that the peer gets too."""
    sizes = {'observation': 25, 'achieved_goal': 3, 'desired_goal': 3}
    spec = DataSpec({name: EntrySpec((size,)) for name, size in sizes.items()}, 4)
    buffer = ReplayBuffer(episodes * (length + 1), spec)
    sequence = 0
    for episode, (entries, actions) in enumerate(replay_peer.make_episodes(episodes, length)):
        for number in range(length + 1):
            last = number == length
            action = np.zeros(4) if last else actions[number]
            state = {name: array[number] for name, array in entries.items()}
            reward = replay_peer.reward(state['achieved_goal'], state['desired_goal'])
            observation = Observation(sequence, 'bench', episode, number, state)
            values = (action, action, action, 'policy', 0, float(reward), reward == 0, False, last)
            buffer.add(Step(sequence, observation, *values))
            sequence += 1
    reward_config = GoalRewardConfig('sparse', replay_peer.DISTANCE)
    return Sampler(buffer, relabel=Relabel(RelabelConfig(0.8, reward=reward_config), buffer))


def measure(sampler: Sampler, batch_size: int, seconds: float) -> tuple[float, float]:
    """Batches a second, and the mean reward in them."""
    rng, total, count = np.random.default_rng(0), 0.0, 0
    started = time.process_time()
    while (passed := time.process_time() - started) < seconds:
        batch = sampler.sample(batch_size, rng)
        arrays = [batch.action, batch.reward, batch.terminated]
        arrays += [*batch.observation.values(), *batch.next_observation.values()]
        tensors = [torch.from_numpy(array) for array in arrays]
        count += 1
        if count % CHECK_EVERY == 1:
            total += float(tensors[1].mean())
    return count / passed, total / -(-count // CHECK_EVERY)


def start_peer(python: str, options: argparse.Namespace) -> 'subprocess.Popen[str]':
    """The peer's process, which measures once for each line that it gets."""
    script = str(Path(replay_peer.__file__))
    sizes = [str(n) for n in (options.episodes, options.length, options.batch, options.seconds)]
    try:
        return subprocess.Popen(
            [python, script, *sizes], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
    except OSError as error:
        raise InputError(f'--peer {python}: {error.strerror}') from error


def ask(peer: 'subprocess.Popen[str]') -> tuple[float, float]:
    """One measurement of the peer: batches a second, and the mean reward in them."""
    with contextlib.suppress(BrokenPipeError):  # the reason is on the terminal
        print('go', file=peer.stdin, flush=True)
    line = peer.stdout.readline() if peer.stdout else ''
    if not line:
        raise InputError(
            f'--peer: expected a Python with stable-baselines3; it ended with {peer.wait()}'
        )
    rate, reward = json.loads(line)
    return rate, reward


def main(argv: list[str]) -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(prog='robot-rl bench replay', description=__doc__)
    parser.add_argument('--peer', default='', help='a Python that has stable-baselines3 2.9.2')
    parser.add_argument('--episodes', type=int, default=6000, help='stored')
    parser.add_argument('--length', type=int, default=50, help='steps an episode')
    parser.add_argument('--batch', type=int, default=256)
    parser.add_argument('--seconds', type=float, default=0.1, help='of each measurement')
    parser.add_argument('--rounds', type=int, default=50)
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    peer = start_peer(options.peer, options) if options.peer else None
    sampler = make_sampler(options.episodes, options.length)
    ours, theirs = [], []
    for _ in range(options.rounds):
        ours.append(measure(sampler, options.batch, options.seconds))
        text = f'robot_rl {ours[-1][0]:.0f} batches/s, mean reward {ours[-1][1]:.4f}'
        if peer:
            theirs.append(ask(peer))
            text += f'  peer {theirs[-1][0]:.0f} batches/s, {theirs[-1][1]:.4f}'
        print(text, flush=True)
    value = float(np.median([rate for rate, _ in ours]))
    result: dict[str, object] = {'name': 'replay', 'value': round(value, 1), 'unit': 'batches/s'}
    if peer and peer.stdin:
        peer.stdin.close()
        peer.wait()
        peer_value = float(np.median([rate for rate, _ in theirs]))
        result |= {'peer': 'stable-baselines3 HerReplayBuffer', 'peer_value': round(peer_value, 1)}
        result['ratio'] = round(value / peer_value, 2)
    print(json.dumps(result))
    return 0
