# SPDX-License-Identifier: Apache-2.0
"""The peer of `robot-rl bench replay`; runs under a Python that lacks this package.

For each line on standard input it samples for a while and prints batches a second and the mean
reward in them, as JSON.
"""

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

try:
    import gymnasium as gym
    import torch
    from stable_baselines3.common.vec_env import DummyVecEnv
    from stable_baselines3.her.her_replay_buffer import HerReplayBuffer
except ImportError:  # the bench itself imports this file for the episodes alone
    HerReplayBuffer = None

DISTANCE = 0.05
SEED = 7
CHECK_EVERY = 16  # batches


def make_episodes(episodes: int, length: int) -> Iterator[tuple[dict[str, Any], Any]]:
    """Random walks of the achieved goal: entries [T + 1, ...] and actions [T, 4], float32."""
    rng = np.random.default_rng(SEED)
    for _ in range(episodes):
        steps = rng.normal(0, 0.02, (length + 1, 3))
        entries = {
            'observation': rng.standard_normal((length + 1, 25)),
            'achieved_goal': steps.cumsum(0),
            'desired_goal': np.broadcast_to(rng.normal(0, 0.1, 3), (length + 1, 3)),
        }
        actions = rng.uniform(-1, 1, (length, 4)).astype(np.float32)
        yield {name: array.astype(np.float32) for name, array in entries.items()}, actions


def reward(achieved: Any, desired: Any) -> Any:
    """0 at the goal, -1 elsewhere, shape [...]."""
    return -(np.linalg.norm(achieved - desired, axis=-1) > DISTANCE).astype(np.float32)


def make_buffer(episodes: int, length: int) -> Any:
    """The peer's buffer, filled."""

    def box(size: int) -> Any:
        return gym.spaces.Box(-np.inf, np.inf, (size,), np.float32)

    class Goals(gym.Env):  # type: ignore[misc, type-arg]
        """Gives the buffer its reward; never stepped."""

        observation_space = gym.spaces.Dict(
            {'observation': box(25), 'achieved_goal': box(3), 'desired_goal': box(3)}
        )
        action_space = gym.spaces.Box(-1, 1, (4,), np.float32)

        def compute_reward(self, achieved: Any, desired: Any, _: Any) -> Any:
            return reward(achieved, desired)

    env = DummyVecEnv([Goals])
    spaces = (Goals.observation_space, Goals.action_space)
    buffer = HerReplayBuffer(
        episodes * length, *spaces, env, n_sampled_goal=4, goal_selection_strategy='future'
    )
    for entries, actions in make_episodes(episodes, length):
        rewards = reward(entries['achieved_goal'], entries['desired_goal'])
        for i in range(length):
            now, following = ({n: a[j : j + 1] for n, a in entries.items()} for j in (i, i + 1))
            done = np.array([i == length - 1])
            info = [{'TimeLimit.truncated': bool(done[0])}]
            buffer.add(now, following, actions[i : i + 1], rewards[i + 1 : i + 2], done, info)
    return buffer


def main(episodes: int, length: int, batch_size: int, seconds: float) -> None:
    """Answers every line with one measurement."""
    if HerReplayBuffer is None:
        sys.exit('this Python has no stable-baselines3')
    torch.set_num_threads(1)
    buffer = make_buffer(episodes, length)
    for _ in sys.stdin:
        total, count, started = 0.0, 0, time.process_time()
        while (passed := time.process_time() - started) < seconds:
            batch = buffer.sample(batch_size)
            count += 1
            if count % CHECK_EVERY == 1:
                total += float(batch.rewards.mean())
        print(json.dumps([count / passed, total / -(-count // CHECK_EVERY)]), flush=True)


if __name__ == '__main__':
    main(*map(int, sys.argv[1:4]), float(sys.argv[4]))
