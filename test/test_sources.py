# SPDX-License-Identifier: Apache-2.0
"""Cameras: a film, one that goes away and comes back, and what each bad one is told."""

import itertools
import time

import numpy as np
import pytest

from robot_rl.errors import InputError
from robot_rl.perception.rig import open_source
from robot_rl.perception.source_config import SourceConfig, load_sources
from robot_rl.perception.sources import RawFrame, Reconnecting, SourceLostError, VideoSource
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
        ('{wrist: {kind: usb}}', 'kind: expected one of topic, realsense, uvc, file'),
        ('{wrist: {kind: uvc}}', 'device: expected one for kind uvc'),
        ('{wrist: {kind: uvc, device: "0", serial: "5"}}', 'serial: belongs to kind realsense'),
        ('{wrist: {kind: realsense, file: a.mp4}}', 'file: belongs to kind file'),
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
