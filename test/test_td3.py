# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest
from one_step import SPEC, make_batch

from robot_rl.agents.cloning import Cloning
from robot_rl.agents.td3 import TD3, TD3Config
from robot_rl.config import parse
from robot_rl.errors import InputError

SMALL = TD3Config(
    actor_entries=('touch',),
    critic_entries=('touch',),
    hidden=(16,),
    learning_rate=1e-2,
    tau=0.1,
    device='cpu',
)


def make(**more):
    return TD3(dataclasses.replace(SMALL, **more), SPEC, 0)


def moved(one, two, prefix):
    names = [name for name in one if name.startswith(prefix)]
    assert names
    return any(not np.array_equal(one[n], two[n]) for n in names)


@pytest.mark.parametrize(
    ('kind', 'wanted'),
    [
        ({'terminated': True}, 1.0),
        ({'terminated': False}, 1 / (1 - 0.8)),
        ({'terminated': False, 'steps': 3}, 1 / (1 - 0.8**3)),
    ],
)
def test_values_at_terminations_time_limits_and_over_several_steps(kind, wanted):
    agent, rng = make(gamma=0.8), np.random.default_rng(0)
    for _ in range(400):
        metrics = agent.update(make_batch(rng, reward=1.0, **kind))
    assert metrics['q'] == pytest.approx(wanted, rel=0.05)


def test_the_target_is_that_of_the_more_careful_critic():
    """Critics that answer constants: the loss of the first update follows by hand."""
    agent = make(gamma=0.5)
    state = agent.state_dict()
    for name in state:
        if name.startswith(('critic/', 'target_critic/')):
            state[name] = np.zeros_like(state[name])
    state['target_critic/biases.1'] = np.array([2.0, 3.0], np.float32).reshape(2, 1, 1)
    agent.load_state_dict(state)
    metrics = agent.update(make_batch(np.random.default_rng(0), reward=1.0))
    assert metrics['q'] == 0.0
    assert metrics['critic_loss'] == pytest.approx(2 * 0.5 * (1.0 + 0.5 * 2.0) ** 2)


def test_the_actor_moves_every_second_update_and_its_target_with_it():
    agent, rng = make(), np.random.default_rng(0)
    seen = []
    for _ in range(4):
        before = agent.state_dict()
        agent.update(make_batch(rng))
        now = agent.state_dict()
        seen.append(tuple(moved(before, now, p) for p in ('actor/', 'target_actor/', 'critic/')))
    assert seen == [(False, False, True), (True, True, True)] * 2


def test_a_residual_starts_near_zero_and_waits_for_the_critics():
    agent, rng = make(init_scale=0.01, critic_burn_in=5), np.random.default_rng(0)
    start = agent.policy_state()
    for _ in range(5):
        agent.update(make_batch(rng))
    assert not moved(start, agent.policy_state(), 'actor/')
    entries = [{'touch': rng.standard_normal(4, np.float32)} for _ in range(100)]
    assert max(abs(agent.act(e, False)).max() for e in entries) < 0.05
    noisy = np.array([agent.act(e, True) for e in entries])
    assert noisy.std() == pytest.approx(0.1, rel=0.2)
    agent.update(make_batch(rng))
    assert moved(start, agent.policy_state(), 'actor/')


def test_the_first_critic_alone_moves_the_actor():
    """A changed second critic changes no step of the actor within one update."""
    policies = []
    for change in (0.0, 1.0):
        agent = make(actor_every=1)
        state = agent.state_dict()
        weights = state['critic/weights.0'].copy()
        weights[1] += np.float32(change)
        agent.load_state_dict(state | {'critic/weights.0': weights})
        agent.update(make_batch(np.random.default_rng(0)))
        policies.append(agent.policy_state())
    assert not moved(*policies, 'actor/')


def test_smoothing_pulls_values_towards_those_of_neighbouring_actions():
    """Rewards peak at the action 0; smoothed targets of a policy that plays it are lower."""
    values = {}
    for smoothing in (0.0, 0.5):
        agent = make(smoothing=smoothing, gamma=0.9, init_scale=0.0, critic_burn_in=10**6)
        rng = np.random.default_rng(0)
        for _ in range(600):
            batch = make_batch(rng, size=128)
            reward = -np.square(batch.action).sum(1)
            metrics = agent.update(dataclasses.replace(batch, reward=reward))
        values[smoothing] = metrics['q']
    # Clipped at half: about 3 * 0.13 is lost each further step, 0.9 / (1 - 0.9) times.
    assert values[0.5] < values[0.0] - 1.0


def test_demonstrations_are_cloned():
    agent, rng = make(cloning=Cloning(weight=5.0, q_filter=False)), np.random.default_rng(0)
    for _ in range(400):
        batch = make_batch(rng, terminated=True)
        batch.demonstration[:] = True
        batch.action[:] = np.tanh(batch.observation['touch'][:, :3])
        metrics = agent.update(batch)
    entries = [{'touch': rng.standard_normal(4, np.float32)} for _ in range(100)]
    errors = [agent.act(e, False) - np.tanh(e['touch'][:3]) for e in entries]
    assert np.abs(errors).mean() < 0.15
    assert metrics['cloned_share'] == 1.0


def test_updates_are_not_measured_unless_asked():
    agent, rng = make(), np.random.default_rng(0)
    assert agent.update(make_batch(rng), measure=False) == {}
    wanted = {'critic_loss', 'q', 'policy_loss', 'preactivation'}
    assert set(agent.update(make_batch(rng))) == wanted


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('critics', 1),
        ('actor_every', 0),
        ('smoothing', -0.1),
        ('smoothing_limit', float('nan')),
        ('init_scale', 2.0),
        ('preactivation_penalty', -1.0),
        ('hidden', []),
        ('cloning', {'normalise_q': True}),
        ('policy_delay', 2),
    ],
)
def test_bad_hyperparameters_are_refused_by_name(key, value):
    inner = next(iter(value)) if isinstance(value, dict) else key
    with pytest.raises(InputError, match=f'file.yaml.*{inner}'):
        parse(TD3Config, {key: value}, 'file.yaml')
