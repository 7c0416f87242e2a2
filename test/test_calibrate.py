# SPDX-License-Identifier: Apache-2.0
"""A lens from drawn boards: found within 1 %, written, read, and undone."""

import cv2
import numpy as np
import pytest
from boards import BOARD, FISHEYE, PINHOLE, SIZE, picture, poses, rays

from robot_rl.errors import InputError
from robot_rl.perception.calibrate import collect, main
from robot_rl.perception.calibration import Board, Views, calibrate, find_board
from robot_rl.perception.camera import CameraConfig, CameraFrame, CameraPipeline, Refusal
from robot_rl.perception.lens import Lens, Matrix, Undistortion, read_lens, write_lens
from robot_rl.report.video import write_video

LENSES = {'plumb_bob': (PINHOLE, 0.5), 'equidistant': (FISHEYE, 0.25)}


def draw(folder, lens, distance, count=7):
    seen = rays(lens)
    for i, (turn, middle) in enumerate(poses(count, distance)):
        cv2.imwrite(str(folder / f'{i:02d}.png'), picture(seen, turn, middle))


def same_lens(got, wanted):
    """Focal lengths and centre within 1 %, of the width for the centre."""
    (fx, _, cx, _, fy, cy, *_), true = got.camera_matrix.data, wanted.camera_matrix.data
    assert [fx, fy] == pytest.approx([true[0], true[4]], rel=0.01)
    assert [cx, cy] == pytest.approx([true[2], true[5]], abs=0.01 * wanted.image_width)


@pytest.mark.parametrize('model', LENSES)
def test_a_lens_is_found_from_a_folder_of_pictures(tmp_path, capsys, model):
    lens, distance = LENSES[model]
    draw(tmp_path, lens, distance)
    out = tmp_path / 'made' / 'lens.yaml'
    command = ['--folder', str(tmp_path), '--square', '0.03', '--output', str(out)]
    assert main([*command, '--model', model, '--camera', 'wrist']) == 0
    said = capsys.readouterr().out
    assert 'view 7 of 20' in said
    assert 'good' in said
    found = read_lens(out)
    same_lens(found, lens)
    assert found.camera_name == 'wrist'
    assert found.distortion_model == model


def test_a_lens_is_found_from_a_camera_of_a_rig(tmp_path, capsys):
    """The camera is a film; it shows each view twice, and the views are kept."""
    seen = rays(PINHOLE)
    views = [picture(seen, *pose) for pose in poses(6, 0.5)]
    write_video(tmp_path / 'film.mp4', [view for view in views for _ in (0, 1)], 60)
    rig = tmp_path / 'rig.yaml'
    rig.write_text('cameras: {roof: {kind: file, file: film.mp4}}')
    out, kept = tmp_path / 'lens.yaml', tmp_path / 'kept'
    command = ['--source', str(rig), '--camera', 'roof', '--square', '0.03', '--keep', str(kept)]
    assert main([*command, '--count', '6', '--seconds', '20', '--output', str(out)]) == 0
    same_lens(read_lens(out), PINHOLE)
    assert len(list(kept.glob('*.png'))) == 6


def test_too_few_views_no_pictures_and_odd_sizes_are_named(tmp_path):
    draw(tmp_path, PINHOLE, 0.5, count=2)
    command = ['--folder', str(tmp_path), '--square', '0.03', '--output', str(tmp_path / 'l.yaml')]
    with pytest.raises(InputError, match=r'2 different views of a board with 9x6 .*; need 5'):
        main(command)
    cv2.imwrite(str(tmp_path / '99.png'), np.zeros((10, 20, 3), np.uint8))
    with pytest.raises(InputError, match=r'99.png: 20 x 10 pixels, but those before had 640 x 48'):
        main(command)
    (tmp_path / '98.png').write_text('no picture')
    with pytest.raises(InputError, match=r'98.png: cannot be read'):
        main(command)
    with pytest.raises(InputError, match=r'no pictures; expected .png'):
        main([*command[:1], str(tmp_path / 'none'), *command[2:]])
    with pytest.raises(InputError, match="expected inner corners such as 9x6, got '9-6'"):
        main([*command, '--board', '9-6'])
    with pytest.raises(InputError, match=r'square: expected 0.001 to 1 m, got 30'):
        main([*command, '--square', '30'])
    rig = tmp_path / 'rig.yaml'
    for kind, source in (('topic', ''), ('picture', 'kind: picture, file: a.png')):
        rig.write_text(f'cameras: {{wrist: {{{source}}}}}')
        with pytest.raises(InputError, match=f'kind {kind}: save pictures in a folder'):
            main(['--source', str(rig), '--square', '0.03', '--output', str(tmp_path / 'l.yaml')])


