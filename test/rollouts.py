# SPDX-License-Identifier: Apache-2.0
"""Rollouts of agents in made-up problems, as the learner would hand them over."""

import dataclasses

import numpy as np
import reaching

from robot_rl.replay.batch import Batch
from robot_rl.replay.rollout import Rollout


def of(agent, batch, last, demonstrations=None):
    """The transitions of a batch that the agent has just made, with their likelihood.

    Args:
        agent: that acted.
        batch: in the order of time.
        last: where episodes end, shape [B].
        demonstrations: to imitate.
    """
    columns = {f.name: getattr(batch, f.name) for f in dataclasses.fields(Batch)}
    size = len(batch.reward)
    rollout = Rollout(
        **columns,
        last=last,
        version=np.full(size, agent.updates),
        log_prob=np.full(size, np.nan, np.float32),
        demonstrations=demonstrations,
    )
    log_prob = agent.log_prob(rollout, agent.policy_state())
    return dataclasses.replace(rollout, log_prob=log_prob)


def one_step(agent, batch, scale=1.0):
    """The agent's own actions in the states of one-step episodes; each is told its reward.

    What is imitated is the right action, for agents that do.
    """
    rows = range(len(batch.reward))
    each = [{name: array[i] for name, array in batch.observation.items()} for i in rows]
    action = np.array([agent.act(one, True) for one in each], np.float32).reshape(-1, 2)
    goal = batch.observation['goal'] / np.float32(scale)
    reward = -np.float32(scale) * np.square(action - goal).sum(1)
    own = dataclasses.replace(batch, action=action, reward=reward)
    right = dataclasses.replace(batch, action=np.clip(goal, -1, 1), demonstration=batch.terminated)
    if not len(action):
        last = np.ones(0, np.bool_)
        columns = {f.name: getattr(own, f.name) for f in dataclasses.fields(Batch)}
        empty = np.zeros(0, np.float32)
        return Rollout(**columns, last=last, version=np.zeros(0, np.int64), log_prob=empty)
    return of(agent, own, np.ones(len(action), np.bool_), right)


def learn_reaching(agent, updates, points=32, steps=32):
    """Acts with exploration and learns from nothing older, in turn."""
    problem, expert = reaching.Reaching(points, 1), reaching.demonstrations(30)
    demonstrations = expert.sample(400, np.random.default_rng(0))
    for _ in range(updates):
        rows = [_step(agent, problem) for _ in range(steps)]
        batch = Batch(
            _join([row[0] for row in rows]),
            *(np.stack([row[i] for row in rows], 1).reshape(points * steps, -1) for i in (1, 2)),
            _join([row[3] for row in rows]),
            np.stack([row[4] for row in rows], 1).ravel(),
            np.ones(points * steps, np.int64),
            np.zeros(points * steps, np.bool_),
        )
        batch = dataclasses.replace(batch, reward=batch.reward.ravel())
        last = np.stack([row[5] for row in rows], 1)
        last[:, -1] = True
        agent.update(of(agent, batch, last.ravel(), demonstrations), measure=False)


def _step(agent, problem):
    """One action of all points: entries, action, reward, next entries, terminated, ended."""
    before = problem.entries()
    action = reaching.act_all(agent, before, True)
    reward, after, terminated, truncated = problem.step(action)
    return before, action.astype(np.float32), reward, after, terminated, terminated | truncated


def _join(steps):
    """Entries [P * T, ...] of each point's steps in turn, from T times [P, ...]."""
    stacked = {name: np.stack([step[name] for step in steps], 1) for name in steps[0]}
    return {name: array.reshape(-1, *array.shape[2:]) for name, array in stacked.items()}
