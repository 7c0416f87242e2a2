# SPDX-License-Identifier: Apache-2.0
"""Cameras: a video file, one that goes away and comes back, the RealSense SDK."""

import itertools

import numpy as np
import pytest

from robot_rl.errors import InputError
from robot_rl.perception import realsense
from robot_rl.perception.camera import CameraConfig, CameraFrame, CameraPipeline
from robot_rl.perception.sources import RawFrame, Reconnecting, VideoSource
from robot_rl.report.video import write_video

SECOND = 10**9


def counter():
    stamps = itertools.count(1)
    return lambda: next(stamps)


@pytest.fixture(scope='module')
def film(tmp_path_factory):
    """Three pictures: red, green, blue."""
    path = tmp_path_factory.mktemp('film') / 'film.mp4'
    pictures = [np.full((48, 64, 3), color) for color in np.eye(3, dtype=np.uint8) * 255]
    write_video(path, pictures, 10)
    return str(path)


def test_a_video_file_gives_its_pictures_in_rgb(film):
    source = VideoSource(film, counter(), size=(48, 64))
    for stamp, channel in ((1, 0), (2, 1), (3, 2)):
        frame = source.read()
        assert frame.stamp_ns == stamp
        assert frame.color.mean(axis=(0, 1)).argmax() == channel
    source.close()


def test_what_cannot_be_opened_is_named(film, tmp_path):
    with pytest.raises(InputError, match=r'camera .*none.mp4: cannot be opened'):
        VideoSource(str(tmp_path / 'none.mp4'), counter())
    with pytest.raises(InputError, match='gives 64 x 48 pixels, wanted 640 x 480'):
        VideoSource(film, counter(), size=(480, 640))


def test_a_lost_camera_is_tried_again_once_a_second(film):
    tries = []

    def open_film():
        tries.append(True)
        if len(tries) == 2:
            raise InputError('unplugged')
        return VideoSource(film, counter())

    camera = Reconnecting(open_film)
    assert all(isinstance(camera.read(0), RawFrame) for _ in range(3))
    assert camera.read(5 * SECOND) is None
    assert 'no more frames' in camera.reason
    assert camera.read(5 * SECOND + 1) is None
    assert (camera.reason, len(tries)) == ('unplugged', 2)
    for now in (5 * SECOND + 2, 6 * SECOND):
        assert camera.read(now) is None
    assert len(tries) == 2
    assert isinstance(camera.read(6 * SECOND + 1), RawFrame)
    assert (camera.reason, len(tries)) == ('', 3)
    camera.close()


def test_a_missing_sdk_is_named(monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'libusb_package', None)
    with pytest.raises(InputError, match='libusb_package is missing: pip install'):
        realsense.load_sdk()


class SoftwareCamera:
    """A RealSense without hardware: synthetic frames through the real SDK."""

    def __init__(self, sdk, size, unit_m):
        self.sdk, self.size, self.unit_m = sdk, size, unit_m
        self.device = sdk.software_device()
        streams = (('Depth', sdk.stream.depth, sdk.format.z16, 2),)
        streams += (('Color', sdk.stream.color, sdk.format.rgb8, 3),)
        self.sensors = [self._sensor(i, *stream) for i, stream in enumerate(streams)]
        (depth, depth_profile, _), (color, color_profile, _) = self.sensors
        same = sdk.extrinsics()
        same.rotation, same.translation = [1, 0, 0, 0, 1, 0, 0, 0, 1], [0, 0, 0]
        depth_profile.register_extrinsics_to(color_profile, same)
        self.device.create_matcher(sdk.matchers.dlr_c)
        self.syncer = sdk.syncer()
        for sensor, profile in ((depth, depth_profile), (color, color_profile)):
            sensor.open(profile)
            sensor.start(self.syncer)
        self.pixels = []  # the SDK keeps no reference to them
        self.number = 0

    def _sensor(self, uid, name, kind, form, pixel_bytes):
        sdk, stream = self.sdk, self.sdk.video_stream()
        lens = sdk.intrinsics()
        lens.height, lens.width = self.size
        lens.ppx, lens.ppy, lens.fx, lens.fy = self.size[1] / 2, self.size[0] / 2, 600, 600
        lens.model, lens.coeffs = sdk.distortion.none, [0] * 5
        stream.type, stream.index, stream.uid, stream.fmt = kind, 0, uid, form
        stream.height, stream.width = self.size
        stream.fps, stream.bpp, stream.intrinsics = 30, pixel_bytes, lens
        sensor = self.device.add_sensor(name)
        profile = sdk.video_stream_profile(sensor.add_video_stream(stream))
        if name == 'Depth':
            sensor.add_read_only_option(sdk.option.depth_units, self.unit_m)
        return sensor, profile, pixel_bytes

    def frames(self, color, depth):
        """The frameset that the SDK makes of a picture."""
        self.number += 1
        for (sensor, profile, size), pixels in zip(self.sensors, (depth, color), strict=True):
            frame = self.sdk.software_video_frame()
            frame.pixels, frame.bpp, frame.stride = pixels, size, self.size[1] * size
            frame.timestamp, frame.frame_number = self.number * 33.3, self.number
            frame.domain = self.sdk.timestamp_domain.hardware_clock
            frame.profile = profile
            if size == 2:
                frame.depth_units = self.unit_m
            self.pixels.append(pixels)
            sensor.on_video_frame(frame)
        return self.syncer.wait_for_frames(1000)


@pytest.fixture
def sdk():
    try:
        return realsense.load_sdk()
    except InputError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize('unit_m', [1e-3, 1e-4])
def test_the_realsense_path_from_the_sdk_to_the_observation(sdk, unit_m):
    size = (240, 320)
    camera = SoftwareCamera(sdk, size, unit_m)
    converter = realsense.FrameConverter(sdk, counter())
    pipeline = CameraPipeline(CameraConfig('wrist', (100, 100), depth=True))
    rng = np.random.default_rng(0)
    depth = np.full(size, round(0.8 / unit_m), np.uint16)
    depth[:, :100] = 0  # holes
    seen = []
    for _ in range(4):
        color = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        depth[:, 100:] += 1  # no frame is equal to the last
        raw = converter.convert(camera.frames(color, depth.copy()))
        if raw is not None:  # the syncer may deliver the first colour alone
            assert (raw.color == color).all()
            assert raw.depth.dtype == (np.uint16 if unit_m == 1e-3 else np.float32)
            seen.append(pipeline.process(raw.color, raw.depth, raw.stamp_ns))
    assert len(seen) >= 3
    assert all(isinstance(frame, CameraFrame) for frame in seen), seen
    assert seen[0].depth_filled == pytest.approx(0.8, abs=0.002)
    assert seen[0].valid_fraction == pytest.approx(220 / 320, abs=0.02)


def test_a_realsense_that_is_not_there(sdk):
    if sdk.context().query_devices().size():
        pytest.skip('a RealSense is plugged in')
    with pytest.raises(InputError, match='no camera with serial 123; found: none'):
        realsense.RealSenseSource(counter(), '123')
