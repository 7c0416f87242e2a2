# SPDX-License-Identifier: Apache-2.0
"""Goal pictures: rendered, from a camera, from a demonstration's end, from a graph; bad input."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from robot_rl import cli
from robot_rl.errors import InputError
from robot_rl.perception.camera import CameraConfig, CameraFrame
from robot_rl.perception.goal_file import GoalPicture, read_goal, write_goal
from robot_rl.perception.rig import open_source, pipeline_of
from robot_rl.perception.source_config import SourceConfig, load_sources
from robot_rl.replay.step_file import write_steps
from robot_rl.rewards.config import GoalImageConfig
from robot_rl.rewards.goal_picture import load_goal_image
from robot_rl.task import load_task
from robot_rl.types import Observation, Step
from sim_bridge import capture_goal

TASK = 'particle_image'
SIZE = (48, 48)


def rig(folder: Path, **source: object) -> str:
    path = folder / 'rig.yaml'
    path.write_text(yaml.safe_dump({'cameras': {'above': source}}))
    return str(path)


def film(folder: Path) -> Path:
    path = folder / 'film.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 60, (96, 96))
    for i in range(20):
        writer.write(np.full((96, 96, 3), (10 * i, 100, 200), np.uint8))
    writer.release()
    return path


def step(number: int, success: bool, picture: np.ndarray) -> Step:
    entries = {'image': picture, 'tool': np.zeros(3)}
    observation = Observation(number * 10**8, 'hand', number // 2, number % 2, entries)
    zero, last = np.zeros(2), number % 2 == 1
    ends = {'success': success, 'terminated': last, 'truncated': False}
    return Step(number, observation, zero, zero, zero, 'human', 0, 0.0, **ends)


def test_a_rendered_goal_is_written_with_what_is_known_of_it(tmp_path, capsys):
    path = tmp_path / 'goals' / 'there.png'
    assert 'capture-goal' in cli.COMMANDS
    assert capture_goal.main([TASK, '--out', str(path), '--seed', '3']) == 0
    said = capsys.readouterr().out
    assert yaml.safe_load(said.splitlines()[-1]) == {
        'above_goal': {'kind': 'picture', 'file': str(path)}
    }
    assert 'goal_image:' not in said
    facts = yaml.safe_load(path.with_suffix('.yaml').read_text())
    assert {
        'task': TASK,
        'camera': 'above',
        'seed': 3,
        'size': list(SIZE),
    }.items() <= facts.items()
    picture = cv2.imread(str(path))
    assert picture.shape == (*SIZE, 3)
    assert picture.std() > 5
    with pytest.raises(InputError, match=r'there\.png.*there already; --overwrite'):
        capture_goal.main([TASK, '--out', str(path)])
    capture_goal.main([TASK, '--out', str(path), '--seed', '4', '--overwrite'])
    assert not np.array_equal(cv2.imread(str(path)), picture)


def test_colour_comes_back_as_it_was_and_depth_in_millimetres(tmp_path):
    color = np.zeros((4, 6, 3), np.uint8)
    color[0, 1] = 250, 20, 3
    depth = np.full((4, 6), 0.7346, np.float32)
    files = write_goal(tmp_path / 'g.png', GoalPicture(5, color, depth), {'camera': 'wrist'})
    assert [file.name for file in files] == ['g.png', 'g_depth.png', 'g.yaml']
    assert np.array_equal(cv2.imread(str(files[0]))[..., ::-1], color)
    assert (cv2.imread(str(files[1]), cv2.IMREAD_UNCHANGED) == 735).all()
    assert yaml.safe_load(files[2].read_text())['stamp_ns'] == 5
    with pytest.raises(InputError, match=r'ends in \.png'):
        write_goal(tmp_path / 'g.jpg', GoalPicture(5, color, None), {})


def test_the_reward_reads_what_was_captured(tmp_path, capsys):
    path = tmp_path / 'plug.png'
    capture_goal.main(['usb_insertion_image', '--out', str(path)])
    line = {'entry': 'image', 'file': str(path), 'size': [32, 32]}
    assert yaml.safe_load(capsys.readouterr().out.splitlines()[-1]) == {'goal_image': line}
    made = load_goal_image(GoalImageConfig('image', str(path)))
    settings = load_task('usb_insertion_image').reward.goal_image
    kept = load_goal_image(settings).astype(int)
    assert np.abs(made - kept).mean() < 3  # drivers draw alike, not bit for bit
    with pytest.raises(InputError, match=r'plug\.png: expected .*\[16, 16\], got .*\[32, 32\]'):
        load_goal_image(GoalImageConfig('image', str(path), (16, 16)))


@pytest.mark.parametrize('task', ['particle_image', 'fetch_pick_image', 'fetch_reach_image'])
def test_a_goal_camera_gives_what_was_captured_again_and_again(tmp_path, capsys, task):
    path = tmp_path / 'goal.png'
    capture_goal.main([task, '--out', str(path)])
    entry = capsys.readouterr().out.splitlines()[-1]
    (tmp_path / 'rig.yaml').write_text(f'cameras:\n  {entry}\n')
    camera = replace(load_task(task).cameras[-1], frozen_frames=2)
    source = load_sources(str(tmp_path / 'rig.yaml'), (camera.name,))[camera.name]
    opened, pipeline = open_source(source, time.monotonic_ns, camera), pipeline_of(camera, source)
    for _ in range(3):
        raw = opened.read()
        frame = pipeline.process(raw.color, raw.depth, raw.stamp_ns, time.monotonic_ns())
        assert isinstance(frame, CameraFrame), frame
        assert np.array_equal(frame.color[..., ::-1], cv2.imread(str(path)))
        if camera.depth:
            wanted = capture_goal.rendered(load_task(task), camera, 0)[0].depth
            assert frame.depth_filled == pytest.approx(wanted, abs=6e-4)


def test_a_camera_of_a_rig_gives_a_goal(tmp_path):
    path = tmp_path / 'goal.png'
    source = rig(tmp_path, kind='file', file=film(tmp_path).name)
    assert capture_goal.main([TASK, '--rig', source, '--out', str(path)]) == 0
    picture = cv2.imread(str(path))
    assert picture.shape == (*SIZE, 3)
    assert np.abs(picture[..., 1:].mean((0, 1)) - (100, 200)).max() < 8


@pytest.mark.parametrize(
    ('source', 'said'),
    [
        ({'kind': 'uvc', 'device': '99'}, 'above: no picture in 0.3 s: camera 99: cannot be open'),
        ({'kind': 'file', 'file': 'none.avi'}, r'none\.avi: no such file'),
        (
            {'kind': 'file', 'file': 'film.avi', 'size': [48, 48]},
            'gives 96 x 96 pixels, wanted',
        ),
        ({'kind': 'realsense', 'serial': '12'}, 'no camera with serial 12|is not installed'),
        ({'kind': 'topic'}, 'raw topics: start the graph and use --graph'),
    ],
)
def test_a_camera_that_is_not_there_or_gives_another_size_is_named(tmp_path, source, said):
    film(tmp_path)
    with pytest.raises(InputError, match=said):
        capture_goal.main([TASK, '--rig', rig(tmp_path, **source), '--seconds', '0.3'])


@pytest.mark.parametrize(
    ('file', 'size', 'change', 'said'),
    [
        ('g.png', (4, 6), None, r'g\.png: No such file or directory; expected the color of front'),
        ('g_depth.png', (4, 6), None, r'g_depth\.png: No such file .*; expected the depth of fr'),
        ('g.png', (4, 6), b'GIF', r'g\.png: not a picture; expected the color of front_goal'),
        ('g.png', (8, 6), (), r'color of front_goal: expected uint8 \[8, 6, 3\], got .*\[4, 6, 3'),
        ('g.png', (4, 6), ((4, 6), 'u2'), r'color of front_goal: .*, got uint16 \[4, 6, 3\]'),
        ('g_depth.png', (4, 6), ((4, 6), 'u1'), r'expected uint16 \[4, 6\], got uint8 \[4, 6\]'),
        ('g_depth.png', (4, 6), ((4, 6, 3), 'u2'), r'depth of .*, got uint16 \[4, 6, 3\]'),
        ('g_depth.png', (4, 6), ((8, 8), 'u2'), r'g_depth\.png: .*, got uint16 \[8, 8\]'),
    ],
)
def test_a_picture_that_the_goal_camera_cannot_give_is_named(tmp_path, file, size, change, said):
    goal = GoalPicture(5, np.zeros((4, 6, 3), np.uint8), np.ones((4, 6), np.float32))
    write_goal(tmp_path / 'g.png', goal, {})
    if change is None:
        (tmp_path / file).unlink()
    elif isinstance(change, bytes):
        (tmp_path / file).write_bytes(change)
    elif change:
        cv2.imwrite(str(tmp_path / file), np.zeros(*change))
    camera = CameraConfig('front_goal', size, depth=True)
    with pytest.raises(InputError, match=said):
        open_source(SourceConfig('picture', file=str(tmp_path / 'g.png')), time.time_ns, camera)


def test_a_picture_stands_in_for_a_camera_of_a_task_only():
    with pytest.raises(InputError, match=r'g\.png: a picture of a goal, no camera'):
        open_source(SourceConfig('picture', file='g.png'), time.time_ns)


def test_a_camera_without_colour_gives_its_depth_alone(tmp_path):
    depth = np.full((4, 6), 0.5, np.float32)
    write_goal(tmp_path / 'g.png', GoalPicture(5, None, depth), {})
    color, read = read_goal(tmp_path / 'g.png', CameraConfig('f', (4, 6), color=False, depth=True))
    assert color is None
    assert (read == 500).all()


def test_a_demonstration_ends_in_a_goal(tmp_path):
    pictures = [np.full((*SIZE, 3), 40 * i, np.uint8) for i in range(6)]
    shown, path = tmp_path / 'shown.npz', tmp_path / 'goal.png'
    write_steps(shown, [step(i, i == 3, picture) for i, picture in enumerate(pictures)])
    command = [TASK, '--demonstration', str(shown), '--out', str(path), '--overwrite']
    capture_goal.main(command)
    assert (cv2.imread(str(path)) == 120).all()
    assert yaml.safe_load(path.with_suffix('.yaml').read_text())['success'] is True
    capture_goal.main([*command, '--episode', '2'])
    assert (cv2.imread(str(path)) == 200).all()
    with pytest.raises(InputError, match=r'episode: expected 9 among 0, 1, 2'):
        capture_goal.main([*command, '--episode', '9'])
    write_steps(shown, [step(1, True, np.zeros((8, 8, 3), np.uint8))])
    with pytest.raises(InputError, match=r'image: expected pictures of \[48, 48\], got \[8, 8\]'):
        capture_goal.main(command)


def test_a_demonstration_without_steps_is_named(tmp_path):
    path = tmp_path / 'shown.yaml'
    path.write_text('')
    with pytest.raises(InputError, match=r'shown\.yaml: expected a recording .*got no step'):
        capture_goal.main([TASK, '--demonstration', str(path)])


def test_a_task_without_that_camera_is_named():
    with pytest.raises(InputError, match='task particle: has no camera'):
        capture_goal.main(['particle'])
    with pytest.raises(InputError, match=r'--camera wrist: .* has above, above_goal'):
        capture_goal.main([TASK, '--camera', 'wrist'])


def test_metres_come_back_from_bytes():
    entry = next(e for e in load_task('fetch_pick_image').observation if e.name == 'depth')
    low, high = entry.span
    found = capture_goal._metres(np.array([[0, 51, 255]], np.uint8), entry)
    assert found == pytest.approx(np.array([[low, low + (high - low) / 5, high]]))


@pytest.mark.graph
def test_the_running_graph_gives_a_goal(tmp_path):
    rclpy = pytest.importorskip('rclpy')
    image = pytest.importorskip('sensor_msgs.msg').Image
    context = rclpy.Context()
    context.init()
    node = rclpy.create_node('camera', context=context)
    publisher = node.create_publisher(image, 'above/color', 1)
    message = image(height=48, width=48, encoding='rgb8', step=144)
    message.data = np.full((*SIZE, 3), 77, np.uint8).tobytes()
    ended = threading.Event()

    def send() -> None:
        while not ended.wait(0.05):
            publisher.publish(message)

    thread = threading.Thread(target=send)
    thread.start()
    path = tmp_path / 'goal.png'
    try:
        capture_goal.main([TASK, '--graph', '--seconds', '30', '--out', str(path)])
        assert (cv2.imread(str(path)) == 77).all()
        message.height, message.data = 24, message.data[: 24 * 144]
        with pytest.raises(InputError, match=r'above/color: size: expected \[48, 48\].*\[24, 48'):
            capture_goal.main([TASK, '--graph', '--seconds', '30', '--overwrite'])
    finally:
        ended.set()
        thread.join()
        node.destroy_node()
        context.shutdown()
    with pytest.raises(InputError, match='above/color: nothing came in'):
        capture_goal.main([TASK, '--graph', '--seconds', '0.2'])
