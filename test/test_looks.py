# SPDX-License-Identifier: Apache-2.0
"""Looks that vary from episode to episode, and pictures of goals."""

import dataclasses
import json
from contextlib import closing
from itertools import pairwise

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from robot_rl import config
from robot_rl.errors import InputError
from robot_rl.looks import LooksConfig
from robot_rl.task import load_task, robot_of
from sim_bridge.build import make_world, raw_pictures
from sim_bridge.frames import Frames
from sim_bridge.snapshot import pack, unpack
from sim_bridge.textures import draw

TASK = load_task('fetch_pick_image')
SIZE = 40, 40
ALL = TASK.looks
PLANE = load_task('particle_image')


def open_world(looks, task=TASK):
    return closing(make_world(dataclasses.replace(task, looks=looks), robot_of(task)))


def look(world, seed, camera='front'):
    world.reset(seed)
    return world.render(camera, *SIZE, fancy=False)


@pytest.fixture(scope='module')
def world():
    with open_world(ALL) as made:
        yield made


def test_a_seed_gives_its_looks_again_and_another_seed_others(world):
    one = look(world, 5)
    drawn = {name: value.copy() for name, value in world.looks.drawn.items()}
    other = look(world, 6)
    again = look(world, 5)
    assert np.array_equal(one, again)
    assert all(np.array_equal(drawn[name], world.looks.drawn[name]) for name in drawn)
    assert np.abs(one.astype(int) - other).mean() > 5


def test_what_is_drawn_is_named_and_lies_in_its_range(world):
    for seed in range(8):
        world.reset(seed)
        world.prepare_looks()
        for name, value in world.looks.drawn.items():
            if name == 'shadow' or not hasattr(ALL, name):
                continue
            low, high = getattr(ALL, name)
            assert (low - 1e-12 <= value).all(), name
            assert (value <= high + 1e-12).all(), name


def test_looks_change_no_physics(world):
    with open_world(LooksConfig()) as plain:
        for seed in (1, 2):
            world.reset(seed)
            plain.reset(seed)
            world.render('front', *SIZE, fancy=False)
            for _ in range(3):
                world.step()
                plain.step()
            assert np.array_equal(world.data.qpos, plain.data.qpos)


def test_nothing_varies_where_nothing_is_asked_for():
    with open_world(LooksConfig()) as plain:
        look(plain, 1)
        assert plain.looks.drawn == {}
        depth = np.ones((4, 4, 1), np.float32)
        assert plain.looks.frames.sense('front', {'front/depth': depth})['front/depth'] is depth


VARIED = {
    'textured': {'textured': (1.0, 1.0)},
    'color': {'color': (1.0, 1.0)},
    'lights': {'lights': (3, 3)},
    'light_position': {'light_position': (1.0, 1.0), 'light_angle': (40.0, 40.0)},
    'brightness': {'brightness': (0.0, 0.2)},
    'ambient': {'ambient': (0.2, 0.4)},
    'shadow': {'shadow': (1.0, 1.0)},
    'camera_position': {'camera_position': (0.02, 0.03)},
    'camera_angle': {'camera_angle': (3.0, 5.0)},
    'focal': {'focal': (1.2, 1.3)},
    'distractors': {'distractors': (3, 3)},
}


@pytest.fixture(scope='module')
def plain_look():
    with open_world(LooksConfig(), PLANE) as plain:
        return look(plain, 3, 'above')


@pytest.mark.parametrize('name', VARIED)
def test_each_range_changes_the_picture(name, plain_look):
    with open_world(LooksConfig(**VARIED[name]), PLANE) as varied:
        after = look(varied, 3, 'above')
        assert np.abs(plain_look.astype(int) - after).mean() > 0.3
        assert varied.looks.drawn


def test_only_the_cameras_of_the_task_move():
    ranges = {'camera_position': (0.02, 0.03), 'camera_angle': (5.0, 5.0), 'focal': (1.2, 1.2)}
    with (
        open_world(LooksConfig(), PLANE) as plain,
        open_world(LooksConfig(**ranges), PLANE) as moved,
    ):
        for made in (plain, moved):
            made.reset(3)
        one, other = (made.twin() for made in (plain, moved))
        still = ['above' not in one.camera(i).name for i in range(one.ncam)]
        assert sum(still) == one.ncam - 1 > 0
        for field in ('cam_pos', 'cam_quat', 'cam_fovy'):
            same = getattr(one, field) == getattr(other, field)
            assert same.reshape(one.ncam, -1).all(1).tolist() == still
        assert moved.looks.drawn['focal'].shape == (1,)


def test_the_background_changes():
    with open_world(LooksConfig(background=(1.0, 1.0))) as varied:
        one, two = look(varied, 3), look(varied, 4)
        assert np.abs(one.astype(int) - two).mean() > 5


