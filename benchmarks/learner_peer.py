# SPDX-License-Identifier: Apache-2.0
"""The peers of `robot-rl bench learner`; runs under a Python that lacks this package.

For each number N on standard input it does N updates and prints the seconds that they took, and
the seconds of processor time, as JSON.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

OBSERVATION, ACTION = 31, 4
HIDDEN = [256, 256]
BATCH = 256
STORED = 20_000
SEED = 7


def keep_to(cores: int) -> None:
    """Binds the process to so many cores; to be called before a library counts them."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    os.environ['OMP_NUM_THREADS'] = str(cores)


def serve(update: Callable[[int], None]) -> None:
    """Answers each number of updates on standard input with the seconds that they took."""
    for line in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        update(int(line))
        seconds = time.perf_counter() - wall, time.process_time() - cpu
        print(json.dumps(seconds), flush=True)


def make_model(library: str, algorithm: str) -> Any:
    """A model with its replay filled; its networks are those of the bench."""
    # Of the peers' own environment.
    import gymnasium as gym  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    models: Any = importlib.import_module('stable_baselines3' if library == 'sb3' else library)
    logger: Any = importlib.import_module('stable_baselines3.common.logger')

    class Still(gym.Env[Any, Any]):
        """Gives the spaces; never stepped."""

        observation_space = gym.spaces.Box(-np.inf, np.inf, (OBSERVATION,), np.float32)
        action_space = gym.spaces.Box(-1, 1, (ACTION,), np.float32)

    networks = {'net_arch': HIDDEN}
    sizes = {'batch_size': BATCH, 'buffer_size': STORED, 'policy_kwargs': networks, 'seed': SEED}
    model = getattr(models, algorithm.upper())('MlpPolicy', Still(), device='cpu', **sizes)
    model.set_logger(logger.configure(None, []))
    rng = np.random.default_rng(SEED)
    for _ in range(STORED):
        now, after = rng.standard_normal((2, 1, OBSERVATION), np.float32)
        action = rng.uniform(-1, 1, (1, ACTION)).astype(np.float32)
        model.replay_buffer.add(now, after, action, rng.standard_normal(1), np.zeros(1), [{}])
    return model


def main(library: str, algorithm: str, threads: int) -> None:
    """Serves updates of one algorithm of `sb3` or `sbx`."""
    keep_to(threads)
    model = make_model(library, algorithm)
    if library == 'sb3':
        import torch  # noqa: PLC0415

        torch.set_num_threads(threads)
    # SBX compiles all updates of one call into one loop: its fastest way.
    serve(lambda count: model.train(gradient_steps=count, batch_size=BATCH))


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
