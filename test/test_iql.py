# SPDX-License-Identifier: Apache-2.0
"""What IQL and AWAC share: offline, then online, with the same update."""

import dataclasses

import numpy as np
import pytest
import reaching
import torch

from robot_rl.agents.awac import AWAC, AWACConfig
from robot_rl.agents.iql import IQL, IQLConfig
from robot_rl.config import parse
from robot_rl.errors import InputError
from robot_rl.models import tanh_mean
from robot_rl.replay.batch import Batch
from robot_rl.types import DataSpec, EntrySpec

SPEC = DataSpec({'touch': EntrySpec((1,)), 'secret': EntrySpec((2,))}, 1)
SMALL = {'actor_entries': ('touch',), 'critic_entries': ('touch',), 'hidden': (32,)}
BOTH = pytest.mark.parametrize(('agent', 'config'), [(IQL, IQLConfig), (AWAC, AWACConfig)])


def make_batch(rng, action, reward, terminated=True, size=64):
    entries = {
        'touch': rng.standard_normal((size, 1), np.float32),
        'secret': rng.standard_normal((size, 2), np.float32),
    }
    return Batch(
        observation=entries,
        action=np.broadcast_to(action, (size, 1)).astype(np.float32),
        reward=np.broadcast_to(reward, size).astype(np.float32),
        next_observation=entries,
        terminated=np.full(size, terminated),
        steps=np.ones(size, np.int64),
        demonstration=np.zeros(size, np.bool_),
    )


def two_actions(rng, size=64):
    """One action in ten is +0.7 with reward 1, the others are -0.7 with reward 0."""
    good = rng.random(size) < 0.1
    return make_batch(rng, np.where(good, 0.7, -0.7)[:, None], good, size=size)


def fit(agent, draw, updates=300):
    rng = np.random.default_rng(0)
    for _ in range(updates - 1):
        agent.update(draw(rng), measure=False)
    return agent.update(draw(rng))


@BOTH
def test_clones_the_good_actions_and_not_the_many(agent, config):
    sharp = {'temperature': 0.05} if agent is AWAC else {'inverse_temperature': 20.0}
    blunt = {'temperature': 1e6} if agent is AWAC else {'inverse_temperature': 0.0}
    entries = {'touch': np.zeros(1, np.float32)}
    acts = []
    for change in (sharp, blunt):
        own = config(**SMALL, learning_rate=1e-2, tau=0.1, device='cpu', **change)
        learner = agent(own, SPEC, 0)
        fit(learner, two_actions)
        acts.append(learner.act(entries, False)[0])
    assert acts[0] == pytest.approx(0.7, abs=0.15)
    assert acts[1] == pytest.approx(0.1 * 0.7 - 0.9 * 0.7, abs=0.15)


@pytest.mark.parametrize('expectile', [0.5, 0.9])
def test_value_of_iql_is_the_expectile_over_the_datas_actions(expectile):
    """With p the share of reward 1, tau (1 - v) p = (1 - tau) v (1 - p)."""
    config = IQLConfig(**SMALL, expectile=expectile, learning_rate=1e-2, tau=0.1, device='cpu')
    agent = IQL(config, SPEC, 0)
    fit(agent, two_actions)
    state = torch.zeros(1, 1)
    with torch.no_grad():
        value = agent._value(state)[0].item()
    wanted = expectile * 0.1 / (expectile * 0.1 + (1 - expectile) * 0.9)
    assert value == pytest.approx(wanted, abs=0.08)


@BOTH
def test_critics_bootstrap_at_time_limits_but_not_after_termination(agent, config):
    values = []
    for terminated in (True, False):
        own = config(**SMALL, gamma=0.8, learning_rate=1e-2, tau=0.1, device='cpu')
        metrics = fit(
            agent(own, SPEC, 0), lambda rng, t=terminated: make_batch(rng, 0.3, 1.0, t), 300
        )
        values.append(metrics['q'])
    assert values[0] == pytest.approx(1.0, abs=0.05)
    assert values[1] == pytest.approx(5.0, abs=0.4)


