# SPDX-License-Identifier: Apache-2.0
"""Contestants of a bench of updates: a process each, which take turns."""

import argparse
import contextlib
import json
import subprocess
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from robot_rl.errors import InputError
from robot_rl.replay.buffer import ReplayBuffer
from robot_rl.types import DataSpec, Observation, Step

CLOCKS = ('wall', 'cpu')
Draw = Callable[[np.random.Generator], NDArray[np.generic]]


def noise_replay(stored: int, spec: DataSpec, seed: int, draw: Draw) -> ReplayBuffer:
    """A replay filled with one long episode of noise; `draw` makes the one entry of `spec`."""
    replay, rng = ReplayBuffer(stored, spec), np.random.default_rng(seed)
    (name,) = spec.entries
    for i in range(stored):
        observation = Observation(i, 'bench', 0, i, {name: draw(rng)})
        action, reward = rng.uniform(-1, 1, spec.action_size), float(rng.standard_normal())
        ends = {'success': False, 'terminated': False, 'truncated': False}
        replay.add(Step(i, observation, action, action, action, 'policy', 0, reward, **ends))
    return replay


def race(
    commands: Mapping[str, list[str]],
    options: argparse.Namespace,
    warm: int,
    show: Callable[[dict[str, list[float]]], None],
) -> dict[str, list[float]]:
    """Updates a second by contestant, one number a round.

    Args:
        commands: that start the contestants; each serves as `learner_peer.serve` does.
        options: `peer`, `updates`, `rounds` and `clock` of the command line.
        warm: turns of each before the first round.
        show: is called after each round.

    Raises:
        InputError: the peer's Python is none, or lacks its libraries.
    """
    workers: dict[str, subprocess.Popen[str]] = {}
    rates: dict[str, list[float]] = {name: [] for name in commands}
    try:
        for name, command in commands.items():
            workers[name] = _start(command, options)
        for name, worker in workers.items():
            for _ in range(warm):
                _ask(name, worker, options)
        for _ in range(options.rounds):
            for name, worker in workers.items():
                rates[name].append(_ask(name, worker, options))
            show(rates)
    finally:
        for worker in workers.values():
            worker.kill()
            worker.wait()
    return rates


def _start(command: list[str], options: argparse.Namespace) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    except OSError as error:
        raise InputError(f'--peer {options.peer}: {error.strerror}') from error


def _ask(name: str, worker: subprocess.Popen[str], options: argparse.Namespace) -> float:
    with contextlib.suppress(BrokenPipeError):  # the reason is on the terminal
        print(options.updates, file=worker.stdin, flush=True)
    line = worker.stdout.readline() if worker.stdout else ''
    if not line:
        raise InputError(f'{name}: expected its libraries; it ended with {worker.wait()}')
    return float(options.updates / json.loads(line)[CLOCKS.index(options.clock)])