def test_the_next_episode_starts_from_the_nominal_looks():
    with open_world(LooksConfig(brightness=(0.5, 0.5), focal=(1.1, 1.1)), PLANE) as made:
        first = look(made, 1, 'above')
        for seed in range(2, 6):
            look(made, seed, 'above')
        assert np.array_equal(first, look(made, 1, 'above'))


def frames_with(**drawn):
    """Frames at 10 Hz of an episode in which this was drawn."""
    frames, nothing = Frames(10.0), {'depth_noise': 0.0, 'latency': 0.0, 'dropped': 0.0}
    frames.begin(
        {n: np.array([v]) for n, v in (nothing | drawn).items()}, np.random.default_rng(0)
    )
    return frames


def test_depth_noise_stays_within_its_half_width_and_has_it():
    seen = {'front/depth': np.ones((50, 50, 1), np.float32)}
    error = frames_with(depth_noise=0.01).sense('front', seen)['front/depth'] - 1.0
    assert np.abs(error).max() <= 0.01 + 1e-6
    assert np.abs(error).max() > 0.009


def watch(frames, count):
    """What a camera tells of colour and depth that show the number of the tick, a row a tick."""
    told = []
    for i in range(count):
        seen = {'a/color': np.full((2, 2, 3), i, np.uint8), 'a/depth': np.float32([[[i]]])}
        told.append([float(p.max()) for p in frames.sense('a', seen).values()])
    return np.array(told)


def test_late_pictures_come_in_order_and_lost_ones_are_seen_twice():
    assert watch(frames_with(latency=0.2), 6)[:, 0].tolist() == [0, 0, 0, 1, 2, 3]
    seen = watch(frames_with(dropped=0.5), 99)[:, 0].tolist()
    assert seen == sorted(seen)
    assert 25 < len(set(seen)) < 75


def test_colour_and_depth_of_a_camera_are_late_and_lost_together():
    told = watch(frames_with(dropped=0.5, latency=0.1), 99)
    assert np.array_equal(told[:, 0], told[:, 1])
    task = dataclasses.replace(TASK, looks=LooksConfig(dropped=(0.5, 0.5)))
    with closing(make_world(task, robot_of(task))) as made:
        made.reset(3)
        ticks = []
        for _ in range(12):
            ticks.append(raw_pictures(made, task))
            made.data.qpos[made._qpos[4]] += 0.03
    streams = [[t[f'front/{kind}'] for t in ticks] for kind in ('color', 'depth')]
    color, depth = ([np.array_equal(*two) for two in pairwise(one)] for one in streams)
    assert color == depth
    assert 0 < sum(color) < len(color)


SENSED = {'depth_noise': (0.01, 0.01), 'latency': (0.08, 0.08), 'dropped': (0.3, 0.3)}


def follow(made, count):
    """The pictures of some ticks on the way."""
    seen = []
    for _ in range(count):
        made.step()
        seen.append(raw_pictures(made, TASK))
    return seen


def test_a_saved_state_goes_on_with_the_same_pictures():
    with open_world(LooksConfig(**SENSED)) as made:
        made.reset(3)
        follow(made, 5)
        saved = made.save_state()
        expected = follow(made, 8)
        made.reset(4)
        follow(made, 3)
        made.load_state(saved)
        again = unpack(pack(made.save_state()))  # before a picture, and through bytes
        for state in (saved, again):
            made.load_state(state)
            for found, wanted in zip(follow(made, 8), expected, strict=True):
                assert all(np.array_equal(found[name], wanted[name]) for name in wanted)


def test_states_to_begin_in_hold_no_frames_and_those_of_old_are_read():
    with open_world(LooksConfig(**SENSED)) as made:
        made.reset(3)
        length = len(made.world_state())
        follow(made, 5)
        state = made.world_state()
        assert len(state) == length < 10_000
        old = unpack(state)
        assert old.pop('frames') is None
        made.reset(4)
        made.load_state(old)
        follow(made, 1)
        made.reset(5, pack(old))
        follow(made, 1)


def test_the_goals_picture_shows_the_goal_and_stays_for_the_episode():
    with open_world(LooksConfig(), PLANE) as made:
        made.reset(4)
        goal = made.render('above_goal', 48, 48, fancy=False)
        assert not np.array_equal(goal, made.render('above', 48, 48, fancy=False))
        at = made.task.desired
        made.data.qpos[made._qpos] = at
        assert np.array_equal(goal, made.render('above', 48, 48, fancy=False))
        assert np.array_equal(goal, made.render('above_goal', 48, 48, fancy=False))
        made.reset(5)
        assert not np.array_equal(goal, made.render('above_goal', 48, 48, fancy=False))


def test_the_reachers_goal_picture_has_its_tip_at_the_goal():
    task = load_task('reacher_image')
    with open_world(LooksConfig(), task) as made:
        for seed in range(20):
            made.reset(seed)
            start = made.task.show_goal(made.data, np.random.default_rng(seed))
            tip = made._kinematics.evaluate(start.joints).position_xyz[:2]
            assert tip == pytest.approx(made.task.desired, abs=1e-9)


