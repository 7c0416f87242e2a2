# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from robot_rl.agents import losses
from robot_rl.models import gaussian
from robot_rl.models.mlp import MLP, EnsembleMLP, forward_numpy
from robot_rl.models.training import Adam, polyak


def test_td_target_bootstraps_unless_terminated():
    reward, value = torch.tensor([1.0, 1.0]), torch.tensor([10.0, 10.0])
    target = losses.td_target(reward, torch.tensor([0.0, 1.0]), value, torch.full((2,), 0.9))
    assert target.tolist() == [10.0, 1.0]


def test_soft_value_takes_the_smaller_critic_and_rewards_entropy():
    q = torch.tensor([[1.0, 5.0], [2.0, 4.0]])
    value = losses.soft_value(q, torch.tensor([0.5, -2.0]), torch.tensor(2.0))
    assert value.tolist() == [1.0 - 1.0, 4.0 + 4.0]


def test_critic_loss_sums_critics_and_averages_the_batch():
    q = torch.tensor([[1.0, 2.0], [3.0, 3.0]])
    assert losses.critic_loss(q, torch.tensor([1.0, 0.0])).item() == 0.5 * (2.0 + 6.5)


def test_actor_loss():
    q = torch.tensor([[1.0, 2.0], [0.0, 3.0]])
    loss = losses.soft_actor_loss(q, torch.tensor([1.0, -1.0]), torch.tensor(0.5))
    assert loss.item() == pytest.approx(((0.5 - 0.0) + (-0.5 - 2.0)) / 2)


@pytest.mark.parametrize(('log_prob', 'sign'), [(3.0, -1), (-3.0, 1)])
def test_temperature_rises_when_entropy_is_below_its_target(log_prob, sign):
    log_temperature = torch.tensor(0.3, requires_grad=True)
    loss = losses.temperature_loss(log_temperature, torch.full((4,), log_prob), -1.0)
    assert loss.item() == pytest.approx(-0.3 * (log_prob - 1.0))
    loss.backward()
    assert math.copysign(1, log_temperature.grad.item()) == sign


def test_squashed_density_against_numerical_integration():
    mean, log_std = torch.tensor([[0.4]]), torch.tensor([[-0.7]])
    noise = torch.linspace(-7, 7, 20001)[:, None]
    action, log_prob = gaussian.sample(
        mean.expand_as(noise), log_std.expand_as(noise), noise.double()
    )
    area = torch.trapezoid(log_prob.exp(), action[:, 0]).item()
    assert area == pytest.approx(1.0, abs=1e-4)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-6, 6))
def test_squashed_sample_is_finite_for_any_output(mean, raw, noise):
    split = gaussian.split(torch.tensor([[mean, raw]]))
    action, log_prob = gaussian.sample(*split, torch.tensor([[noise]]))
    assert -1 <= action.item() <= 1
    assert math.isfinite(log_prob.item())


@given(st.floats(0.01, 5))
def test_initial_standard_deviation(std):
    _, log_std = gaussian.split(torch.tensor([[0.0, gaussian.raw_of_std(std)]]))
    assert log_std.exp().item() == pytest.approx(std, rel=1e-4)


def test_ensemble_equals_its_members_alone():
    draw = torch.Generator().manual_seed(0)
    ensemble, x = EnsembleMLP((3, 8, 8), 2, False, draw), torch.randn(5, 3, generator=draw)
    q = ensemble(x)
    for member in range(2):
        alone = MLP((3, 8, 8, 1), draw)
        for own, theirs in zip(
            [*alone.weights, *alone.biases], [*ensemble.weights, *ensemble.biases], strict=True
        ):
            own.data.copy_(theirs.data[member].reshape(own.shape))
        torch.testing.assert_close(alone(x)[:, 0], q[member])


def test_layer_norm_bounds_the_critics():
    draw = torch.Generator().manual_seed(0)
    ensemble = EnsembleMLP((3, 32, 32), 2, True, draw)
    assert ensemble(torch.full((1, 3), 1e6)).abs().max() < 10


def test_numpy_forward_equals_torch():
    draw = torch.Generator().manual_seed(0)
    network, x = MLP((4, 16, 16, 6), draw), torch.randn(4, generator=draw)
    with torch.inference_mode():
        wanted = network(x[None])[0].numpy()
    np.testing.assert_allclose(forward_numpy(network.to_numpy(), x.numpy()), wanted, atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 5))
def test_adam_equals_torch(seed, steps):
    draw = torch.Generator().manual_seed(seed)
    ours, theirs = (torch.full((3, 2), 0.5, requires_grad=True) for _ in range(2))
    own, reference = Adam([ours], 0.01), torch.optim.Adam([theirs], 0.01)
    for _ in range(steps):
        target = torch.randn(3, 2, generator=draw)
        own.descend((ours - target).square().sum())
        reference.zero_grad()
        (theirs - target).square().sum().backward()
        reference.step()
    torch.testing.assert_close(ours, theirs)


def test_gradient_stops_at_the_optimizers_own_parameters():
    draw = torch.Generator().manual_seed(0)
    first, second = MLP((2, 2), draw), MLP((2, 1), draw)
    before = second.weights[0].clone()
    Adam(first.parameters(), 0.1).descend(second(first(torch.ones(1, 2))).sum())
    assert second.weights[0].grad is None
    assert torch.equal(second.weights[0], before)


def test_polyak_moves_by_its_share():
    draw = torch.Generator().manual_seed(0)
    target, source = MLP((2, 1), draw), MLP((2, 1), draw)
    wanted = 0.9 * target.weights[0] + 0.1 * source.weights[0]
    polyak(target, source, 0.1)
    torch.testing.assert_close(target.weights[0], wanted)
