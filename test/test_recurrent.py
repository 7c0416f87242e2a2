# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from robot_rl.models.recurrent import LSTM, GaussianPolicy


def make(cells, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return GaussianPolicy((3, 8), cells, 2, (1.0, 0.5), draw)


@pytest.mark.parametrize('cells', [0, 5])
@settings(max_examples=20)
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=5))
def test_acting_step_by_step_equals_the_whole_episodes(cells, lengths):
    policy = make(cells)
    x = torch.randn(sum(lengths), 3, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        whole, features = policy(x, lengths)
    assert features.shape == (sum(lengths), 8)
    acting, row = policy.to_numpy(), 0
    for length in lengths:
        state = np.zeros((2, cells), np.float32)
        for _ in range(length):
            mean = acting.mean(x[row].numpy(), state)
            np.testing.assert_allclose(mean, whole[row].numpy(), atol=1e-5)
            row += 1


def test_memory_equals_the_one_of_torch():
    memory = LSTM(3, 4, torch.Generator().manual_seed(0))
    peer = torch.nn.LSTM(3, 4)
    own = [w.detach() for w in memory.weights]
    theirs = (peer.weight_ih_l0, peer.weight_hh_l0, peer.bias_ih_l0)
    for target, source in zip(theirs, own, strict=True):
        target.data.copy_(source)
    peer.bias_hh_l0.data.zero_()
    x = torch.randn(7, 3, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(memory(x, [7]), peer(x[:, None])[0][:, 0])


def test_memory_remembers_within_an_episode_and_not_beyond():
    policy = make(5)
    x = torch.zeros(4, 3)
    x[0] = 3.0
    with torch.no_grad():
        together, _ = policy(x, [4])
        apart, _ = policy(x, [2, 2])
    assert not torch.allclose(together[2], apart[2])
    torch.testing.assert_close(together[:2], apart[:2])
    torch.testing.assert_close(apart[2], policy(torch.zeros(1, 3), [1])[0][0])


def test_drawn_from_its_generator_alone():
    before = torch.get_rng_state()
    one, two, other = make(5), make(5), make(5, seed=1)
    assert torch.equal(before, torch.get_rng_state())
    pairs = zip(one.parameters(), two.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(one.head.weights[0], other.head.weights[0])