@pytest.mark.parametrize('name', ['usb_insertion', 'navigation', 'arm_reach', 'fetch_reach'])
def test_a_goals_picture_has_the_tool_at_the_goal(name):
    with open_world(LooksConfig(), load_task(name)) as made:
        made.reset(1)
        shown = mujoco.MjData(made.model)
        shown.qpos[:] = made.data.qpos
        made._show_goal(shown)
        mujoco.mj_kinematics(made.model, shown)
        goal = made.task.desired if len(made.task.desired) else made.task.goal_xyz
        assert shown.xpos[made._tool][: len(goal)] == pytest.approx(goal, abs=1e-3)


def test_a_scene_without_a_picture_of_its_goal_says_so():
    task = load_task('door_push')
    with open_world(LooksConfig(), task) as made:
        made.reset(0)
        with pytest.raises(InputError, match='has no picture of its goal'):
            made.render('overview_goal', 20, 20, fancy=False)


def test_colour_and_depth_in_one_are_those_taken_apart(world):
    world.reset(2)
    color, depth = world.colour_and_depth('front', *SIZE)
    assert np.array_equal(color, world.render('front', *SIZE, fancy=False))
    assert depth == pytest.approx(world.depth('front', *SIZE), abs=1e-3)
    raw = raw_pictures(world, TASK)
    assert raw['front/depth'].dtype == np.uint16
    assert raw['front_goal/color'].shape == (200, 200, 3)


@pytest.mark.parametrize(
    ('given_', 'message'),
    [
        ({'focal': [1.2, 0.9]}, 'focal: expected low <= high'),
        ({'camera_position': [0.0, 5.0]}, r'camera_position: .* \[-0.5, 0.5\] m'),
        ({'color': [0.0, float('nan')]}, r'color\[1\]: expected a finite number'),
        ({'lights': [0, 9]}, r'lights: expected low <= high in \[0, 4\]'),
        ({'pool': 0}, 'pool: expected 1 to 256'),
        ({'colour': [0, 1]}, "unknown key 'colour'"),
        ({'patterns': ['plaid']}, 'patterns'),
    ],
)
def test_ranges_that_make_no_sense_are_refused_by_name(given_, message):
    with pytest.raises(InputError, match=message):
        config.parse(LooksConfig, given_, 'task: looks')


@settings(max_examples=20)
@given(st.sampled_from(['flat', 'gradient', 'checker', 'noise']), st.integers(0, 2**32 - 1))
def test_textures_are_pictures_and_follow_from_their_seed(pattern, seed):
    one, two = (draw(pattern, np.random.default_rng(seed)) for _ in range(2))
    assert one.shape == (64, 64, 3)
    assert np.array_equal(one, two)
    assert (len(np.unique(one.reshape(-1, 3), axis=0)) == 1) == (pattern == 'flat')


def test_looks_are_noted_once_an_episode(world, tmp_path):
    path = tmp_path / 'looks.jsonl'
    for episode, seed in ((0, 8), (1, 9), (2, 9), (3, 8)):
        look(world, seed)
        for _ in range(2):
            world.looks.note(path, episode)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line['seed'] for line in lines] == [8, 9, 9, 8]
    assert [line.pop('episode') for line in lines] == [0, 1, 2, 3]
    assert lines[1] == lines[2] != lines[3] == lines[0]
    assert lines[3]['focal'] == pytest.approx(world.looks.drawn['focal'], abs=1e-6)
    assert max(map(len, path.read_text().splitlines())) < 4000


def test_all_that_is_set_is_named_and_noted(tmp_path):
    shown = LooksConfig(textured=(1, 1), color=(1, 1), background=(1, 1), distractors=(2, 2))
    with open_world(dataclasses.replace(shown, specular=(0.5, 0.9))) as made:
        notes = []
        for seed in (3, 4):
            look(made, seed)
            made.looks.note(tmp_path / f'{seed}', 0)
            notes.append(json.loads((tmp_path / f'{seed}').read_text()))
        drawn, twin = made.looks.drawn, made.twin()
        for name in ('geom_matid', 'geom_rgba', 'mat_specular', 'geom_pos', 'geom_quat'):
            assert np.array_equal(drawn[name], getattr(twin, name)), name
            assert notes[0][name] != notes[1][name]
        things = [twin.geom(f'looks_thing{i}').pos for i in range(2)]
        poses = drawn['distractor_poses'].reshape(2, 3)
        there = sorted((at - made.task.goal_xyz)[:2].tolist() for at in things)
        assert sorted(poses[:, :2].tolist()) == pytest.approx(np.array(there))
        assert notes[1]['distractor_poses'] == pytest.approx(poses.ravel(), abs=1e-6)
        assert notes[1]['geom_rgba'].startswith('crc32 ')
