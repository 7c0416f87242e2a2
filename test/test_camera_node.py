# SPDX-License-Identifier: Apache-2.0
"""The camera node as a process: a film, raw topics, a lens from camera_info, and bad pictures."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from arm_stage import BEST_EFFORT
from boards import PINHOLE
from diagnostic_msgs.msg import DiagnosticArray
from graph import Listener, process
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Float32

from robot_rl import resources
from robot_rl.nodes import conversions as convert
from robot_rl.perception.goal_file import GoalPicture, write_goal
from robot_rl.perception.lens import Undistortion
from robot_rl.report.video import write_video

pytestmark = pytest.mark.graph

SIZE = (48, 64)
RIG = {
    'wrist': {'size': [48, 64]},
    'side': {'lens': 'camera_info'},
    'roof': {'kind': 'file', 'file': 'film.mp4'},
    'roof_goal': {'kind': 'picture', 'file': 'goal.png', 'fps': 20},
}
CAMERAS = [
    {'name': 'wrist', 'size': [24, 32], 'depth': True, 'max_age_s': 1.0},
    {'name': 'side', 'size': [480, 640], 'frozen_frames': 0},
    {'name': 'roof', 'size': [24, 32], 'gray': True, 'frozen_frames': 0},
    {'name': 'roof_goal', 'size': [24, 32], 'depth': True, 'crop': [9, 9, 9, 9], 'max_age_s': 1.0},
]
GOAL = GoalPicture(
    0,
    np.random.default_rng(1).integers(0, 256, (24, 32, 3), dtype=np.uint8),
    np.linspace(0.5, 1.5, 24 * 32, dtype=np.float32).reshape(24, 32),
)


def files(folder: Path) -> dict[str, object]:
    """A task with four cameras, and their rig."""
    task = yaml.safe_load(resources.find('config/tasks', 'usb_insertion').read_text())
    (folder / 'task.yaml').write_text(yaml.safe_dump(task | {'cameras': CAMERAS}))
    (folder / 'rig.yaml').write_text(yaml.safe_dump({'cameras': RIG}))
    film = [np.full((*SIZE, 3), shade, np.uint8) for shade in range(0, 200, 4)]
    write_video(folder / 'film.mp4', film, 50)
    write_goal(folder / 'goal.png', GOAL, {})
    return {'task': folder / 'task.yaml', 'camera_sources': folder / 'rig.yaml'}


class Seen:
    """What the node gives, and what is given to it."""

    def __init__(self) -> None:
        self.listener = Listener()
        self.rng = np.random.default_rng(0)
        collect = self.listener.collect
        streams = ('wrist/color', 'wrist/depth', 'side/color', 'roof/color')
        streams += ('roof_goal/color', 'roof_goal/depth')
        self.images = {stream: collect(Image, stream, BEST_EFFORT) for stream in streams}
        self.fractions = collect(Float32, 'wrist/valid_fraction', BEST_EFFORT)
        self.diagnostics = collect(DiagnosticArray, '/diagnostics')
        publisher = self.listener.node.create_publisher
        self.raw = {
            stream: publisher(Image, f'{stream}/image_raw', 1)
            for stream in ('wrist/color', 'wrist/depth', 'side/color')
        }
        self.info = publisher(CameraInfo, 'side/color/camera_info', 1)
        self.states = publisher(JointState, 'joint_states', 1)

    def send(self, stream: str, pixels: np.ndarray, stamp_ns: int) -> None:
        self.raw[stream].publish(convert.to_image(pixels, stamp_ns, 'lens'))

    def send_wrist(self, offset_s: float = 0.0, **changed: np.ndarray) -> None:
        """A frame of the wrist camera, good but for what is changed."""
        now_ns = time.monotonic_ns()
        self.states.publish(JointState(header=convert.header(now_ns)))
        depth = self.rng.integers(400, 900, (*SIZE, 1)).astype(np.uint16)
        depth[:, :16] = 0
        color = self.rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
        for kind, pixels in ({'color': color, 'depth': depth} | changed).items():
            self.send(f'wrist/{kind}', pixels, now_ns + round(offset_s * 1e9))

    def until(self, done: Any, what: str, give: Any = None) -> None:
        """Gives something at 30 Hz until something is true."""
        due = 0.0

        def look() -> bool:
            nonlocal due
            if give is not None and time.monotonic() > due:
                due = time.monotonic() + 1 / 30
                give()
            return bool(done())

        assert self.listener.until(look, 10), f'{what}; it says {self.said()}'

    def said(self) -> str:
        return self.diagnostics[-1].status[0].message if self.diagnostics else ''

    def values(self) -> dict[str, float]:
        found = self.diagnostics[-1].status[0].values if self.diagnostics else []
        return {pair.key: float(pair.value) for pair in found}


@pytest.fixture(scope='module')
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    made = Seen()
    with ExitStack() as stack:
        stack.callback(made.listener.close)
        stack.enter_context(process('camera_node', **files(tmp_path_factory.mktemp('rig'))))
        yield made


def test_a_film_is_played_by_a_thread_and_told_of(seen: Seen) -> None:
    seen.until(lambda: len(seen.images['roof/color']) > 20, 'pictures of the film')
    seen.until(lambda: 'roof: ok' in seen.said(), 'an ok')
    picture = seen.images['roof/color'][-1]
    assert (picture.encoding, picture.height, picture.width) == ('mono8', 24, 32)
    assert picture.header.frame_id == 'roof_optical_frame'
    values = seen.values()
    assert values['roof: rate_hz'] > 5
    assert 0 < values['roof: age_ms'] < 1000


def test_a_picture_of_the_goal_comes_at_its_rate_and_is_never_frozen(seen: Seen) -> None:
    colors, depths = seen.images['roof_goal/color'], seen.images['roof_goal/depth']
    seen.until(lambda: min(len(colors), len(depths)) > 30, 'pictures of the goal')
    seen.until(lambda: 'roof_goal: ok' in seen.said(), 'an ok')
    assert 2 < seen.values()['roof_goal: rate_hz'] < 21
    assert seen.values()['roof_goal: refused'] == 0
    np.testing.assert_array_equal(convert.from_image(colors[-1], 'color'), GOAL.color)
    assert convert.from_image(depths[-1], 'depth')[..., 0] == pytest.approx(GOAL.depth, abs=6e-4)


def test_raw_topics_become_colour_and_filled_depth(seen: Seen) -> None:
    seen.until(lambda: 'wrist: ok' in seen.said(), 'an ok', seen.send_wrist)
    depth = convert.from_image(seen.images['wrist/depth'][-1], 'wrist/depth')
    assert depth.shape == (24, 32, 1)
    assert ((depth >= 0.4) & (depth < 0.9)).all()
    assert seen.fractions[-1].data == pytest.approx(0.75, abs=0.02)
    assert seen.images['wrist/color'][-1].header.frame_id == 'lens'
    assert seen.values()['wrist: valid_fraction'] == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize(
    ('changed', 'words'),
    [
        (
            {'color': np.zeros((60, 80, 3), np.uint8)},
            'color: gives 80 x 60 pixels, wanted 64 x 48',
        ),
        ({'depth': np.zeros((*SIZE, 1), np.uint16)}, 'depth: 0.0% of the pixels are valid, need'),
        (
            {'depth': np.full((*SIZE, 1), 800, np.float32)},
            'median 800 m is above 20 m; millimetres declared as metres?',
        ),
        ({'offset_s': -1.0}, 'frames out of order'),
        ({'offset_s': 1.0}, 's in the future'),
    ],
)
def test_a_bad_picture_is_named_and_nothing_is_made_of_it(
    seen: Seen, changed: dict[str, Any], words: str
) -> None:
    for _ in range(3):
        seen.send_wrist()
    seen.listener.until(lambda: False, 0.3)  # these pass
    count = len(seen.images['wrist/color'])
    seen.until(lambda: words in seen.said(), words, lambda: seen.send_wrist(**changed))
    assert len(seen.images['wrist/color']) == count


def test_a_stream_that_stops_is_named_and_comes_back(seen: Seen) -> None:
    seen.until(lambda: 'wrist: ok' in seen.said(), 'an ok', seen.send_wrist)
    seen.until(lambda: 'wrist: no good frame for' in seen.said(), 'silence')
    assert 'roof: ok' in seen.said()
    seen.until(lambda: 'wrist: ok' in seen.said(), 'an ok', seen.send_wrist)


def test_pictures_of_which_none_fit_together_are_told_of(seen: Seen) -> None:
    depth = np.full((*SIZE, 1), 800, np.uint16)

    def give(*behind_s: float) -> None:
        now_ns = time.monotonic_ns()
        seen.states.publish(JointState(header=convert.header(now_ns)))
        seen.send('wrist/color', seen.rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8), now_ns)
        for each_s in behind_s:
            seen.send('wrist/depth', depth, now_ns - round(each_s * 1e9))

    words = 'wrist/depth/image_raw: nothing comes, only wrist/color/image_raw'
    seen.until(lambda: words in seen.said(), words, give)
    words = 'ms apart or more, expected 10 at most'
    seen.until(lambda: words in seen.said(), words, lambda: give(0.1))
    seen.until(lambda: 'wrist: ok' in seen.said(), 'an ok', seen.send_wrist)


def test_a_lens_from_camera_info_is_undone_and_before_it_there_are_no_pictures(seen: Seen) -> None:
    lens, picture = PINHOLE, seen.rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)
    messages = {
        '': CameraInfo(width=640, height=480, distortion_model='none'),
        'right': CameraInfo(width=640, height=480, distortion_model=lens.distortion_model),
    }
    messages['right'].k = list(lens.camera_matrix.data)
    messages['right'].d = list(lens.distortion_coefficients.data)

    def give(info: CameraInfo | None = None) -> None:
        now_ns = time.monotonic_ns()
        seen.states.publish(JointState(header=convert.header(now_ns)))
        seen.send('side/color', picture, now_ns)
        if info is not None:
            seen.info.publish(info)

    words = 'side/color/camera_info: nothing came'
    seen.until(lambda: words in seen.said(), words, give)
    words = 'camera_info: distortion_model none: expected one of'
    seen.until(lambda: words in seen.said(), words, lambda: give(messages['']))
    assert not seen.images['side/color']
    seen.until(lambda: seen.images['side/color'], 'pictures', lambda: give(messages['right']))
    got = convert.from_image(seen.images['side/color'][-1], 'side/color')
    np.testing.assert_array_equal(got, Undistortion(lens).apply(picture))


def test_a_clock_that_is_set_costs_no_frame_that_came_before_the_joint_states(seen: Seen) -> None:
    """As after the reset of a simulation. The others' stamps are old from here on."""
    seen.until(lambda: 'wrist: ok' in seen.said(), 'an ok', seen.send_wrist)

    def refused() -> float:
        seen.until(
            lambda: seen.diagnostics.clear() or seen.listener.until(seen.said, 2), 'a report'
        )
        return seen.values()['wrist: refused']

    def give(ahead_s: float) -> None:
        seen.send_wrist(offset_s=ahead_s)
        for _ in range(3):  # still on their way from before
            seen.listener.until(lambda: False, 0.01)
            seen.states.publish(JointState(header=convert.header(time.monotonic_ns())))
        later_ns = time.monotonic_ns() + round(ahead_s * 1e9)
        seen.states.publish(JointState(header=convert.header(later_ns)))

    def newest_ns() -> int:  # pictures of before may still come
        found = seen.images['wrist/color']
        return convert.from_time(found[-1].header.stamp) if found else 0

    for ahead_s in (5.0, 10.0, 15.0):
        before, began = refused(), time.monotonic()
        give(ahead_s)
        if time.monotonic() - began < 0.1:
            break  # in time: a picture waits for 0.2 s, and this process did not stand still
    later_ns = time.monotonic_ns() + round((ahead_s - 3.0) * 1e9)
    seen.until(lambda: newest_ns() > later_ns, 'the picture')
    assert refused() == before


@pytest.mark.parametrize(
    ('changed', 'words'),
    [
        ({'camera_sources': 'nowhere'}, "unknown name 'nowhere' in config/cameras; known: "),
        ({'sync': 'lockstep'}, 'camera_sources: roof: file needs sync:=realtime'),
    ],
)
def test_what_cannot_be_is_refused_at_the_start(
    tmp_path: Path, changed: dict[str, object], words: str
) -> None:
    path = Path(sys.prefix, 'lib', 'robot_rl', 'camera_node')
    given = [x for k, v in (files(tmp_path) | changed).items() for x in ('-p', f'{k}:={v}')]
    done = subprocess.run([path, '--ros-args', *given], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert words in done.stderr
    assert 'Traceback' not in done.stderr
