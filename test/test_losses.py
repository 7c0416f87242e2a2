# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from robot_rl.agents import losses
from robot_rl.agents.cloning import Cloning
from robot_rl.models import gaussian
from robot_rl.models.mlp import MLP, EnsembleMLP, forward_numpy
from robot_rl.models.training import Adam, choose_members, polyak, with_copy
from robot_rl.replay.batch import Batch


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


@settings(max_examples=10)
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


def test_expectile_loss_by_hand():
    error = torch.tensor([2.0, -1.0, 0.0, -3.0])
    wanted = (0.9 * 4 + 0.1 * 1 + 0 + 0.1 * 9) / 4
    assert losses.expectile_loss(error, 0.9).item() == pytest.approx(wanted)
    assert losses.expectile_loss(error, 0.5).item() == pytest.approx(0.5 * (4 + 1 + 9) / 4)


@settings(max_examples=20)
@given(st.lists(st.floats(-5, 5), min_size=2, max_size=6), st.floats(0.5, 0.95))
def test_expectile_is_where_its_loss_is_least(samples, tau):
    """At the minimum tau sum (x - m)+ = (1 - tau) sum (m - x)+."""
    x = torch.tensor(samples, dtype=torch.float64)
    m = x.mean().clone().requires_grad_()
    for _ in range(200):
        (slope,) = torch.autograd.grad(losses.expectile_loss(x - m, tau), m)
        m.data -= slope
    above, below = (x - m).clamp(min=0).sum().item(), (m - x).clamp(min=0).sum().item()
    assert tau * above == pytest.approx((1 - tau) * below, abs=1e-6)


def test_advantage_weight_by_hand_and_clipped():
    weight = losses.advantage_weight(torch.tensor([0.0, 0.5, -1.0, 50.0, 1e30]), 2.0, 20.0)
    wanted = [1.0, math.e, math.exp(-2), 20.0, 20.0]
    assert weight.tolist() == pytest.approx(wanted)


def test_weighted_cloning_loss_by_hand():
    loss = losses.weighted_cloning_loss(torch.tensor([-1.0, 2.0]), torch.tensor([3.0, 0.5]))
    assert loss.item() == -(3.0 * -1.0 + 0.5 * 2.0) / 2


def test_quadratic_advantage_against_the_explicit_matrix():
    draw = torch.Generator().manual_seed(0)
    action, mean = torch.randn(2, 5, 3, generator=draw)
    factor = torch.randn(5, 3, 3, generator=draw).tril()
    curvature = factor @ factor.transpose(1, 2)
    error = action - mean
    wanted = torch.stack([-0.5 * e @ p @ e for e, p in zip(error, curvature, strict=True)])
    torch.testing.assert_close(losses.quadratic_advantage(action, mean, factor), wanted)
    one = losses.quadratic_advantage(action, mean, factor[:1])
    torch.testing.assert_close(one[0], wanted[0])
    assert losses.quadratic_advantage(mean, mean, factor).tolist() == [0.0] * 5


@pytest.mark.parametrize(
    ('low', 'high', 'wanted'),
    [(-1, 0, (-50, 0)), (0, 1, (0, 50)), (-2, 3, (-100, 150)), (1, 2, (1, 100))],
)
def test_return_bounds_by_hand(low, high, wanted):
    assert losses.return_bounds(low, high, 0.98) == pytest.approx(wanted)


@given(st.floats(-5, 5), st.floats(0.1, 5), st.floats(0, 0.99), st.integers(1, 60))
def test_return_bounds_hold_for_any_episode(low, width, gamma, length):
    rewards = np.random.default_rng(length).uniform(low, low + width, length)
    bounds = losses.return_bounds(low, low + width, gamma)
    value = np.sum(rewards * gamma ** np.arange(length))
    assert bounds[0] - 1e-6 <= value <= bounds[1] + 1e-6


def test_target_smoothing_clips_the_noise_then_the_action():
    action = torch.tensor([[0.0, 0.9, -0.2]])
    noise = torch.tensor([[0.7, 0.3, -0.1]])
    smoothed = losses.smoothed_action(action, noise, 0.5)
    assert smoothed.tolist() == [pytest.approx([0.5, 1.0, -0.3])]


def test_preactivation_penalty_by_hand_and_its_slope():
    preactivation = torch.tensor([[1.0, -2.0], [0.0, 3.0]], requires_grad=True)
    loss = losses.preactivation_penalty(preactivation)
    assert loss.item() == (1 + 4 + 0 + 9) / 4
    (slope,) = torch.autograd.grad(loss, preactivation)
    assert slope.tolist() == [[0.5, -1.0], [0.0, 1.5]]


