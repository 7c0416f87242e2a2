# SPDX-License-Identifier: Apache-2.0
"""The RealSense path, from pictures that go into a software device to frames a policy sees.

Everything between is the SDK's own code: pipeline, syncer, filters, alignment, recorder.
"""

import dataclasses
import itertools
import time

import numpy as np
import pytest

from robot_rl.errors import InputError
from robot_rl.perception import realsense
from robot_rl.perception.camera import CameraConfig, CameraFrame, CameraPipeline, Refusal
from robot_rl.perception.realsense import FrameConverter, RealSenseSource
from robot_rl.perception.rig import open_source
from robot_rl.perception.software_realsense import Optics, SoftwareRealSense
from robot_rl.perception.source_config import FilterConfig, SourceConfig
from robot_rl.perception.sources import Reconnecting, SourceLostError

SECOND = 10**9
SIZE = (240, 320)
SMALL = Optics(SIZE, depth_focal=615.0, baseline_m=0.0)
CONFIG = SourceConfig('realsense', serial='77', size=SIZE, timeout_s=0.3)


@pytest.fixture
def sdk():
    try:
        return realsense.load_sdk()
    except InputError as error:
        pytest.skip(str(error))


@pytest.fixture
def plugged(sdk, monkeypatch):
    """The cameras that are plugged in; the SDK's own list leaves software devices out."""
    cameras = []
    monkeypatch.setattr(realsense, 'connected', lambda: [c.device for c in cameras])
    return cameras


class Pictures:
    """Noise in colour, depth of one distance with a hole on the left; no two are equal."""

    def __init__(self, distance):
        self.rng, self.depth = np.random.default_rng(0), np.full(SIZE, distance, np.uint16)
        self.depth[:, :100] = 0

    def __iter__(self):
        while True:
            self.depth[:, 100:] += 1
            yield self.rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8), self.depth.copy()


def read(source, camera, pictures, tries=20, **how):
    """The next frame; the syncer may keep the first ones."""
    for color, depth in itertools.islice(pictures, tries):
        camera.send(color, depth, **how)
        try:
            return source.read(), color, depth
        except SourceLostError:
            continue
    raise AssertionError('no frame')


@pytest.mark.parametrize('unit_m', [1e-3, 1e-4])
def test_from_the_sdk_to_the_observation(plugged, unit_m):
    camera = SoftwareRealSense('77', Optics(SIZE, unit_m, 615.0, 615.0, 0.0))
    plugged.append(camera)
    source = RealSenseSource(time.monotonic_ns, CONFIG)
    pipeline = CameraPipeline(CameraConfig('wrist', (100, 100), depth=True))
    pictures = Pictures(round(0.8 / unit_m))
    for _ in range(3):
        raw, color, depth = read(source, camera, pictures, exposure_s=0.0125)
        np.testing.assert_array_equal(raw.color, color)
        assert raw.exposure_s == pytest.approx(0.0125)
        if unit_m == 1e-3:
            seen = raw.depth > 0  # the SDK's alignment rounds some pixels away
            assert seen.sum() > 0.95 * (depth > 0).sum()
            np.testing.assert_array_equal(raw.depth[seen], depth[seen])
        else:
            assert raw.depth.dtype == np.float32
        frame = pipeline.process(raw.color, raw.depth, raw.stamp_ns)
        assert isinstance(frame, CameraFrame), frame
        assert frame.depth_filled == pytest.approx(0.8, abs=0.02)
        assert frame.valid_fraction == pytest.approx(220 / 320, abs=0.04)
    source.close()


def test_two_eyes_are_aligned_to_the_colour(plugged):
    """A step in depth appears where the colour's eye sees it, not where the depth's does."""
    optics = Optics(SIZE)
    camera = SoftwareRealSense('77', optics)
    plugged.append(camera)
    source = RealSenseSource(time.monotonic_ns, CONFIG)
    depth = np.full(SIZE, 1000, np.uint16)
    depth[:, 160:] = 500
    for shade in range(20):
        camera.send(np.full((*SIZE, 3), shade, np.uint8), depth)
    raw = source.read()
    edge = int(np.argmax(raw.depth[120] == 500))
    shift = optics.color_focal / 2 * optics.baseline_m / 0.5  # pixels, at 0.5 m
    assert abs(abs(edge - 160) - shift) <= 2
    source.close()


def test_gaps_in_the_count_of_frames_are_seen(plugged):
    camera = SoftwareRealSense('77', SMALL)
    plugged.append(camera)
    source, pictures = RealSenseSource(time.monotonic_ns, CONFIG), Pictures(800)
    first = read(source, camera, pictures)[0].number
    assert read(source, camera, pictures, skipped=3)[0].number == first + 4
    source.close()


def test_a_camera_that_is_pulled_out_is_lost_and_its_successor_found(plugged):
    camera = SoftwareRealSense('77', SMALL)
    plugged.append(camera)
    source, pictures = RealSenseSource(time.monotonic_ns, CONFIG), Pictures(800)
    read(source, camera, pictures)
    plugged.clear()
    with pytest.raises(SourceLostError, match=r'realsense 77: no frame for 0.3 s'):
        source.read()
    source.close()
    del camera
    with pytest.raises(InputError, match='no camera with serial 77; found: none'):
        RealSenseSource(time.monotonic_ns, CONFIG)
    plugged.append(SoftwareRealSense('77', SMALL))
    source = RealSenseSource(time.monotonic_ns, CONFIG)
    read(source, plugged[0], pictures)
    source.close()


