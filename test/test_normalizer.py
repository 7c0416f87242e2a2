# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays

from robot_rl.models import state
from robot_rl.models.asymmetric import ActorCriticInput
from robot_rl.models.encoder import EncoderConfig
from robot_rl.models.normalizer import CLIP, NormalizedInput, Normalizer
from robot_rl.types import DataSpec, EntrySpec

SPEC = DataSpec({'touch': EntrySpec((2,)), 'secret': EntrySpec((3,), 'float64')}, 2)
VALUES = arrays.arrays(
    np.float32, st.tuples(st.integers(2, 30), st.just(3)), elements=st.floats(-1e3, 1e3, width=32)
)


def test_nothing_is_scaled_before_the_first_batch():
    x = np.array([[1.0, -2.0, 3.0]], np.float32)
    np.testing.assert_array_equal(Normalizer(3).scaled(x), x)


@settings(max_examples=50)
@given(VALUES, st.integers(1, 29))
def test_statistics_are_those_of_all_data_however_they_came(x, cut):
    normalizer = Normalizer(3)
    for part in (x[:cut], x[cut:]):
        if len(part):
            normalizer.observe(part)
    every = x.astype(np.float64)
    np.testing.assert_allclose(normalizer.mean, every.mean(0), atol=1e-9)
    deviation = np.maximum(every.std(0), 0.01)
    np.testing.assert_allclose(normalizer.scale, 1 / deviation, rtol=1e-6)


def test_small_variation_on_a_large_offset_is_kept():
    x = 1000 + np.random.default_rng(0).standard_normal((5000, 1)).astype(np.float32)
    normalizer = Normalizer(1)
    for part in np.split(x, 50):
        normalizer.observe(part)
    scaled = normalizer.scaled(x)
    assert abs(scaled.mean()) < 1e-3
    assert scaled.std() == pytest.approx(1.0, abs=0.01)


@settings(max_examples=50)
@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=8), st.floats(allow_nan=False))
def test_any_double_leaves_finite_numbers_within_the_clip(seen, asked):
    normalizer = Normalizer(1)
    normalizer.observe(np.array(seen)[:, None])
    with np.errstate(over='ignore'):
        scaled = normalizer.scaled(np.array([[asked]]))
    assert abs(scaled).max() <= CLIP
    assert all(tensor.isfinite().all() for tensor in normalizer.state_dict().values())


def test_what_hardly_moves_is_not_blown_up():
    normalizer = Normalizer(1)
    normalizer.observe(np.full((100, 1), 0.5, np.float32))
    assert normalizer.scaled(np.array([[0.501]], np.float32))[0, 0] == pytest.approx(0.1, abs=1e-4)


def test_statistics_survive_saving_and_loading():
    one, other = Normalizer(3), Normalizer(3)
    x = np.random.default_rng(0).standard_normal((2, 40, 3)).astype(np.float32)
    one.observe(x[0])
    state.load({'n': other}, state.save({'n': one}), 'test')
    for each in (one, other):
        each.observe(x[1])
    np.testing.assert_array_equal(one.scaled(x[0]), other.scaled(x[0]))


def test_one_observation_is_scaled_like_a_batch():
    used = NormalizedInput(SPEC, ('secret', 'touch'), 'test', normalize=True)
    rng = np.random.default_rng(0)
    entries = {'touch': rng.standard_normal((9, 2)), 'secret': 5 * rng.standard_normal((9, 3))}
    used.observe(entries)
    single = used.single({name: array[4] for name, array in entries.items()})
    np.testing.assert_array_equal(single, used.batch(entries)[4])
    plain = NormalizedInput(SPEC, ('secret', 'touch'), 'test', normalize=False)
    plain.observe(entries)
    assert plain.parts == {}
    np.testing.assert_allclose(plain.batch(entries)[:, :3], entries['secret'], rtol=1e-6)


def test_actor_and_critic_share_what_they_both_read():
    rng = np.random.default_rng(0)
    entries = {'touch': rng.standard_normal((9, 2)), 'secret': rng.standard_normal((9, 3))}
    same = ActorCriticInput(SPEC, ('touch',), ('touch',), True)
    same.observe(entries)
    seen, state_ = same.batch(entries, torch.device('cpu'))
    assert seen is state_
    assert same.parts['actor_normalizer'].count == 9
    apart = ActorCriticInput(SPEC, ('touch',), ('touch', 'secret'), True)
    apart.observe(entries)
    assert [part.count.item() for part in apart.parts.values()] == [9, 9]
    seen, state_ = apart.batch(entries, torch.device('cpu'))
    assert (seen.shape, state_.shape) == ((9, 2), (9, 5))
    assert apart.names == ('touch', 'secret')


def test_the_mean_of_the_first_pictures_is_taken_off_every_picture(monkeypatch):
    monkeypatch.setattr('robot_rl.models.mean_picture.PICTURES', 40)
    spec = DataSpec({n: EntrySpec((4, 5, 3), 'uint8') for n in ('image', 'goal_image')}, 2)
    seen = NormalizedInput(spec, (), 'actor_entries', False, EncoderConfig('small', center=True))
    rng, counted = np.random.default_rng(0), []
    for number in range(4):
        batch = {n: rng.integers(0, 256, (10, 4, 5, 3), np.uint8) for n in spec.entries}
        counted += list(batch.values()) if number < 2 else []
        seen.observe(batch)
    mean = np.concatenate(counted).mean(0) / 255 - 0.5
    for floats in (True, False):
        views = seen.tensors(batch, torch.device('cpu'), floats=floats).views
        for view, name in zip(views, spec.entries, strict=True):
            np.testing.assert_allclose(view, batch[name] / 255 - 0.5 - mean, atol=1e-6)


def test_depth_is_centred_in_metres():
    spec = DataSpec({'depth': EntrySpec((4, 5, 1))}, 2)
    seen = NormalizedInput(spec, (), 'actor_entries', False, EncoderConfig('small', center=True))
    batch = {'depth': np.random.default_rng(0).uniform(0.3, 2, (10, 4, 5, 1)).astype(np.float32)}
    seen.observe(batch)
    (view,) = seen.tensors(batch, torch.device('cpu')).views
    np.testing.assert_allclose(view, batch['depth'] - batch['depth'].mean(0), atol=1e-6)
