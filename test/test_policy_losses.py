# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from torch import tensor

from robot_rl.agents import losses, policy_losses


def advantage(terminated, gamma=0.5, lambda_=0.5):
    """Two steps to an end with value 8, then one step of another episode."""
    reward, value = tensor([1.0, 2.0, 3.0]), tensor([4.0, 6.0, 10.0])
    following, last = tensor([6.0, 8.0, 20.0]), tensor([False, True, True])
    ends = tensor([0.0, float(terminated), 0.0])
    error = losses.td_target(reward, ends, following, torch.full((3,), gamma)) - value
    return policy_losses.generalized_advantage(error, last, gamma, lambda_).tolist()


def test_advantage_of_an_episode_cut_by_its_time_limit():
    """Errors 1 + 3 - 4 = 0, 2 + 4 - 6 = 0, 3 + 10 - 10 = 3; the last value counts."""
    assert advantage(terminated=False) == [0.0, 0.0, 3.0]


def test_advantage_of_an_episode_that_terminates():
    """Errors 0 and 2 - 6 = -4; a quarter of the second reaches the first."""
    assert advantage(terminated=True) == [0.0 + 0.25 * -4.0, -4.0, 3.0]


def test_advantage_with_lambda_one_is_the_return_less_the_value():
    assert advantage(terminated=True, lambda_=1.0)[:2] == [1 + 0.5 * 2 - 4, 2 - 6]


def test_advantage_does_not_cross_an_episode():
    error, last = tensor([0.0, 5.0]), tensor([True, True])
    assert policy_losses.generalized_advantage(error, last, 0.9, 1.0).tolist() == [0.0, 5.0]


@pytest.mark.parametrize(
    ('ratio', 'advantage', 'loss', 'moves'),
    [
        (1.1, 2.0, -2.2, True),  # inside
        (1.5, 2.0, -2.4, False),  # good enough already
        (0.5, 2.0, -1.0, True),  # wrong way, no bound
        (0.5, -2.0, 1.6, False),
        (1.5, -2.0, 3.0, True),
    ],
)
def test_clipped_objective(ratio, advantage, loss, moves):
    log_ratio = tensor([math.log(ratio)], requires_grad=True)
    got = policy_losses.clipped_policy_loss(log_ratio, tensor([advantage]), 0.2)
    assert got.item() == pytest.approx(loss)
    got.sum().backward()
    assert (log_ratio.grad.item() != 0) == moves


def test_divergence_is_zero_at_home_and_positive_elsewhere():
    got = policy_losses.divergence(tensor([0.0, math.log(2), -math.log(2), 1e4, -1e4]))
    assert got.tolist()[:3] == pytest.approx([0.0, 1 - math.log(2), math.log(2) - 0.5])
    assert torch.isfinite(got).all()


@given(st.floats(1e-3, 1 - 1e-3))
def test_imitation_reward_is_minus_log_of_one_less_d(d):
    logit = tensor([math.log(d / (1 - d))], dtype=torch.float64)
    got = policy_losses.imitation_reward(logit, 10.0).item()
    assert got == pytest.approx(-math.log(1 - d), rel=1e-6)


def test_imitation_reward_is_clipped_and_never_negative():
    logit = tensor([-1e6, 0.0, 9.0, 11.0, 1e6])
    got = policy_losses.imitation_reward(logit, 10.0).tolist()
    assert got == pytest.approx([0.0, math.log(2), 9.000123, 10.0, 10.0])


def test_discrimination_loss_by_hand():
    logit, demonstrated = tensor([2.0, 2.0]), tensor([1.0, 0.0])
    got = policy_losses.discrimination_loss(logit, demonstrated).tolist()
    d = 1 / (1 + math.exp(-2))
    np.testing.assert_allclose(got, [-math.log(d), -math.log(1 - d)], rtol=1e-5)


@pytest.mark.parametrize(('share', 'wanted'), [(0.0, 3.0), (1.0, 8.0), (0.5, 5.5)])
def test_hybrid_reward(share, wanted):
    assert policy_losses.hybrid_reward(tensor([8.0]), tensor([3.0]), share).item() == wanted
