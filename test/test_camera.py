# SPDX-License-Identifier: Apache-2.0
"""The camera's path: what comes out, and every reason to refuse a frame."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from robot_rl import config
from robot_rl.episodes.align import AlignConfig, Aligner
from robot_rl.errors import InputError
from robot_rl.perception.camera import CameraConfig, CameraFrame, CameraPipeline, Refusal
from robot_rl.types import JointState, Wrench

SIZE = (48, 64)


def rgb(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


def depth_mm(seed: int = 0, holes: float = 0.3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    depth = rng.integers(400, 1500, SIZE, dtype=np.uint16)
    depth[rng.random(SIZE) < holes] = 0
    return depth


def pipeline(**settings: object) -> CameraPipeline:
    return CameraPipeline(CameraConfig(**({'name': 'wrist', 'size': (32, 32)} | settings)))


def refused(result: CameraFrame | Refusal, reason: str) -> Refusal:
    assert isinstance(result, Refusal), result
    assert reason in result.reason
    assert result.reason.startswith('wrist: ')
    return result


def accepted(result: CameraFrame | Refusal) -> CameraFrame:
    assert isinstance(result, CameraFrame), result
    return result


def test_colour_gray_and_depth_of_the_wanted_size():
    frame = accepted(pipeline(depth=True, gray=True).process(rgb(), depth_mm(), 7))
    assert frame.stamp_ns == 7
    assert frame.color.shape == (32, 32, 1)
    assert frame.color.dtype == np.uint8
    assert frame.depth_filled.shape == (32, 32)
    assert frame.depth_filled.dtype == np.float32
    assert frame.valid_fraction == pytest.approx(0.7, abs=0.05)
    assert frame.depth_filled.min() >= 0.4
    assert frame.depth_filled.max() < 1.5


def test_the_same_crop_serves_colour_and_depth():
    wanted = pipeline(depth=True, size=(8, 10), crop=(5, 3, 10, 8))
    color, depth = rgb(), depth_mm(holes=0)
    frame = accepted(wanted.process(color, depth, 1))
    np.testing.assert_array_equal(frame.color, color[3:11, 5:15])
    np.testing.assert_allclose(frame.depth_filled, depth[3:11, 5:15] / 1000, rtol=1e-6)


def test_a_frame_outlives_the_buffer_it_came_from():
    color, depth = rgb(), depth_mm(holes=0)
    frame = accepted(pipeline(depth=True, size=SIZE).process(color, depth, 1))
    color[:], depth[:] = 0, 0
    assert frame.color.any()
    assert frame.depth_filled.all()


def test_colour_alone_and_depth_alone():
    frame = accepted(pipeline().process(rgb(), None, 1))
    assert frame.depth_filled is None
    assert frame.valid_fraction == 1.0
    frame = accepted(pipeline(color=False, depth=True).process(None, depth_mm(), 1))
    assert frame.color is None
    assert frame.depth_filled is not None


@pytest.mark.parametrize(
    ('color', 'depth', 'reason'),
    [
        (None, depth_mm(), 'no color image'),
        (rgb(), None, 'no depth image'),
        (rgb()[:0], depth_mm(), 'no color image'),
        (rgb()[:40], depth_mm(), 'not aligned'),
        (rgb().astype(np.float32), depth_mm(), 'expected uint8'),
        (rgb()[..., :2], depth_mm(), 'expected uint8'),
        (rgb(), depth_mm().astype(np.int32), 'expected [H, W] of uint16'),
        (rgb(), np.zeros(SIZE, np.uint16), '0.0% of the pixels are valid'),
        (rgb(), np.full(SIZE, np.nan, np.float32), '0.0% of the pixels are valid'),
        (rgb(), depth_mm(holes=0.9), 'of the pixels are valid, need 20.0%'),
        (rgb(), depth_mm().astype(np.float32), 'millimetres declared as metres'),
        (rgb(), np.ones(SIZE, np.uint16), 'metres declared as millimetres'),
    ],
)
def test_bad_frames_are_refused_and_the_next_good_one_passes(color, depth, reason):
    camera = pipeline(depth=True)
    refused(camera.process(color, depth, 1), reason)
    accepted(camera.process(rgb(), depth_mm(), 2))


def test_a_crop_that_does_not_fit_names_both_sizes():
    result = pipeline(crop=(0, 0, 640, 480)).process(rgb(), None, 1)
    refused(result, '[0, 0, 640, 480] does not fit in an image of 64 x 48 pixels')


def test_old_future_and_unordered_frames():
    camera, now = pipeline(max_age_s=0.15), 10**12
    refused(camera.process(rgb(0), None, now - 151_000_000, now), '0.151 s old, limit 0.15')
    refused(camera.process(rgb(1), None, now + 101_000_000, now), '0.101 s in the future')
    accepted(camera.process(rgb(2), None, now, now))
    refused(camera.process(rgb(3), None, now, now), 'not newer')
    refused(camera.process(rgb(3), None, now - 1, now), 'not newer')
    camera.reset()
    accepted(camera.process(rgb(3), None, now - 1, now))


@pytest.mark.fault(5)
def test_a_frozen_camera_is_refused_until_its_pixels_change():
    camera = pipeline(frozen_frames=3)
    accepted(camera.process(rgb(), None, 1))
    accepted(camera.process(rgb(), None, 2))
    for stamp in (3, 4):
        assert refused(camera.process(rgb(), None, stamp), 'equal color images').frozen
    accepted(camera.process(rgb(1), None, 5))
    assert not refused(camera.process(None, None, 6), 'no color').frozen


def test_one_frozen_stream_is_enough():
    camera = pipeline(frozen_frames=2, depth=True)
    accepted(camera.process(rgb(0), depth_mm(), 1))
    refused(camera.process(rgb(1), depth_mm(), 2), '2 equal depth images')


def test_a_noiseless_camera_may_repeat_itself():
    camera = pipeline(frozen_frames=0)
    assert all(isinstance(camera.process(rgb(), None, i), CameraFrame) for i in range(50))


@pytest.mark.fault(7)
@settings(max_examples=60)
@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.float32, np.int64]),
        hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=9),
        elements=st.integers(0, 200),
    ),
    hnp.arrays(
        st.sampled_from([np.uint16, np.float32, np.uint8]),
        hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=9),
        elements=st.integers(0, 200),
    ),
)
def test_no_frame_raises_and_none_is_made_of_nothing(color, depth):
    result = pipeline(depth=True, size=(5, 4)).process(color, depth, 1)
    if isinstance(result, CameraFrame):
        assert (result.depth_filled > 0).all()
        assert result.valid_fraction >= 0.2


@pytest.mark.parametrize(
    ('settings', 'key'),
    [
        ({'name': ''}, 'name'),
        ({'name': 'left eye'}, 'name'),
        ({'size': [0, 32]}, 'size'),
        ({'crop': [0, 0, 0, 5]}, 'crop'),
        ({'color': False}, 'neither color nor depth'),
        ({'max_age_s': 0}, 'max_age_s'),
        ({'max_age_s': float('nan')}, 'max_age_s'),
        ({'min_valid': 0}, 'min_valid'),
        ({'depth_range_m': [2.0, 1.0]}, 'depth_range_m'),
        ({'frozen_frames': 1}, 'frozen_frames'),
        ({'frozen': 3}, 'unknown key'),
    ],
)
def test_wrong_settings_name_file_and_key(settings, key):
    with pytest.raises(InputError, match=f'task.yaml: .*{key}'):
        config.parse(CameraConfig, {'name': 'wrist', 'size': [32, 32]} | settings, 'task.yaml')


def test_settings_survive_the_round_trip():
    wanted = CameraConfig('wrist', (32, 32), crop=(1, 2, 3, 4), depth=True)
    assert config.parse(CameraConfig, config.to_dict(wanted), 'x') == wanted


def test_a_picture_older_than_its_cameras_limit_makes_no_observation():
    ms = 1_000_000
    ages = {'wrist/color': 50 * ms}
    aligner = Aligner(AlignConfig(100 * ms, 100 * ms, ('wrist/color', 'roof/color'), ages))
    aligner.add_state(JointState(200 * ms, np.zeros(1), np.zeros(1)))
    aligner.add_wrench(Wrench(200 * ms, np.zeros(3), np.zeros(3)))
    aligner.add_image('roof/color', 110 * ms, rgb())
    aligner.add_image('wrist/color', 149 * ms, rgb())
    assert aligner.stale(200 * ms) == ['wrist/color']
    assert aligner.take() is None
    aligner.add_image('wrist/color', 150 * ms, rgb())
    assert aligner.take() is not None