@BOTH
def test_value_after_several_steps_is_discounted_as_often(agent, config):
    own = config(**SMALL, gamma=0.5, learning_rate=1e-2, tau=0.1, device='cpu')

    def draw(rng):
        steps = np.full(64, 3, np.int64)
        return dataclasses.replace(make_batch(rng, 0.3, 1.0, terminated=False), steps=steps)

    assert fit(agent(own, SPEC, 0), draw)['q'] == pytest.approx(1 / (1 - 0.125), abs=0.05)


@BOTH
@pytest.mark.learning
def test_goes_from_mixed_data_to_online_without_a_dip(agent, config):
    """A third of the data is the expert's, the rest random; then it acts on its own."""
    learner = agent(
        config(hidden=(32, 32), learning_rate=3e-3, tau=0.05, device='cpu'), reaching.SPEC, 0
    )
    memory, problem = reaching.Memory(), reaching.Reaching(16, 0)
    rng = np.random.default_rng(0)
    for i in range(300):
        random = rng.uniform(-1, 1, (16, 2))
        memory.collect(problem, reaching.expert if i % 3 == 0 else lambda _, r=random: r)
    reaching.learn_offline(learner, memory, 400)
    offline = reaching.success_rate(learner)
    rates = []
    for _ in range(3):
        for _ in range(50):
            memory.collect(problem, lambda e: reaching.act_all(learner, e, True))
            learner.update(memory.sample(128, rng), measure=False)
        rates.append(reaching.success_rate(learner))
    assert offline > 0.85
    assert min(rates) > offline - 0.1
    assert rates[-1] > 0.9


@BOTH
def test_asymmetric_critics_read_what_the_actor_does_not(agent, config):
    own = config(**SMALL | {'critic_entries': ('touch', 'secret')}, device='cpu')
    learner = agent(own, SPEC, 0)
    assert learner.entries == ('touch', 'secret')
    fit(learner, two_actions, 1)
    assert learner.act({'touch': np.zeros(1, np.float32)}, True).shape == (1,)


@BOTH
def test_exploration_has_the_policys_width_and_stays_in_range(agent, config):
    learner = agent(config(**SMALL, initial_std=0.2, device='cpu'), SPEC, 0)
    entries = {'touch': np.zeros(1, np.float32)}
    mean = learner.act(entries, False)[0]
    samples = np.array([learner.act(entries, True)[0] for _ in range(2000)])
    assert abs(samples).max() <= 1
    assert samples.mean() == pytest.approx(mean, abs=0.03)
    assert samples.std() == pytest.approx(0.2, abs=0.02)


def test_density_equals_torchs_and_is_finite_on_the_bounds():
    draw = torch.Generator().manual_seed(0)
    actor = tanh_mean.TanhMeanActor((2, 8), 3, (0.1, 0.4), draw)
    x, action = torch.randn(5, 2, generator=draw), torch.ones(5, 3)
    mean = torch.tanh(actor(x))
    wanted = torch.distributions.Normal(mean, 0.4).log_prob(action).sum(1)
    torch.testing.assert_close(actor.log_prob(x, action), wanted)


def test_width_never_falls_below_its_floor():
    actor = tanh_mean.TanhMeanActor((2, 8), 2, (0.1, 0.4), torch.Generator().manual_seed(0))
    actor.raw_std.data.fill_(-1e3)
    torch.testing.assert_close(actor.std(), torch.full((2,), 0.1))


@BOTH
@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('gamma', 1.0),
        ('learning_rate', float('nan')),
        ('weight_limit', 0.5),
        ('min_std', 0.0),
        ('initial_std', 0.05),
        ('critics', 0),
        ('hidden', []),
        ('expectile', 1.0),
        ('inverse_temperature', -1.0),
        ('temperature', 0.0),
    ],
)
def test_bad_hyperparameters_are_refused_by_name(agent, config, key, value):
    with pytest.raises(InputError, match=f'file.yaml.*{key}'):
        parse(config, {key: value}, 'file.yaml')
