# SPDX-License-Identifier: Apache-2.0
"""How the stand-in for the firmware takes back a set-point that runs ahead of a blocked tool."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from sim_bridge.firmware import _shrink, together


@given(st.integers(0, 10_000), st.integers(1, 63))
def test_jacobis_method_converges_on_any_axes_of_any_arm(seed: int, mask: int) -> None:
    half = np.random.default_rng(seed).normal(size=(6, 7))
    rigidity = half @ half.T
    active = np.array([mask >> i & 1 for i in range(6)], bool)
    excess = np.where(active, 1.0, 0.0)
    step = _shrink(rigidity, excess)
    assert not step[~active].any()
    share = step[active] * rigidity.diagonal()[active]  # of Jacobi's full step
    part = rigidity[np.ix_(active, active)]
    scale = 1.0 / np.sqrt(part.diagonal())
    largest = np.linalg.eigvalsh(part * scale * scale[:, None])[-1]
    assert 0 < share.max() <= 1
    assert share.max() * largest < 2
    if active.sum() == 1:
        assert share[0] == pytest.approx(1)


def test_places_in_a_row_are_a_slice() -> None:
    values = np.arange(10.0)
    for places in ([3], [2, 3, 4], [4, 2, 3], [1, 3]):
        np.testing.assert_array_equal(values[together(places)], places)
    assert together([2, 3, 4]) == slice(2, 5)
