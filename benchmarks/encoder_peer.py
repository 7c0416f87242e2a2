# SPDX-License-Identifier: Apache-2.0
"""The peer of `robot-rl bench encoder`; runs under a Python that lacks this package.

Serves updates as `learner_peer` does, of Stable-Baselines3's SAC with its `CnnPolicy`.
"""

import importlib
import sys
from typing import Any

SHAPE = (84, 84, 3)
ACTION = 4
HIDDEN = [256, 256]
FEATURES = 512
BATCH = 128
STORED = 2_000
SEED = 7


def make_model(shared: bool) -> Any:
    """A model with its replay filled with noise; actor and critics may share their encoder."""
    # Of the peer's own environment.
    import gymnasium as gym  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    sb3: Any = importlib.import_module('stable_baselines3')
    logger: Any = importlib.import_module('stable_baselines3.common.logger')

    class Still(gym.Env[Any, Any]):
        """Gives the spaces; never stepped."""

        observation_space = gym.spaces.Box(0, 255, SHAPE, np.uint8)
        action_space = gym.spaces.Box(-1, 1, (ACTION,), np.float32)

    networks = {'net_arch': HIDDEN, 'share_features_extractor': shared}
    networks['features_extractor_kwargs'] = {'features_dim': FEATURES}
    sizes = {'batch_size': BATCH, 'buffer_size': STORED, 'policy_kwargs': networks, 'seed': SEED}
    model = sb3.SAC('CnnPolicy', Still(), device='cpu', **sizes)
    model.set_logger(logger.configure(None, []))
    rng, stored = np.random.default_rng(SEED), (1, SHAPE[2], *SHAPE[:2])
    for _ in range(STORED):
        now, after = rng.integers(0, 256, (2, *stored), np.uint8)
        action = rng.uniform(-1, 1, (1, ACTION)).astype(np.float32)
        model.replay_buffer.add(now, after, action, rng.standard_normal(1), np.zeros(1), [{}])
    return model


def main(name: str, threads: int) -> None:
    """Serves updates of `sb3` or `sb3_shared`."""
    learner_peer: Any = importlib.import_module('learner_peer')
    learner_peer.keep_to(threads)
    import torch  # noqa: PLC0415

    torch.set_num_threads(threads)
    model = make_model(name == 'sb3_shared')
    learner_peer.serve(lambda count: model.train(gradient_steps=count, batch_size=BATCH))


if __name__ == '__main__':
    main(sys.argv[1], int(sys.argv[2]))
