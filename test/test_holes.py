# SPDX-License-Identifier: Apache-2.0
"""Synthetic holes: each rule against a count by hand, and the same again for the same seed."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from robot_rl import config
from robot_rl.errors import InputError
from robot_rl.perception.camera import CameraConfig, CameraFrame, CameraPipeline
from robot_rl.perception.holes import HolesConfig, shadow, smooth_noise, spoil, weakness
from robot_rl.task import load_task, robot_of
from sim_bridge.build import make_world, raw_pictures

#: Nothing but what a test adds.
CLEAN = HolesConfig(0.0, (0.01, 100.0), 0.0, 1, 0.0, {}, 0.0)
FOCAL = 120.0


def rng(seed=0):
    return np.random.default_rng(seed)


def hidden_by_hand(row, focal_baseline, margin):
    """The definition, point by point; a positive margin hides a little more."""
    right = [u - focal_baseline / z for u, z in enumerate(row)]
    return [any(v <= right[u] + margin for v in right[u + 1 :]) for u in range(len(row))]


@settings(max_examples=25)
@given(
    hnp.arrays(np.float32, (2, 13), elements=st.floats(0.25, 4.0, width=32)),
    st.sampled_from([0.5, 2.0, 6.0]),
)
def test_shadows_lie_where_another_point_is_before_a_point_for_the_right_eye(depth, product):
    rows = depth.astype(np.float64)
    surely, perhaps = (
        np.array([hidden_by_hand(row, product, margin) for row in rows])
        for margin in (-1e-4, 1e-4)
    )
    hidden = shadow(depth, product)
    assert (surely <= hidden).all()
    assert (hidden <= perhaps).all()


def test_the_shadow_of_a_box_is_as_wide_as_its_difference_in_disparity():
    depth = np.full((20, 100), 2.0, np.float32)
    depth[5:15, 40:60] = 0.5
    hidden = shadow(depth, FOCAL * 0.05)
    width = FOCAL * 0.05 * (1 / 0.5 - 1 / 2.0)  # 9 pixels
    assert hidden[5:15].sum(axis=1).tolist() == [round(width)] * 10
    assert hidden[5:15, 40 - round(width) : 40].all()
    assert not hidden[:5].any()
    assert not hidden[5:15, 40:].any()


def test_range_and_steps():
    depth = np.array([[0.1, 0.2, 0.50049, 3.9, 4.0, 4.1]], np.float32)
    wanted = dataclasses.replace(CLEAN, range_m=(0.2, 4.0), quantum=0.001)
    bad = spoil(depth, wanted, FOCAL, rng())
    assert np.isnan(bad).tolist() == [[True, False, False, False, False, True]]
    assert bad[0, 1:5] == pytest.approx([0.2, 0.5, 3.9, 4.0], abs=1e-6)
    assert np.rint(bad[0, 1:5] * 1000) == pytest.approx(bad[0, 1:5] * 1000, abs=1e-3)


@pytest.mark.parametrize('patch', [1, 3, 8])
def test_noise_grows_with_the_square_of_the_distance(patch):
    wanted = dataclasses.replace(CLEAN, noise=0.002, patch=patch)
    for distance in (0.5, 1.0, 2.0):
        true = np.full((200, 200), distance, np.float32)
        error = spoil(true, wanted, FOCAL, rng()) - true
        assert error.std() == pytest.approx(0.002 * distance**2, rel=0.15)
        assert abs(error.mean()) < 0.3 * error.std()


def test_noise_has_the_same_variance_everywhere_and_is_smooth():
    noise = np.stack([smooth_noise((12, 15), 4, rng(i)) for i in range(4000)])
    assert noise.std(axis=0) == pytest.approx(np.ones((12, 15)), abs=0.06)
    assert np.abs(np.diff(noise, axis=2)).mean() < 0.5 * np.abs(noise).mean()


def test_surfaces_lose_their_share_and_others_nothing():
    segments = np.full((120, 160), -1)
    segments[:, :80], segments[:60, 80:] = 4, 7
    shares = {4: 0.3, 7: 1.0, 9: 0.5}
    wanted = dataclasses.replace(CLEAN, patch=2)
    depth, weak = np.ones((120, 160), np.float32), weakness(segments, shares)
    lost = np.stack([np.isnan(spoil(depth, wanted, FOCAL, rng(i), weak)) for i in range(40)])
    assert lost[:, segments == 4].mean() == pytest.approx(0.3, abs=0.05)
    assert lost[:, segments == 7].all()
    assert not lost[:, segments == -1].any()
    assert weakness(np.full((4, 4), 5), {4: 0.5}) is None
    assert weakness(np.full((4, 4), -1), {4: 0.5}) is None


def test_single_pixels_are_lost_by_their_share():
    wanted = dataclasses.replace(CLEAN, speckle=0.01)
    bad = spoil(np.ones((200, 200), np.float32), wanted, FOCAL, rng())
    assert np.isnan(bad).mean() == pytest.approx(0.01, abs=0.003)


def test_nothing_wanted_changes_nothing_and_a_seed_gives_the_same_again():
    depth = rng(1).uniform(0.3, 3.0, (50, 60)).astype(np.float32)
    assert spoil(depth, CLEAN, FOCAL, rng()).tobytes() == depth.tobytes()
    usual = HolesConfig()
    first, again, other = (spoil(depth, usual, FOCAL, rng(i)) for i in (3, 3, 4))
    assert first.tobytes() == again.tobytes() != other.tobytes()
    assert first.dtype == np.float32


@pytest.mark.parametrize(
    ('settings', 'words'),
    [
        ({'range_m': [4.0, 0.2]}, 'range_m: expected low < high'),
        ({'noise': -0.1}, 'noise: expected a number in'),
        ({'baseline': 5.0}, 'baseline: expected a number in'),
        ({'speckle': 2.0}, 'speckle: expected a number in'),
        ({'patch': 0}, 'patch: expected a number in'),
        ({'surfaces': {'plug': 1.5}}, 'surfaces: plug: expected a share'),
        ({'hole': 1}, "unknown key 'hole'"),
    ],
)
def test_wrong_settings_name_file_and_key(settings, words):
    camera = {'name': 'wrist', 'size': [32, 32], 'depth': True, 'holes': settings}
    with pytest.raises(InputError, match=f'task.yaml: holes: .*{words}'):
        config.parse(CameraConfig, camera, 'task.yaml')
    with pytest.raises(InputError, match='holes: expected only where depth is wanted'):
        config.parse(CameraConfig, camera | {'depth': False, 'holes': {}}, 'task.yaml')


@pytest.fixture(scope='module')
def world():
    task = load_task('fetch_push')
    made = make_world(task, robot_of(task))
    made.reset(3)
    yield made, task
    made.close()


def see(world, holes):
    made, task = world
    camera = CameraConfig('closeup', (50, 50), depth=True, holes=holes, frozen_frames=0)
    raw = raw_pictures(made, dataclasses.replace(task, cameras=(camera,)))
    return raw['closeup/depth'][..., 0], CameraPipeline(camera).process(*raw.values(), 1)


def test_the_simulation_sends_depth_with_holes_that_the_pipeline_fills(world):
    true, clean = see(world, None)
    usual, filled = see(world, HolesConfig())
    again, _ = see(world, HolesConfig())
    assert clean.valid_fraction == 1.0
    assert isinstance(filled, CameraFrame)
    assert 0.5 < filled.valid_fraction < 0.98
    np.testing.assert_array_equal(usual, again)
    seen = (usual > 0) & (true < 1500)
    assert np.abs(usual[seen].astype(int) - true[seen]).mean() < 10  # mm
    assert usual.dtype == np.uint16
    world[0].reset(4)
    other, _ = see(world, HolesConfig())
    world[0].reset(3)
    assert (other != usual).any()
    np.testing.assert_array_equal(see(world, HolesConfig())[0], usual)
    world[0].step()
    assert (see(world, HolesConfig())[0] != usual).any()


def test_a_surface_of_the_simulation_is_lost_by_its_name(world):
    block = HolesConfig(surfaces={'block': 1.0})
    bare, _ = see(world, HolesConfig())
    lost, _ = see(world, block)
    made, _ = world
    model = made.twin()
    number = model.body('block').geomadr[0]
    mine = made.segments('closeup', 100, 100) == number
    assert mine.any()
    assert not lost[mine].any()
    assert bare[mine].any()
    with pytest.raises(
        InputError, match=r"closeup: holes: .* begins with 'plug'; bodies: .*block"
    ):
        see(world, HolesConfig(surfaces={'plug': 0.5}))
