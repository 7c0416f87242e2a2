# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from robot_rl.agents.naf import NAF, NAFConfig
from robot_rl.agents.noise import OrnsteinUhlenbeck
from robot_rl.config import parse
from robot_rl.errors import InputError
from robot_rl.models import quadratic
from robot_rl.models.quadratic import LayerNormMLP, QuadraticForm
from robot_rl.replay.batch import Batch
from robot_rl.types import DataSpec, EntrySpec

SPEC = DataSpec({'x': EntrySpec((3,))}, 2)
FORMS = pytest.mark.parametrize('form', ['network', 'linear'])


def make_batch(rng, reward=1.0, terminated=False, size=32):
    entries = {'x': rng.standard_normal((size, 3), np.float32)}
    return Batch(
        observation=entries,
        action=rng.uniform(-1, 1, (size, 2)).astype(np.float32),
        reward=np.full(size, reward, np.float32),
        next_observation=entries,
        terminated=np.full(size, terminated),
        steps=np.ones(size, np.int64),
        demonstration=np.zeros(size, np.bool_),
    )


def test_lower_triangular_matrix_row_by_row():
    entries = torch.tensor([[0.0, 2.0, 0.0, -3.0, 4.0, 0.0]])
    one = math.log(2)  # softplus(0)
    wanted = [[one, 0, 0], [2, one, 0], [-3, 4, one]]
    torch.testing.assert_close(quadratic.lower_triangular(entries, 3)[0], torch.tensor(wanted))


@settings(max_examples=30)
@given(st.lists(st.floats(-5, 5), min_size=6, max_size=6))
def test_curvature_is_positive_definite(entries):
    factor = quadratic.lower_triangular(torch.tensor([entries], dtype=torch.float64), 3)[0]
    assert (torch.linalg.eigvalsh(factor @ factor.T) > 0).all()


def test_quadratic_form_by_hand():
    form = QuadraticForm(2)
    form.matrix.data = torch.tensor([[1.0, 2.0], [0.0, -1.0]])
    form.vector.data, form.scalar.data = torch.tensor([3.0, 0.0]), torch.tensor([0.5])
    # 1*4 + 2*(2*3) - 9 + 3*2 + 0.5
    assert form(torch.tensor([[2.0, 3.0]])).tolist() == [[13.5]]


def test_numpy_forward_equals_torch():
    draw = torch.Generator().manual_seed(0)
    network, x = LayerNormMLP((3, 8, 8, 2), draw), torch.randn(3, generator=draw)
    with torch.inference_mode():
        wanted = network(x[None])[0].numpy()
    got = quadratic.forward_numpy(network.to_numpy(), x.numpy())
    np.testing.assert_allclose(got, wanted, atol=1e-6)


@FORMS
def test_bootstraps_at_time_limits_but_not_after_termination(form):
    values, rate = [], 1e-2 if form == 'network' else 5e-2
    for terminated in (True, False):
        config = NAFConfig(
            form=form, hidden=(32,), gamma=0.8, tau=0.1, learning_rate=rate, device='cpu'
        )
        agent, rng = NAF(config, SPEC, 0), np.random.default_rng(0)
        for _ in range(300):
            metrics = agent.update(make_batch(rng, terminated=terminated))
        values.append(metrics['value'] + metrics['advantage'])
    assert values[0] == pytest.approx(1.0, abs=0.1)
    assert values[1] == pytest.approx(5.0, abs=0.3)


def test_recovers_a_quadratic_reward_with_its_curvature():
    """r = -(u - m)^T P (u - m) / 2 with a full P; Linear-NAF can hold it exactly."""
    wanted = np.array([[2.0, 0.6], [0.6, 0.5]])
    mean = np.array([0.3, -0.4])
    config = NAFConfig(form='linear', learning_rate=2e-2, device='cpu')
    agent, rng = NAF(config, SPEC, 0), np.random.default_rng(0)
    for _ in range(600):
        batch = make_batch(rng, terminated=True, size=64)
        error = batch.action - mean
        batch.reward[:] = -0.5 * np.einsum('bi,ij,bj->b', error, wanted, error)
        agent.update(batch, measure=False)
    factor = quadratic.lower_triangular(agent._factor(torch.zeros(1, 3)), 2)[0].detach().numpy()
    np.testing.assert_allclose(factor @ factor.T, wanted, atol=0.1)
    np.testing.assert_allclose(agent.act({'x': np.zeros(3, np.float32)}, False), mean, atol=0.05)


def test_linear_policy_is_tanh_of_a_linear_map():
    agent = NAF(NAFConfig(form='linear', device='cpu'), SPEC, 0)
    state = agent.policy_state()
    assert {k: v.shape for k, v in state.items()} == {
        'actor/weights.0': (3, 2),
        'actor/biases.0': (2,),
    }
    x = np.array([0.5, -1.0, 2.0], np.float32)
    wanted = np.tanh(x @ state['actor/weights.0'] + state['actor/biases.0'])
    np.testing.assert_allclose(agent.act({'x': x}, False), wanted, atol=1e-6)


def test_sizes_are_the_papers():
    agent = NAF(NAFConfig(device='cpu'), DataSpec({'x': EntrySpec((20,))}, 7), 0)
    shapes = {k: v.shape for k, v in agent.state_dict().items() if 'weights' in k}
    assert shapes['policy/weights.1'] == shapes['factor/weights.1'] == (100, 100)
    assert shapes['value/weights.2'] == (100, 1)
    assert shapes['factor/weights.2'] == (100, 28)


def test_noise_is_correlated_has_its_width_and_starts_over():
    noise, rng = OrnsteinUhlenbeck(1, 0.15, 0.2), np.random.default_rng(0)
    drawn = np.array([noise.step(rng)[0] for _ in range(40_000)])
    wanted = 0.2 / math.sqrt(0.15 * 1.85)
    assert drawn.std() == pytest.approx(wanted, rel=0.05)
    assert np.corrcoef(drawn[:-1], drawn[1:])[0, 1] == pytest.approx(0.85, abs=0.02)
    noise.reset()
    assert noise.value.tolist() == [0.0]


def test_new_weights_leave_the_noise_of_the_episode_alone():
    agents = [NAF(NAFConfig(device='cpu'), SPEC, 0) for _ in range(2)]
    entries = {'x': np.zeros(3, np.float32)}
    for agent in agents:
        agent.reseed(5)
        agent.act(entries, True)
    agents[0].load_policy_state(agents[0].policy_state())
    np.testing.assert_array_equal(*(agent.act(entries, True) for agent in agents))


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('form', 'quadratic'),
        ('gamma', 1.0),
        ('tau', 0.0),
        ('noise_theta', 1.5),
        ('noise_sigma', -0.1),
        ('hidden', []),
        ('learning_rate', float('nan')),
    ],
)
def test_bad_hyperparameters_are_refused_by_name(key, value):
    with pytest.raises(InputError, match=f'file.yaml.*{key}'):
        parse(NAFConfig, {key: value}, 'file.yaml')
