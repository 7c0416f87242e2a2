# SPDX-License-Identifier: Apache-2.0
"""What a person sees of a run, and that it survives crashes and full disks."""

import builtins
import dataclasses
import json
import math
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from robot_rl.errors import InputError
from robot_rl.perception.camera import CameraConfig
from robot_rl.report.curve import Curve, draw_curve, moving_average
from robot_rl.report.files import whole_file, write_text
from robot_rl.report.metrics import MetricsWriter, forget_after, read_metrics
from robot_rl.report.progress import bar, duration, progress_line
from robot_rl.report.run_dir import make_run_dir, write_config
from robot_rl.report.summary import Summary, read_summary, write_summary
from robot_rl.report.video import overlay, side_by_side, write_video

START = datetime(2026, 1, 2, 3, 4, 5)
SUMMARY = Summary(
    task='usb_insertion',
    robot='sawyer',
    agent='sac_residual',
    seed=1,
    env_steps=12000,
    robot_minutes=20.0,
    wall_s=300.5,
    success_rate=0.98,
    success_rate_mean_action=0.96,
    success_rate_sampled_action=0.94,
    base_success_rate=0.58,
    deployed='sample',
    mean_cycle_s=1.7,
    safety_interventions=3,
    lockstep_steps_per_s=410.0,
    updates_per_s=47.0,
    updates_per_step=1.0,
)
PROGRESS = {
    'step': 5040,
    'steps': 12000,
    'episode': 210,
    'success_rate': 0.85,
    'episode_return': 0.9,
    'steps_per_s': 48.2,
    'updates_per_s': 46.7,
    'policy_version': 4980,
    'policy_age_s': 2.34,
    'interventions': 3,
}


def test_the_progress_line_holds_everything():
    line = progress_line(PROGRESS)
    for part in (
        '[########............]  42%',
        'step  5040/12000',
        'episode 210',
        'success  85% of 20',
        'return 0.90',
        '48 steps/s',
        '47 updates/s',
        'policy v4980 2.3 s old',
        'safety 3',
        '2:24 left',
    ):
        assert part in line


@given(
    st.dictionaries(
        st.sampled_from([*PROGRESS, 'note']), st.one_of(st.none(), st.integers(-1, 10**6))
    ),
    st.integers(0, 200),
)
def test_any_progress_is_one_line_that_fits(values, width):
    line = progress_line(values, width)
    assert '\n' not in line
    assert not width or len(line) <= width


def test_narrow_screens_keep_the_success_rate():
    assert progress_line(PROGRESS, 40) == 'step  5040/12000  success  85% of 20'
    assert progress_line(PROGRESS, 20) == 'success  85% of 20'


def test_before_the_first_policy_and_episode():
    assert progress_line({'step': 0, 'steps': 10, 'policy_version': -1}) == (
        '[....................]   0%  step  0/10  no policy yet'
    )
    assert progress_line({}) == ''


def test_durations_and_bars():
    assert [duration(s) for s in (0, 59.6, 125, 3725)] == ['0:00', '1:00', '2:05', '1:02:05']
    assert [bar(s, 4) for s in (-1, 0.5, 2)] == ['[....]', '[##..]', '[####]']


def test_metrics_are_on_disk_as_they_are_written(tmp_path):
    path = tmp_path / 'metrics.jsonl'
    with MetricsWriter(path) as writer:
        writer.write({'step': 1, 'loss': np.float32(0.5), 'n': np.int64(3)})
        writer.write({'step': 2, 'loss': math.nan})
        assert read_metrics(path) == [
            {'step': 1, 'loss': 0.5, 'n': 3},
            {'step': 2, 'loss': None},
        ]


def test_metrics_survive_a_cut_at_any_byte(tmp_path):
    path = tmp_path / 'metrics.jsonl'
    with MetricsWriter(path) as writer:
        for step in range(3):
            writer.write({'step': step})
    whole = path.read_bytes()
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        kept = [{'step': step} for step in range(whole[:cut].count(b'\n'))]
        assert read_metrics(path) == kept
        with MetricsWriter(path) as writer:
            writer.write({'step': 9})
        assert read_metrics(path) == [*kept, {'step': 9}]


