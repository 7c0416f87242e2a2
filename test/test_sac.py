# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest
from one_step import SPEC, make_batch

from robot_rl.agents.sac import SAC, SACConfig
from robot_rl.config import parse
from robot_rl.errors import InputError

SMALL = SACConfig(actor_entries=('touch',), critic_entries=('touch',), hidden=(16,), device='cpu')


def make(spec=SPEC, **more):
    return SAC(dataclasses.replace(SMALL, **more), spec, 0)


def test_residual_starts_near_zero_with_the_configured_noise():
    agent, rng = make(initial_std=0.3, hidden=(64, 64)), np.random.default_rng(0)
    entries = [{'touch': rng.standard_normal(4, np.float32)} for _ in range(300)]
    means = np.array([agent.act(e, explore=False) for e in entries])
    samples = np.array([agent.act(e, explore=True) for e in entries])
    assert abs(means).max() < 0.02
    assert np.std(np.arctanh(samples)) == pytest.approx(0.3, rel=0.1)


def test_actor_and_temperature_wait_for_the_critics():
    agent, rng = make(critic_burn_in=3), np.random.default_rng(0)
    policy, start = agent.policy_state(), agent.state_dict()
    for _ in range(3):
        agent.update(make_batch(rng))
    now = agent.state_dict()
    assert all(np.array_equal(policy[k], v) for k, v in agent.policy_state().items())
    assert now['log_temperature/value'] == start['log_temperature/value']
    assert not np.array_equal(now['critic/weights.0'], start['critic/weights.0'])
    agent.update(make_batch(rng))
    assert any(not np.array_equal(policy[k], v) for k, v in agent.policy_state().items())


def test_critics_bootstrap_at_time_limits_but_not_after_termination():
    """With reward 1 and no entropy term, Q tends to 1 / (1 - gamma), or to 1."""
    values = {}
    for terminated in (True, False):
        agent = make(gamma=0.8, tau=0.1, learning_rate=1e-2, initial_temperature=1e-6)
        rng = np.random.default_rng(0)
        for _ in range(400):
            metrics = agent.update(make_batch(rng, reward=1.0, terminated=terminated))
        values[terminated] = metrics['q']
    assert values[True] == pytest.approx(1.0, abs=0.05)
    assert values[False] == pytest.approx(5.0, abs=0.25)


def test_temperature_stops_at_its_floor():
    agent = make(target_entropy=-1e3, min_temperature=0.05, learning_rate=0.1)
    rng = np.random.default_rng(0)
    for _ in range(40):
        metrics = agent.update(make_batch(rng))
    assert metrics['temperature'] == pytest.approx(0.05)


def test_entropy_is_held_at_its_target():
    agent, rng = make(target_entropy=-1.0, learning_rate=1e-2), np.random.default_rng(0)
    for _ in range(800):
        batch = make_batch(rng, size=128, terminated=True)
        reward = -np.square(batch.action).sum(1)
        metrics = agent.update(dataclasses.replace(batch, reward=reward))
    assert metrics['entropy'] == pytest.approx(-1.0, abs=0.3)


def test_asymmetric_critic_learns_from_what_the_actor_does_not_see():
    agent, rng = make(critic_entries=('touch', 'secret')), np.random.default_rng(0)
    assert agent.entries == ('touch', 'secret')
    agent.update(make_batch(rng))
    assert agent.act({'touch': np.zeros(4, np.float32)}, False).shape == (3,)
    assert agent.state_dict()['critic/weights.0'].shape == (2, 4 + 2 + 3, 16)


def test_updates_are_not_measured_unless_asked():
    agent, rng = make(), np.random.default_rng(0)
    assert agent.update(make_batch(rng), measure=False) == {}
    wanted = {'critic_loss', 'q', 'temperature', 'actor_loss', 'entropy'}
    assert set(agent.update(make_batch(rng))) == wanted


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'actor_entries': ('tuch',)}, "actor_entries: no entry 'tuch'; the task has"),
        ({'critic_entries': ('rgb',)}, "critic_entries: entry 'rgb' is an image"),
        ({'actor_entries': ()}, "actor_entries: entry 'rgb' is an image"),
    ],
)
def test_entries_that_do_not_fit_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        make(**change)


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('gamma', 1.0),
        ('gamma', float('nan')),
        ('learning_rate', 0.0),
        ('learning_rate', -1e-3),
        ('tau', 1.5),
        ('critics', 0),
        ('hidden', []),
        ('hidden', [0]),
        ('min_temperature', -1.0),
        ('initial_std', 0.0),
        ('critic_burn_in', -1),
        ('device', 'tpu'),
        ('gama', 0.9),
    ],
)
def test_bad_hyperparameters_are_refused_by_name(key, value):
    with pytest.raises(InputError, match=f'file.yaml.*{key}'):
        parse(SACConfig, {key: value}, 'file.yaml')