def test_q_filter_passes_only_strictly_better_demonstrations():
    passed = losses.q_filter(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2.0, 2.0, 2.0]))
    assert passed.tolist() == [0.0, 0.0, 1.0]


def test_cloning_loss_sums_the_axes_and_averages_all_rows():
    action, label = torch.tensor([[0.0, 1.0], [1.0, 1.0]]), torch.tensor([[0.5, 0.0], [0.0, 1.0]])
    both = losses.cloning_loss(action, label, torch.ones(2))
    assert both.item() == ((0.25 + 1.0) + 1.0) / 2
    filtered = losses.cloning_loss(action, label, torch.tensor([1.0, 0.0]))
    assert filtered.item() == 1.25 / 2


def test_squared_weights_by_hand():
    tensors = [torch.tensor([[1.0, 2.0]]), torch.tensor([3.0])]
    assert losses.squared_weights(tensors).item() == 0.5 * (1 + 4 + 9)
    layer = torch.nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(tensors[0])
    assert losses.with_l2(torch.tensor(1.0), layer, 0.1).item() == pytest.approx(1.25)
    assert losses.with_l2(torch.tensor(1.0), layer, 0.0).item() == 1.0


def test_subsets_of_an_ensemble():
    noise = torch.Generator().manual_seed(0)
    assert choose_members(None, 5, noise) is choose_members(5, 5, noise) is None
    drawn = torch.stack([choose_members(2, 5, noise).sort().values for _ in range(300)])
    assert (drawn[:, 0] < drawn[:, 1]).all()
    assert torch.bincount(drawn.ravel(), minlength=5).min() > 80


def test_the_slow_copy_is_one_and_only_the_network_moves():
    network = MLP((3, 4, 1), torch.Generator().manual_seed(0))
    moved, slow, optimizer = with_copy(network, 0.1, torch.device('cpu'))
    optimizer.descend(moved(torch.ones(2, 3)).mean())
    for one, other in zip(moved.parameters(), slow.parameters(), strict=True):
        assert not other.requires_grad
        assert one.data_ptr() != other.data_ptr()
    assert any(
        not torch.equal(one, other)
        for one, other in zip(moved.parameters(), slow.parameters(), strict=True)
    )


def _demonstrated(mask, action):
    rows = len(mask)
    ones = np.ones(rows)
    return Batch({}, np.float32(action), ones, {}, ones > 0, ones.astype(int), np.array(mask))


def test_demonstration_loss_counts_demonstrations_alone_and_asks_the_critic_about_them():
    batch = _demonstrated([True, False, True], [[1.0], [9.0], [-1.0]])
    asked = []

    def rate(rows, action):
        asked.append((rows.tolist(), action[:, 0].tolist()))
        return action[:, 0]

    own = torch.tensor([[0.5], [0.5], [0.5]])
    found = Cloning(weight=1.0).demonstration_loss(batch, own, rate)
    assert asked == [([0, 2, 0, 2], [1.0, -1.0, 0.5, 0.5])]
    assert found['cloned_share'].item() == 0.5
    assert found['cloning_loss'].item() == 0.25 / 2
    unfiltered = Cloning(weight=1.0, q_filter=False).demonstration_loss(batch, own, rate)
    assert unfiltered['cloning_loss'].item() == (0.25 + 2.25) / 2
    assert len(asked) == 1


@pytest.mark.parametrize(('weight', 'mask'), [(0.0, [True]), (1.0, [False])])
def test_no_demonstration_loss_without_weight_or_demonstrations(weight, mask):
    batch = _demonstrated(mask, [[1.0]])
    assert Cloning(weight=weight).demonstration_loss(batch, torch.zeros(1, 1), None) == {}


def test_policy_loss_is_the_same_at_any_scale_once_normalised():
    q = torch.tensor([1.0, -3.0, 8.0])
    assert Cloning(q_weight=0.5).policy_loss(q).item() == -0.5 * 2.0
    normalised = Cloning(q_weight=0.5, normalize_q=True)
    assert normalised.policy_loss(q).item() == pytest.approx(-0.5 * 2.0 / 4.0)
    assert normalised.policy_loss(1e3 * q).item() == pytest.approx(-0.25)
    assert math.isfinite(normalised.policy_loss(torch.zeros(3)).item())