def test_the_same_view_again_and_a_picture_without_a_board_do_not_count():
    view = picture(rays(PINHOLE), (0.2, 0.1, 0), (0, 0, 0.5))
    views = Views(BOARD)
    assert [views.add(view, 'a'), views.add(view, 'b')] == [True, False]
    assert not views.add(np.full_like(view, 128), 'c')
    assert find_board(view, Board(7, 5, 0.03)) is None
    with pytest.raises(InputError, match='need 5'):
        calibrate(views, BOARD, 'plumb_bob')


def test_a_view_that_cannot_be_kept_is_told(tmp_path):
    view = picture(rays(PINHOLE), (0.2, 0.1, 0), (0, 0, 0.5))
    with pytest.raises(InputError, match=r'gone/view_001.png: cannot be written'):
        collect(iter([('a', view)]), BOARD, 1, tmp_path / 'gone')


@pytest.mark.parametrize('lens', [PINHOLE, FISHEYE], ids=lambda lens: lens.distortion_model)
def test_a_straight_picture_is_that_of_a_pinhole_camera(lens):
    distance = 0.5 if lens is PINHOLE else 0.25
    turn, middle = np.array([0.15, -0.1, 0.1]), np.array([0.08, 0.05, distance])
    rotation, _ = cv2.Rodrigues(turn)
    corners = (BOARD.points - BOARD.points.mean(axis=0)) @ rotation.T + middle
    pinhole = corners @ lens.camera_matrix.array.T
    pinhole = pinhole[:, :2] / pinhole[:, 2:]

    def off(image):
        seen = find_board(image, BOARD)
        return min(np.abs(seen - there).max() for there in (pinhole, pinhole[::-1]))

    view = picture(rays(lens), tuple(turn), tuple(middle))
    assert off(view) > 1.0
    assert off(Undistortion(lens).apply(view)) < 0.4


def test_the_pipeline_undoes_the_lens_and_crops_in_the_straight_picture():
    view = picture(rays(PINHOLE), (0.1, 0.2, 0), (0, 0, 0.5))
    depth = np.full(SIZE, 800, np.uint16)
    depth[:, :64] = 0
    crop = (80, 40, 400, 300)
    config = CameraConfig('wrist', (300, 400), crop, depth=True)
    frame = CameraPipeline(config, PINHOLE).process(view, depth, 1)
    assert isinstance(frame, CameraFrame), frame
    whole = Undistortion(PINHOLE).apply(view)
    np.testing.assert_array_equal(frame.color, whole[40:340, 80:480])
    assert frame.depth_filled.shape == (300, 400)
    assert frame.depth_filled == pytest.approx(0.8)


def test_depth_is_never_mixed_and_what_lies_outside_is_a_hole():
    strong = Lens(640, 480, PINHOLE.camera_matrix, 'plumb_bob', Matrix.of([0.8, 0, 0, 0, 0]))
    depth = np.random.default_rng(0).choice([500, 900], SIZE).astype(np.uint16)
    straight = Undistortion(strong).apply(depth, nearest=True)
    assert set(np.unique(straight)) == {0, 500, 900}
    metres = Undistortion(strong).apply(depth.astype(np.float32), nearest=True)
    np.testing.assert_array_equal(np.isnan(metres), straight == 0)


def test_a_picture_of_another_size_than_the_lens_is_refused():
    result = CameraPipeline(CameraConfig('wrist', (10, 10)), PINHOLE).process(
        np.zeros((100, 200, 3), np.uint8), None, 1
    )
    assert isinstance(result, Refusal)
    assert 'image of 200 x 100 pixels, but the lens was calibrated with 640 x 480' in result.reason
    with pytest.raises(InputError, match=r'wrist: crop: .* does not fit in an image of 640 x 480'):
        CameraPipeline(CameraConfig('wrist', (10, 10), (600, 0, 100, 10)), PINHOLE)


def test_lens_files_are_those_of_ros_and_say_what_is_wrong(tmp_path):
    path = tmp_path / 'lens.yaml'
    write_lens(path, PINHOLE)
    text = path.read_text()
    for key in ('image_width: 640', 'camera_matrix:', 'rows: 3', 'distortion_model: plumb_bob'):
        assert key in text
    assert read_lens(path).camera_matrix == PINHOLE.camera_matrix
    for old, new, words in (
        ('rows: 3', 'rows: 2', 'expected 2 x 3 values, got 9'),
        ('plumb_bob', 'rational_polynomial', 'has 8 or 12 or 14 of them, got 5'),
        ('plumb_bob', 'fisheye', 'distortion_model: expected one of'),
        ('615.0', '-615.0', 'expected focal lengths above 0'),
        ('image_width: 640', 'image_width: 0', 'image of 0 x 480'),
        ('camera_name', 'camera_nom', "unknown key 'camera_nom'"),
    ):
        path.write_text(text.replace(old, new, 1))
        with pytest.raises(InputError, match=f'lens.yaml: .*{words}'):
            read_lens(path)
    with pytest.raises(InputError, match='cannot be written'):
        write_lens(tmp_path / 'none' / 'lens.yaml', PINHOLE)
