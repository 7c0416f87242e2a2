# SPDX-License-Identifier: Apache-2.0
"""Cameras: a film, one that goes away and comes back, and what each bad one is told."""

import itertools
import os
import threading
import time

import cv2
import numpy as np
import pytest

from robot_rl.errors import InputError
from robot_rl.perception.rig import open_source
from robot_rl.perception.source_config import SourceConfig, load_sources
from robot_rl.perception.sources import RawFrame, Reconnecting, SourceLostError, VideoSource
from robot_rl.perception.watched import Watched
from robot_rl.report.video import write_video

SECOND = 10**9


def counter():
    stamps = itertools.count(1)
    return lambda: next(stamps)


@pytest.fixture(scope='module')
def film(tmp_path_factory):
    """Three pictures: red, green, blue, 20 a second."""
    path = tmp_path_factory.mktemp('film') / 'film.mp4'
    pictures = [np.full((48, 64, 3), color) for color in np.eye(3, dtype=np.uint8) * 255]
    write_video(path, pictures, 20)
    return str(path)


def test_a_film_gives_its_pictures_in_rgb_at_its_own_speed(film):
    source, began = VideoSource(film, time.monotonic_ns, size=(48, 64)), time.monotonic()
    frames = [source.read() for _ in range(3)]
    assert time.monotonic() - began >= 0.099
    assert [f.color.mean(axis=(0, 1)).argmax() for f in frames] == [0, 1, 2]
    assert frames[0].exposure_s is None
    with pytest.raises(SourceLostError, match='no more frames'):
        source.read()
    source.close()


def test_what_cannot_be_opened_is_named(film, tmp_path):
    with pytest.raises(InputError, match=r'camera .*none.mp4: cannot be opened'):
        VideoSource(str(tmp_path / 'none.mp4'), counter())
    with pytest.raises(InputError, match='gives 64 x 48 pixels, wanted 640 x 480'):
        open_source(SourceConfig('file', file=film, size=(480, 640)), counter())
    with pytest.raises(InputError, match=r'none.db3: no such file'):
        open_source(SourceConfig('file', file=str(tmp_path / 'none.db3')), counter())
    with pytest.raises(InputError, match='camera 37: cannot be opened'):
        open_source(SourceConfig('uvc', device='37'), counter())


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


class Hand:
    """A camera that gives a frame, or raises, when told to."""

    def __init__(self, *given):
        self.given, self.go, self.closed = list(given), threading.Semaphore(0), threading.Event()

    def read(self):
        assert self.go.acquire(timeout=10)
        frame = self.given.pop(0)
        if isinstance(frame, Exception):
            raise frame
        return frame

    def close(self):
        self.closed.set()


def test_a_camera_that_blocks_is_lost_in_time_and_closed_once_it_lets_go():
    frame = RawFrame(1, np.zeros((2, 2, 3), np.uint8))
    hand = Hand(frame, SourceLostError('no more'), ZeroDivisionError('a fault of ours'), frame)
    camera = Watched(hand, 'camera 0', 0.1)
    threading.Timer(0.3, hand.go.release).start()  # the first one may take longer
    assert camera.read() is frame
    for error in (SourceLostError, ZeroDivisionError):
        hand.go.release()
        with pytest.raises(error):
            camera.read()
    with pytest.raises(SourceLostError, match=r'camera 0: no frame for 0\.1 s'):
        camera.read()
    camera.close()
    assert not hand.closed.is_set()
    hand.go.release()
    assert hand.closed.wait(10)


def test_a_device_that_stops_is_lost_after_its_timeout(tmp_path):
    film, device, ended = tmp_path / 'film.avi', tmp_path / 'camera', threading.Event()
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*'MJPG'), 30, (640, 480))
    noise = np.random.default_rng(0)
    for _ in range(30):
        writer.write(noise.integers(0, 256, (480, 640, 3), dtype=np.uint8))
    writer.release()
    os.mkfifo(device)

    def feed():
        with device.open('wb') as out:
            data = film.read_bytes()
            out.write(data[: len(data) // 2])
            out.flush()
            ended.wait(10)

    thread = threading.Thread(target=feed)
    thread.start()
    source = SourceConfig('uvc', device=str(device), timeout_s=0.3)
    camera = open_source(source, time.monotonic_ns)
    try:
        assert camera.read().color.shape == (480, 640, 3)
        with pytest.raises(SourceLostError, match=r'camera: no frame for 0\.3 s'):
            list(iter(camera.read, None))
    finally:
        camera.close()
        ended.set()
        thread.join()


def rig(folder, text):
    path = folder / 'rig.yaml'
    path.write_text(text)
    return str(path)


def test_a_rig_tells_the_source_of_each_camera_and_topics_are_the_rest(tmp_path):
    text = 'cameras: {wrist: {kind: file, file: a.mp4, lens: b.yaml}, roof: {kind: realsense}}'
    sources = load_sources(rig(tmp_path, text), ('wrist', 'front'))
    assert sources['front'] == SourceConfig()
    assert sources['wrist'].file == str(tmp_path / 'a.mp4')
    assert sources['wrist'].lens == str(tmp_path / 'b.yaml')
    assert load_sources('', ('wrist',)) == {'wrist': SourceConfig()}
    assert load_sources('realsense', ('wrist',))['wrist'].kind == 'realsense'


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('{wirst: {kind: uvc, device: "0"}}', r"none of the task's \(wrist\) is among wirst"),
        ('{wrist: {kind: usb}}', 'kind: expected one of topic, realsense, uvc, file, picture'),
        ('{wrist: {kind: uvc}}', 'device: expected one for kind uvc'),
        ('{wrist: {kind: uvc, device: "0", serial: "5"}}', 'serial: belongs to kind realsense'),
        ('{wrist: {kind: realsense, file: a.mp4}}', 'file: belongs to kind file or picture'),
        ('{wrist: {kind: picture}}', 'file: expected one for kind picture'),
        ('{wrist: {kind: picture, file: a.png, size: [4, 4]}}', 'size: belongs to kind topic or'),
        (
            '{wrist: {kind: picture, file: a.png, lens: b.yaml}}',
            'lens: belongs .*, not to picture',
        ),
        ('{wrist: {fps: 0}}', 'fps: expected 1 to 300'),
        ('{wrist: {timeout_s: 0.0}}', 'timeout_s: expected'),
        ('{wrist: {retry_s: 100}}', 'retry_s: expected'),
        ('{wrist: {size: [0, 640]}}', 'size: expected rows and columns'),
        ('{wrist: {kind: uvc, device: "0", lens: camera_info}}', 'lens: camera_info comes with'),
        ('{wrist: {kind: realsense, filters: [{name: holes}]}}', 'name: expected one of decim'),
    ],
)
def test_a_wrong_rig_names_file_and_key(tmp_path, text, words):
    with pytest.raises(InputError, match=f'rig.yaml: .*{words}'):
        load_sources(rig(tmp_path, f'cameras: {text}'), ('wrist',))


def test_an_unknown_rig_lists_the_known_ones():
    with pytest.raises(InputError, match=r"unknown name 'lab' in config/cameras; known: .*uvc"):
        load_sources('lab', ('wrist',))
