# SPDX-License-Identifier: Apache-2.0
"""A one-step goal problem in pictures, and small agents that may solve it."""

import dataclasses

import numpy as np
import rollouts

from robot_rl.agents import AGENTS
from robot_rl.agents.awac import AWAC
from robot_rl.agents.iql import IQL
from robot_rl.agents.ppo import PPO
from robot_rl.models.encoder import EncoderConfig
from robot_rl.replay.batch import Batch
from robot_rl.types import DataSpec, EntrySpec

SIZE = 16
SPEC = DataSpec(
    {
        'achieved_goal': EntrySpec((2,), 'float64'),
        'touch': EntrySpec((1,)),
        'position': EntrySpec((2,)),
        'image': EntrySpec((SIZE, SIZE, 1), 'uint8'),
        'goal_image': EntrySpec((SIZE, SIZE, 1), 'uint8'),
    },
    2,
)
TINY = EncoderConfig('small', filters=4, features=16)
SEES = ('image', 'goal_image')
KNOWS = ('position', 'achieved_goal')
FIXED = {'hidden': (32, 32), 'learning_rate': 3e-3, 'device': 'cpu', 'encoder': TINY}
ON = {'epochs': 8, 'value_hidden': (32, 32), 'minibatch': 32, 'max_divergence': 1.0}
CASES = {
    'awac': {'temperature': 0.2},
    'iql': {'tau': 0.05, 'inverse_temperature': 5.0},
    'naf': {},
    'naf-linear': {'form': 'linear', 'learning_rate': 1e-2},
    'ppo': ON | {'learning_rate': 5e-3},
    'ppo-recurrent': ON | {'cells': 16, 'learning_rate': 1e-2, 'mean_init_scale': 1.0},
    'ddpg': {'target_every': 1},
    'ddpg-bottleneck': {'target_every': 1, 'bottleneck_entries': KNOWS},
    'td3': {'tau': 0.02},
    'sac': {},
    'bc': {'labels': 'all'},
    'bc-gaussian': {'labels': 'all', 'policy': 'gaussian'},
}


def config(name, **more):
    kind = AGENTS[name.partition('-')[0]]
    own = FIXED | CASES[name]
    fields = {field.name for field in dataclasses.fields(kind.Config)}
    read = {'actor_entries': (*SEES, 'touch'), 'entries': (*SEES, 'touch')}
    read |= {'critic_entries': KNOWS, 'value_entries': KNOWS}
    own |= {key: names for key, names in read.items() if key in fields}
    return kind, kind.Config(**(own | more))


def on_policy(name):
    return name.startswith('ppo')


def make(name, seed=0, **more):
    kind, chosen = config(name, **more)
    return kind(chosen, SPEC, seed)


def draw(points):
    """Pictures [B, 16, 16, 1] of a bright spot at points [B, 2] in [-1, 1]."""
    rows, columns = np.mgrid[:SIZE, :SIZE] / (SIZE - 1) * 2 - 1
    away = np.hypot(columns - points[:, :1, None], rows - points[:, 1:, None])
    return np.rint(255 * np.exp(-((away / 0.3) ** 2)))[..., None].astype(np.uint8)


def make_batch(rng, size=64):
    """One-step episodes that pay for the action that leads from the one spot to the other."""
    start, goal = rng.uniform(-0.45, 0.45, (2, size, 2))
    action = rng.uniform(-1, 1, (size, 2)).astype(np.float32)
    entries = {
        'image': draw(start),
        'goal_image': draw(goal),
        'position': start.astype(np.float32),
        'achieved_goal': goal,
        'touch': rng.standard_normal((size, 1)).astype(np.float32),
    }
    ones = np.ones(size, np.bool_)
    batch = Batch(entries, action, action[:, 0], entries, ones, ones.astype(np.int64), ~ones)
    return done(batch, action)


def way(batch):
    """The actions that pay, shape [B, 2]."""
    return batch.observation['achieved_goal'] - batch.observation['position']


def done(batch, action):
    """The batch with these actions, and what they are paid."""
    reward = -np.square(action - way(batch)).sum(1).astype(np.float32)
    return dataclasses.replace(batch, action=action.astype(np.float32), reward=reward)


def data_for(agent, rng, size=64):
    """What the agent learns from: for most any actions.

    For a student it is the wanted actions, for on-policy agents their own, and for those that
    learn from others' data as many wanted as opposite ones.
    """
    batch = make_batch(rng, size)
    if isinstance(agent, AWAC | IQL):
        return done(batch, way(batch) * rng.choice([-1, 1], (size, 1)))
    if isinstance(agent, PPO):
        acted = np.stack([play(agent, batch, i, rng) for i in range(size)])
        return rollouts.of(agent, done(batch, acted), batch.terminated)
    return done(batch, way(batch)) if hasattr(agent, 'config') else batch


def play(agent, batch, row, rng=None):
    """An action at the beginning of an episode, with noise from `rng`."""
    agent.reseed(0 if rng is None else int(rng.integers(1 << 30)))
    return agent.act(single(batch, row), rng is not None)


def single(batch, row=0):
    return {name: array[row] for name, array in batch.observation.items()}
