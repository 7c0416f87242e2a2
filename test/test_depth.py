# SPDX-License-Identifier: Apache-2.0
"""Metric depth and hole filling, against a brute-force nearest neighbour."""

import functools
import json

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from benchmarks import holes
from robot_rl.errors import InputError
from robot_rl.perception.depth import check_depth, fill_holes, to_metres, valid_fraction

SHAPES = st.tuples(st.integers(1, 24), st.integers(1, 24))
DEPTHS = SHAPES.flatmap(
    lambda shape: hnp.arrays(
        np.float32, shape, elements=st.one_of(st.just(np.nan), st.floats(0.125, 8.0, width=32))
    )
).filter(lambda depth: not np.isnan(depth).all())


def sources(depth: np.ndarray, exact: bool) -> np.ndarray:
    """Flat index of the pixel that each pixel took its value from."""
    index = np.arange(depth.size, dtype=np.float32).reshape(depth.shape)
    return fill_holes(np.where(np.isnan(depth), np.nan, index).astype(np.float32), exact)


def squared_distances(depth: np.ndarray, exact: bool) -> tuple[np.ndarray, np.ndarray]:
    """Squared distance to the pixel found, and to the nearest one, of each hole."""
    width = depth.shape[1]
    holes, measured = np.argwhere(np.isnan(depth)), np.argwhere(~np.isnan(depth))
    found = sources(depth, exact)[np.isnan(depth)].astype(int)
    taken = np.stack([found // width, found % width], axis=1)
    nearest = ((holes[:, None] - measured[None]) ** 2).sum(-1).min(1, initial=10**9)
    return ((holes - taken) ** 2).sum(-1), nearest


def speckled(seed: int, shape: tuple[int, int], share: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    depth = rng.uniform(0.3, 2.0, shape).astype(np.float32)
    depth[rng.random(shape) < share] = np.nan
    return depth


@given(DEPTHS, st.booleans())
def test_measured_pixels_keep_their_bits_and_no_hole_is_left(depth, exact):
    filled = fill_holes(depth, exact)
    measured = ~np.isnan(depth)
    assert filled.dtype == np.float32
    assert filled.shape == depth.shape
    assert filled[measured].tobytes() == depth[measured].tobytes()
    assert set(filled[~measured]) <= set(depth[measured])


@given(DEPTHS, st.booleans())
def test_filling_is_idempotent_and_leaves_its_input_alone(depth, exact):
    before = depth.copy()
    filled = fill_holes(depth, exact)
    assert fill_holes(filled, exact).tobytes() == filled.tobytes()
    assert depth.tobytes() == before.tobytes()
    assert not np.shares_memory(filled, depth)


@given(DEPTHS)
def test_exact_filling_takes_a_true_nearest_pixel(depth):
    found, nearest = squared_distances(depth, exact=True)
    assert (found == nearest).all()


@pytest.mark.parametrize('share', [0.1, 0.39, 0.9, 0.995])
def test_exact_filling_of_larger_images(share):
    found, nearest = squared_distances(speckled(1, (70, 90), share), exact=True)
    assert (found == nearest).all()


@pytest.mark.parametrize('share', [0.1, 0.39])
def test_fast_filling_is_nearest_on_nearly_all_holes(share):
    found, nearest = squared_distances(speckled(2, (100, 100), share), exact=False)
    assert (found == nearest).mean() >= 0.985
    assert (np.sqrt(found) - np.sqrt(nearest)).max() < 1.0


def test_far_corner_of_a_large_hole():
    depth = np.full((480, 640), np.nan, np.float32)
    depth[0, 0], depth[470, 3] = 1.0, 2.0
    rows, columns = np.indices(depth.shape)
    first = rows**2 + columns**2
    second = (rows - 470) ** 2 + (columns - 3) ** 2
    filled = fill_holes(depth, exact=True)
    assert (filled[first < second] == 1.0).all()
    assert (filled[second < first] == 2.0).all()


def test_the_bench_counts_agreement_and_ends_in_json(monkeypatch, capsys):
    exact = functools.partial(fill_holes, exact=True)
    monkeypatch.setattr(holes, 'exact_peer', lambda: exact)
    monkeypatch.setattr(holes, 'CASES', ((60, 80, 0.3),))
    assert holes.main(['--json']) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result['name'] == 'holes'
    assert result['ratio'] == pytest.approx(result['peer_value'] / result['value'], rel=0.01)
    assert result['agreement'] >= 0.985
    assert result['cases'][0]['measured_bit_equal']
    depth = holes.depth_with_holes(60, 80, 0.3)
    assert np.isnan(depth).mean() == pytest.approx(0.3, abs=0.01)
    assert holes.agreement(np.nan_to_num, exact, depth) < 0.1


def test_nothing_to_fill_from_is_an_error():
    with pytest.raises(InputError, match='no pixel is valid'):
        fill_holes(np.full((4, 4), np.nan, np.float32))


def test_millimetres_and_metres_mean_the_same():
    millimetres = np.array([[0, 1, 850], [1234, 65535, 0]], np.uint16)
    metres = np.array([[np.nan, 0.001, 0.85], [1.234, 65.535, 0]], np.float32)
    np.testing.assert_array_equal(to_metres(millimetres), to_metres(metres))
    assert np.isnan(to_metres(millimetres)[0, 0])
    assert np.isnan(to_metres(metres)[1, 2])


def test_every_kind_of_invalid_metre_is_nan():
    raw = np.array([[np.nan, np.inf, -np.inf], [0.0, -0.0, -1.0], [0.5, 1e-6, 3e8]], np.float32)
    metres = to_metres(raw)
    assert np.isnan(metres[:2]).all()
    assert metres[2].tobytes() == raw[2].tobytes()
    assert valid_fraction(metres) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    'raw', [np.zeros((3, 3), np.uint8), np.zeros((3, 3, 2), np.uint16), np.zeros((3, 3))]
)
def test_other_depth_types_are_refused(raw):
    with pytest.raises(InputError, match=r'expected .* uint16'):
        to_metres(raw)


@pytest.mark.fault(7)
@settings(max_examples=30)
@given(st.floats(0.0, 1.0), st.floats(0.01, 1.0))
def test_a_frame_passes_exactly_from_its_least_valid_share_on(share, least):
    depth = np.full(100, np.nan, np.float32)
    depth[: round(share * 100)] = 1.0
    depth = depth.reshape(10, 10)
    if round(share * 100) / 100 >= least:
        assert check_depth(depth, least, (0.05, 20)) == round(share * 100) / 100
    else:
        with pytest.raises(InputError, match='of the pixels are valid'):
            check_depth(depth, least, (0.05, 20))


def test_wrong_units_are_recognised():
    metres = speckled(3, (480, 640), 0.3)
    assert check_depth(metres, 0.2, (0.05, 20)) == pytest.approx(0.7, abs=0.01)
    with pytest.raises(InputError, match='millimetres declared as metres'):
        check_depth(metres * 1000, 0.2, (0.05, 20))
    with pytest.raises(InputError, match='metres declared as millimetres'):
        check_depth(metres / 1000, 0.2, (0.05, 20))
