# SPDX-License-Identifier: Apache-2.0
"""Updates with written-out derivatives take the steps that autograd takes."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from robot_rl.agents import AGENTS, losses
from robot_rl.agents.cloning import Cloning
from robot_rl.agents.fast import minimum_slope
from robot_rl.errors import InputError
from robot_rl.models import gaussian
from robot_rl.models.dense import Dense
from robot_rl.models.gaussian import Sampled
from robot_rl.models.mlp import MLP, EnsembleMLP
from robot_rl.replay.batch import Batch
from robot_rl.types import DataSpec, EntrySpec

SPEC = DataSpec({'seen': EntrySpec((5,)), 'hidden': EntrySpec((2, 2))}, 3)
SMALL = {'hidden': (16, 24), 'device': 'cpu'}
UPDATES = 12

CASES = [
    ('sac', {}),
    ('sac', {'layer_norm': False}),
    ('sac', {'actor_entries': ('seen',), 'critic_burn_in': 4, 'min_temperature': 0.0995}),
    ('sac', {'critics': 5, 'target_critics': 2, 'actor_critics': 'mean', 'actor_every': 3}),
    ('td3', {}),
    ('td3', {'layer_norm': True, 'critics': 3, 'normalize': True, 'critic_burn_in': 3}),
    ('td3', {'cloning': Cloning(normalize_q=True), 'actor_entries': ('seen',)}),
    ('td3', {'cloning': Cloning(weight=0.5), 'preactivation_penalty': 0.1}),
    ('ddpg', {'target_every': 5}),
    ('ddpg', {'critics': 2, 'normalize': False, 'reward_bounds': (-1.0, 0.0)}),
    ('ddpg', {'cloning': Cloning(weight=0.5)}),
    ('ddpg', {'cloning': Cloning(0.3, 2.0, q_filter=False, normalize_q=True)}),
    ('td3', {'cloning': Cloning(0.0, 1.0), 'actor_entries': ('seen',)}),
]


def make_batch(seed, size=48):
    rng = np.random.default_rng(seed)
    now, after = (
        {n: rng.standard_normal((size, *e.shape), np.float32) for n, e in SPEC.entries.items()}
        for _ in range(2)
    )
    return Batch(
        observation=now,
        action=rng.uniform(-1, 1, (size, 3)).astype(np.float32),
        reward=rng.standard_normal(size, np.float32),
        next_observation=after,
        terminated=rng.random(size) < 0.2,
        steps=rng.integers(1, 4, size),
        demonstration=rng.random(size) < 0.3,
    )


#: Each takes several seconds of a C++ compiler.
COMPILED = [
    ('sac', {'critics': 3, 'target_critics': 2}),
    ('td3', {'cloning': Cloning(weight=0.5), 'preactivation_penalty': 0.1}),
    ('ddpg', {'critics': 2, 'reward_bounds': (-1.0, 0.0)}),
]


def make(name, more, fast, compiled=False):
    config = AGENTS[name].Config(**SMALL, **more)
    return AGENTS[name](dataclasses.replace(config, fast=fast, compiled=compiled), SPEC, 0)


@pytest.mark.parametrize(
    ('name', 'more', 'compiled'),
    [(*case, False) for case in CASES] + [(*case, True) for case in COMPILED],
)
def test_fast_updates_equal_autograd(name, more, compiled):
    plain, fast = make(name, more, fast=False), make(name, more, fast=True, compiled=compiled)
    start = plain.state_dict()
    for seed in range(UPDATES):
        wanted, got = plain.update(make_batch(seed)), fast.update(make_batch(seed))
        assert got == pytest.approx(wanted, rel=1e-3, abs=1e-4)
    wanted, got = plain.state_dict(), fast.state_dict()
    assert wanted.keys() == got.keys()
    for key, array in wanted.items():
        if array.dtype == np.float32:
            np.testing.assert_allclose(got[key], array, rtol=1e-3, atol=2e-5, err_msg=key)
        else:
            np.testing.assert_array_equal(got[key], array, err_msg=key)
    moved = [key for key in wanted if not np.array_equal(start[key], wanted[key])]
    assert any(key.startswith('actor/') for key in moved)
    assert any(key.startswith('critic/') for key in moved)


@pytest.mark.parametrize('name', ['sac', 'td3', 'ddpg'])
def test_a_learner_may_change_the_way_of_its_updates(name):
    """A checkpoint of either path goes on in the other."""
    one, other = make(name, {}, fast=True), make(name, {}, fast=False)
    one.update(make_batch(0))
    other.load_state_dict(one.state_dict())
    assert one.update(make_batch(1)) == pytest.approx(other.update(make_batch(1)), rel=1e-4)


def test_compiling_without_a_compiler_is_refused(monkeypatch):
    monkeypatch.setenv('CXX', 'no-such-compiler')
    with pytest.raises(InputError, match=r'compiled: expected .* found no no-such'):
        make('ddpg', {}, fast=True, compiled=True)


@pytest.mark.parametrize(
    ('name', 'more', 'found'),
    [('sac', {'fast': False}, 'fast: false'), ('ddpg', {'l2': 0.1}, 'l2')],
)
def test_what_is_left_to_autograd_is_not_compiled(name, more, found):
    with pytest.raises(ValueError, match=f'compiled: expected .* without autograd, got {found}'):
        AGENTS[name].Config(compiled=True, **more)


def test_fast_updates_are_not_measured_unless_asked():
    for name in ('sac', 'td3', 'ddpg'):
        assert make(name, {}, fast=True).update(make_batch(0), measure=False) == {}


@pytest.mark.parametrize('layer_norm', [False, True])
@pytest.mark.parametrize('members', [1, 3])
def test_dense_gradients_equal_autograd(members, layer_norm):
    draw = torch.Generator().manual_seed(0)
    network = EnsembleMLP((6, 16, 8), members, layer_norm, draw)
    x = torch.randn(20, 6, generator=draw, requires_grad=True)
    d = torch.randn(members, 20, generator=draw)
    q = network(x)
    wanted = torch.autograd.grad((q * d).sum(), [x, *network.parameters()])
    with torch.no_grad():
        dense = Dense(network)
        trace = dense.forward(x)
        torch.testing.assert_close(trace.out[:, 0], q)
        actions = dense.action_gradient(trace, d[:, None], 2)
        torch.testing.assert_close(actions, wanted[0][:, -2:].t())
        for got, gradient in zip(dense.gradients(trace, d[:, None]), wanted[1:], strict=True):
            torch.testing.assert_close(got, gradient)


def test_dense_gradients_of_some_rows_of_a_policy():
    draw = torch.Generator().manual_seed(0)
    network, x = MLP((4, 16, 16, 5), draw), torch.randn(12, 4, generator=draw)
    d = torch.randn(5, 7, generator=draw)
    wanted = torch.autograd.grad((network(x[5:]).t() * d).sum(), list(network.parameters()))
    with torch.no_grad():
        trace = Dense(network).forward(x).since(5)
        torch.testing.assert_close(trace.out[0].t(), network(x[5:]))
        for got, gradient in zip(Dense(network).gradients(trace, d[None]), wanted, strict=True):
            torch.testing.assert_close(got, gradient)


def test_dense_of_some_members():
    draw = torch.Generator().manual_seed(0)
    network, x = EnsembleMLP((4, 8), 4, True, draw), torch.randn(6, 4, generator=draw)
    with torch.no_grad():
        q = network(x)
        chosen = torch.tensor([3, 1])
        torch.testing.assert_close(Dense(network).forward(x, chosen).out[:, 0], q[chosen])
        torch.testing.assert_close(Dense(network, slice(0, 1)).forward(x).out[:, 0], q[:1])


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(0.1, 20))
def test_sampled_action_equals_autograd(seed, scale):
    draw = torch.Generator().manual_seed(seed)
    output, noise = (torch.randn(n, 9, generator=draw, dtype=torch.float64) for n in (6, 3))
    output = (output * scale).requires_grad_()
    d_action = torch.randn(3, 9, generator=draw, dtype=torch.float64)
    d_log_prob = torch.randn(9, generator=draw, dtype=torch.float64)
    action, log_prob = gaussian.sample(*gaussian.split(output.t()), noise.t())
    loss = (action.t() * d_action).sum() + (log_prob * d_log_prob).sum()
    (wanted,) = torch.autograd.grad(loss, output)
    sampled = Sampled.of(output.detach(), noise)
    torch.testing.assert_close(sampled.action, action.detach().t())
    torch.testing.assert_close(sampled.log_prob, log_prob.detach())
    got = sampled.backward(d_action, d_log_prob)
    torch.testing.assert_close(got, wanted, atol=1e-6, rtol=1e-6)


def test_slope_of_the_minimum_equals_autograd():
    q = torch.randn(3, 1, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    log_prob, temperature = torch.zeros(8), torch.tensor(0.1)
    (wanted,) = torch.autograd.grad(losses.soft_actor_loss(q[:, 0], log_prob, temperature), q)
    torch.testing.assert_close(minimum_slope(q.detach(), -1 / 8), wanted)
