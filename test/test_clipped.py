# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from robot_rl.models import clipped


@pytest.mark.parametrize(('mean', 'std'), [(0.0, 0.3), (0.9, 0.5), (-2.0, 1.0)])
def test_likelihood_of_the_inside_and_of_both_bounds_is_one(mean, std):
    action = torch.linspace(-1, 1, 20001, dtype=torch.float64)[:, None]
    mean, log_std = torch.full_like(action, mean), torch.tensor([math.log(std)])
    each = clipped.log_prob(mean, log_std, action).exp()
    inside = torch.trapezoid(each[1:-1], action[1:-1, 0])
    assert (inside + each[0] + each[-1]).item() == pytest.approx(1.0, abs=1e-3)


def test_probability_of_a_bound_is_how_often_it_is_played():
    rng = np.random.default_rng(0)
    played = np.clip(0.6 + 0.5 * rng.standard_normal(100_000), -1, 1)
    mean, log_std, bound = torch.tensor([[0.6]]), torch.tensor([math.log(0.5)]), torch.ones(1, 1)
    wanted = clipped.log_prob(mean, log_std, bound).exp().item()
    assert (played == 1).mean() == pytest.approx(wanted, abs=0.005)


def test_axes_add_up():
    mean, action = torch.zeros(1, 2), torch.tensor([[0.3, -1.0]])
    log_std = torch.tensor([0.0, -1.0])
    each = [clipped.log_prob(mean[:, i : i + 1], log_std[i : i + 1], action[:, i : i + 1])
            for i in range(2)]  # fmt: skip
    assert clipped.log_prob(mean, log_std, action).item() == pytest.approx(sum(each).item())


@given(st.floats(-1e4, 1e4), st.floats(-5, 1), st.floats(-1, 1))
def test_likelihood_and_its_gradient_are_finite(mean, log_std, action):
    mean = torch.tensor([[mean]], requires_grad=True)
    log_std = torch.tensor([log_std], requires_grad=True)
    got = clipped.log_prob(mean, log_std, torch.tensor([[action]], dtype=torch.float32))
    got.sum().backward()
    assert all(torch.isfinite(t).all() for t in (got, mean.grad, log_std.grad))


@pytest.mark.parametrize('deviations', [2.0, 9.9, 10.1, 30.0, 1e3, 1e6])
def test_tail_and_its_gradient_far_out(deviations):
    """d log Phi(z) / dz is about -z there."""
    mean = torch.tensor([[1 - deviations]], requires_grad=True)
    got = clipped.log_prob(mean, torch.zeros(1), torch.ones(1, 1))
    got.sum().backward()
    exact = torch.special.log_ndtr(torch.tensor(-deviations, dtype=torch.float64)).item()
    assert got.item() == pytest.approx(exact, rel=1e-5)
    assert deviations <= mean.grad.item() <= deviations + 1 / deviations


def test_entropy_of_the_unit_gaussian():
    got = clipped.entropy(torch.zeros(2)).item()
    assert got == pytest.approx(math.log(2 * math.pi * math.e))