def test_a_wrong_serial_and_a_wrong_resolution_are_named(plugged):
    plugged.append(SoftwareRealSense('77', SMALL))
    with pytest.raises(InputError, match='no camera with serial 12; found: 77'):
        RealSenseSource(time.monotonic_ns, SourceConfig('realsense', serial='12'))
    with pytest.raises(InputError, match='realsense 77: cannot give 640 x 480 at 30 Hz'):
        RealSenseSource(time.monotonic_ns, SourceConfig('realsense', serial='77'))


def test_a_device_without_a_serial_number_is_not_the_camera(plugged, sdk):
    class Recovering:
        device = sdk.software_device()

    plugged.append(Recovering)
    with pytest.raises(InputError, match='no camera with serial 77; found: none'):
        RealSenseSource(time.monotonic_ns, CONFIG)
    plugged.append(SoftwareRealSense('77', SMALL))
    RealSenseSource(time.monotonic_ns, CONFIG).close()


@pytest.mark.parametrize('where', ['list', 'serial', 'pipeline', 'filter'])
def test_an_error_of_the_sdk_is_told_and_the_camera_tried_again(plugged, sdk, monkeypatch, where):
    def fail(*_):
        raise RuntimeError('failed to set power state')

    class Gone:
        supports, get_info = (lambda _, key: True), fail

    faults = {
        'list': (realsense, 'connected', fail),
        'serial': (realsense, 'connected', lambda: [Gone()]),
        'pipeline': (sdk, 'pipeline', fail),
        'filter': (sdk, 'align', fail),
    }
    plugged.append(SoftwareRealSense('77', SMALL))
    source = Reconnecting(lambda: open_source(CONFIG, time.monotonic_ns))
    with monkeypatch.context() as broken:
        broken.setattr(*faults[where])
        assert source.read(0) is None
    assert source.reason == 'realsense 77: cannot be opened: failed to set power state'
    assert source.read(SECOND - 1) is None
    assert 'power state' in source.reason
    assert source.read(SECOND) is None
    assert source.reason == 'realsense 77: no frame for 0.3 s'  # it is open, and sends nothing


def test_filters_of_the_sdk_work_on_the_depth(plugged):
    """Threshold takes what is nearer than a metre; alignment makes up for decimation."""
    camera = SoftwareRealSense('77', SMALL)
    plugged.append(camera)
    far = FilterConfig('threshold', {'min_distance': 1.0, 'max_distance': 4.0})
    filters = (far, FilterConfig('decimation'))
    source = RealSenseSource(time.monotonic_ns, dataclasses.replace(CONFIG, filters=filters))
    pipeline = CameraPipeline(CameraConfig('wrist', (100, 100), depth=True))
    for distance, good in ((800, False), (1500, True)):
        raw = read(source, camera, Pictures(distance))[0]
        assert raw.depth.shape == SIZE
        result = pipeline.process(raw.color, raw.depth, raw.stamp_ns)
        assert isinstance(result, CameraFrame if good else Refusal)
    assert (
        'wrist: depth: 0.0% of the pixels are valid'
        in pipeline.process(raw.color, np.zeros_like(raw.depth), raw.stamp_ns + 1).reason
    )
    source.close()


@pytest.mark.parametrize(
    ('name', 'options', 'words'),
    [
        (
            'spatial',
            {'alpha': 0.5},
            "spatial has no option 'alpha'; known: magnitude, smooth",
        ),
        ('spatial', {'smooth_alpha': 2.0}, 'spatial: smooth_alpha: expected 0.25 to 1, got 2'),
        ('to_depth', {'x': 1.0}, "to_depth has no option 'x'"),
    ],
)
def test_a_wrong_option_of_a_filter_is_named(sdk, name, options, words):
    with pytest.raises(InputError, match=words):
        FrameConverter(sdk, time.monotonic_ns, (FilterConfig(name, options),))


def test_a_recording_plays_at_its_own_speed(plugged, sdk, tmp_path):
    path = str(tmp_path / 'seen.db3')
    camera, pipeline, wanted = SoftwareRealSense('77', SMALL), sdk.pipeline(), sdk.config()
    pipeline.set_device(camera.device)
    wanted.enable_record_to_file(path)
    pipeline.start(wanted)
    sent = []
    for color, depth in itertools.islice(Pictures(800), 12):
        camera.send(color, depth)
        sent.append(color)
        pipeline.try_wait_for_frames(200)
        time.sleep(1 / 30)
    pipeline.stop()
    del pipeline
    config = SourceConfig('file', file=path, size=SIZE, timeout_s=1.0)
    source, began = open_source(config, time.monotonic_ns), time.monotonic()
    frames = [source.read() for _ in range(6)]
    assert time.monotonic() - began > 0.1
    for frame in frames:
        assert any(np.array_equal(frame.color, color) for color in sent)
        assert frame.depth.shape == SIZE
    source.close()


def test_a_missing_sdk_is_named(monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'libusb_package', None)
    with pytest.raises(InputError, match='libusb_package is missing: pip install'):
        realsense.load_sdk()


def test_a_realsense_that_is_not_there(sdk):
    if realsense.connected():
        pytest.skip('a RealSense is plugged in')
    with pytest.raises(InputError, match='no camera with serial 123; found: none'):
        RealSenseSource(time.monotonic_ns, SourceConfig('realsense', serial='123'))
