# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from robot_rl.models import deterministic
from robot_rl.models.deterministic import DeterministicActor, Exploration


def make(bottleneck=0, init_scale=1.0, hidden=(16, 16)):
    draw = torch.Generator().manual_seed(0)
    return DeterministicActor((5, *hidden), 2, init_scale, draw, bottleneck)


@pytest.mark.parametrize(('bottleneck', 'hidden'), [(0, (16, 16)), (3, (16, 16)), (3, (16,))])
def test_numpy_equals_torch(bottleneck, hidden):
    actor = make(bottleneck, hidden=hidden)
    x = np.random.default_rng(0).standard_normal(5).astype(np.float32)
    with torch.inference_mode():
        wanted = actor.act(torch.from_numpy(x)[None])[0].numpy()
    np.testing.assert_allclose(deterministic.act(actor.to_numpy(), x), wanted, atol=1e-6)


def test_the_action_depends_on_the_bottleneck_alone():
    actor = make(bottleneck=1)
    first = actor.parts[0]
    with torch.no_grad():
        first.weights[-1].zero_()
    with torch.inference_mode():
        preactivation, bottleneck = actor(torch.randn(4, 5))
    assert bottleneck.shape == (4, 1)
    assert (preactivation == preactivation[0]).all()


def test_scaled_last_layer_starts_near_zero():
    action = make(init_scale=0.01).act(torch.randn(100, 5))
    assert action.abs().max() < 0.02


def test_share_of_random_actions():
    rng, exploration = np.random.default_rng(0), Exploration(0.2, 'gaussian', 0.0)
    action = np.array([0.3, -0.3])
    taken = np.array([exploration.apply(action, rng) for _ in range(4000)])
    random = (taken != action).any(1)
    assert random.mean() == pytest.approx(0.2, abs=0.03)
    assert taken[random].std(0) == pytest.approx(np.full(2, 1 / np.sqrt(3)), abs=0.03)


@pytest.mark.parametrize(('noise', 'wanted'), [('gaussian', 0.1), ('uniform', 0.1 / np.sqrt(3))])
def test_scale_of_the_noise(noise, wanted):
    rng, exploration = np.random.default_rng(0), Exploration(0.0, noise, 0.1)
    taken = np.array([exploration.apply(np.zeros(2), rng) for _ in range(4000)])
    assert taken.std(0) == pytest.approx(np.full(2, wanted), rel=0.05)
    assert noise == 'gaussian' or abs(taken).max() <= 0.1


@given(st.floats(-1, 1), st.floats(0, 2), st.floats(0, 1), st.integers(0, 99))
def test_explored_actions_stay_in_range(action, scale, share, seed):
    exploration = Exploration(share, 'gaussian', scale)
    taken = exploration.apply(np.full(3, action), np.random.default_rng(seed))
    assert taken.shape == (3,)
    assert abs(taken).max() <= 1