def test_a_full_disk_stops_the_recording_only():
    writer = MetricsWriter('/dev/full')
    for _ in range(3):
        writer.write({'step': 1})
    assert 'recording stopped: No space left' in writer.error
    assert writer.dropped == 3
    writer.close()


def test_metrics_beyond_a_checkpoint_are_forgotten(tmp_path):
    path = tmp_path / 'metrics.jsonl'
    forget_after(path, 'step', 3)
    assert not path.exists()
    with MetricsWriter(path) as writer:
        for step in range(6):
            writer.write({'step': step})
    forget_after(path, 'step', 3)
    assert [row['step'] for row in read_metrics(path)] == [0, 1, 2, 3]
    path.write_text('damaged\n')
    forget_after(path, 'step', 0)
    assert path.read_text() == 'damaged\n'


def test_damaged_metrics_name_the_line(tmp_path):
    path = tmp_path / 'metrics.jsonl'
    for damaged in ('{"a"', '3'):
        path.write_text(f'{{"step": 1}}\n{damaged}\n{{"step": 2}}\n')
        with pytest.raises(InputError, match=r'metrics.jsonl, line 2: '):
            read_metrics(path)
    with pytest.raises(InputError, match='No such file'):
        read_metrics(tmp_path / 'none')


def test_the_summary_survives_the_round_trip(tmp_path):
    path = tmp_path / 'summary.json'
    for summary in (SUMMARY, dataclasses.replace(SUMMARY, mean_cycle_s=None)):
        write_summary(path, summary)
        assert read_summary(path) == summary
    assert json.loads(path.read_text())['success_rate'] == 0.98
    assert [p.name for p in tmp_path.iterdir()] == ['summary.json']


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'seed': None}, 'seed'),
        ({'success_rate': 1.5}, 'success_rate: expected 0 to 1'),
        ({'deployed': 'best'}, 'deployed: expected one of sample, mean'),
        ({'speed': 3}, "unknown key 'speed'"),
    ],
)
def test_wrong_summaries_name_file_and_key(tmp_path, change, message):
    path = tmp_path / 'summary.json'
    path.write_text(json.dumps(dataclasses.asdict(SUMMARY) | change))
    with pytest.raises(InputError, match=f'summary.json: .*{message}'):
        read_summary(path)
    path.write_text('{"task"')
    with pytest.raises(InputError, match='summary'):
        read_summary(path)


def test_figures_that_are_not_finite_are_refused():
    for value in (math.nan, math.inf):
        with pytest.raises(ValueError, match='wall_s'):
            dataclasses.replace(SUMMARY, wall_s=value)


def test_each_run_has_its_own_folder(tmp_path):
    runs = [make_run_dir(tmp_path / 'runs', START) for _ in range(3)]
    assert [run.name for run in runs] == [f'20260102-030405{n}' for n in ('', '-2', '-3')]
    assert all(list(run.iterdir()) == [] for run in runs)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / 'file').touch()
    for root in (tmp_path / 'file', tmp_path / 'file' / 'runs', Path('/proc/runs')):
        with pytest.raises(InputError, match=f'run folder {root}: cannot be written'):
            make_run_dir(root, START)


def test_the_resolved_configuration_reads_back(tmp_path):
    path = write_config(tmp_path, {'camera': CameraConfig('wrist', (32, 32)), 'steps': 5})
    data = yaml.safe_load(path.read_text())
    assert data['steps'] == 5
    assert data['camera']['size'] == [32, 32]


def test_a_file_is_whole_or_unchanged(tmp_path):
    path = tmp_path / 'file'
    write_text(path, 'old')

    def interrupted() -> None:
        with whole_file(path) as temporary:
            temporary.write_text('half')
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == 'old'
    assert [p.name for p in tmp_path.iterdir()] == ['file']
    for bad in (tmp_path / 'none' / 'file', path / 'file'):
        with pytest.raises(InputError, match='cannot be written'):
            write_text(bad, 'text')


@given(
    hnp.arrays(np.float64, st.integers(0, 30), elements=st.floats(-100, 100)), st.integers(1, 25)
)
def test_moving_average_is_the_mean_of_the_latest(values, window):
    expected = [values[max(0, i + 1 - window) : i + 1].mean() for i in range(len(values))]
    np.testing.assert_allclose(moving_average(values, window), expected, atol=1e-9)


@pytest.mark.parametrize('count', [0, 1, 200])
def test_the_curve_is_a_picture_with_both_lines(tmp_path, count):
    success = np.ones(count)
    path = tmp_path / 'curve.png'
    draw_curve(path, Curve(np.linspace(0, 20, count), success, success, 0.25, 'title'))
    image = cv2.imread(str(path))
    assert image.shape == (720, 960, 3)
    red = (image[..., 2] > 150) & (image[..., 0] < 100)
    blue = (image[..., 0] > 130) & (image[..., 2] < 60)
    assert red[:360].sum() > 300
    assert (blue.sum() > 2000) == (count > 1)


def test_curves_of_different_lengths_are_refused():
    with pytest.raises(InputError, match='one length'):
        Curve(np.zeros(3), np.zeros(3), np.zeros(2))


def film(count, height=60, width=80):
    """Pictures with a white block that moves right."""
    pictures = np.full((count, height, width, 3), 40, np.uint8)
    for i, picture in enumerate(pictures):
        picture[20:40, 5 + 6 * i : 25 + 6 * i] = 240
    return list(pictures)


def read_film(path):
    capture = cv2.VideoCapture(str(path))
    pictures = []
    while (read := capture.read())[0]:
        pictures.append(read[1][..., ::-1])
    fps = capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    return pictures, fps


def no_pyav(monkeypatch):
    original = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == 'av':
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', refuse)


@pytest.mark.parametrize('codec', ['h264', 'mpeg4'])
def test_a_film_reads_back(tmp_path, monkeypatch, codec):
    if codec == 'mpeg4':
        no_pyav(monkeypatch)
    path = tmp_path / 'rollout.mp4'
    assert write_video(path, iter(film(8, 61, 81)), 10) == codec
    pictures, fps = read_film(path)
    assert fps == 10
    assert len(pictures) == 8
    for got, wanted in zip(pictures, film(8, 61, 81), strict=True):
        assert got.shape == (62, 82, 3)
        assert np.abs(got[:61, :81].astype(int) - wanted).mean() < 4
    assert [p.name for p in tmp_path.iterdir()] == ['rollout.mp4']


def test_films_that_cannot_be_written(tmp_path):
    path = tmp_path / 'film.mp4'
    bad = [
        ([], 10, 'no pictures'),
        ([*film(1), *film(1, 50)], 10, 'among'),
        ([film(1)[0][..., 0]], 10, 'expected uint8'),
        (film(1), float('nan'), 'pictures a second'),
    ]
    for frames, fps, message in bad:
        with pytest.raises(InputError, match=message):
            write_video(path, frames, fps)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match='cannot be written'):
        write_video(tmp_path / 'none' / 'film.mp4', film(2), 10)


def test_side_by_side_holds_the_last_picture_of_the_shorter_film():
    left, right = film(5), film(3, width=40)
    both = list(side_by_side(left, right))
    assert len(both) == 5
    assert both[4].shape == (60, 80 + 8 + 40, 3)
    assert (both[4][:, :80] == left[4]).all()
    assert (both[4][:, 88:] == right[2]).all()
    with pytest.raises(InputError, match='without pictures'):
        list(side_by_side(left, []))
    with pytest.raises(InputError, match='heights differ'):
        list(side_by_side(left, film(2, 50)))


@settings(max_examples=20)
@given(st.integers(8, 300), st.integers(8, 300), st.integers(0, 4), st.sampled_from([None, 0, 1]))
def test_text_fits_any_picture_and_leaves_the_original_alone(height, width, lines, good):
    frame = np.full((height, width, 3), 99, np.uint8)
    picture = overlay(frame, ['step 3'] * lines, good)
    assert picture.shape == frame.shape
    assert (frame == 99).all()
    assert (picture != 99).any() == bool(lines or good is not None)
