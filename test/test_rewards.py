# SPDX-License-Identifier: Apache-2.0
"""Rewards against the numbers of the paper's equations."""

import typing

import cv2
import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from robot_rl import config
from robot_rl.errors import InputError
from robot_rl.rewards.functions import (
    REWARDS,
    DenseConfig,
    GoalImageConfig,
    RewardConfig,
    dense,
    electrical,
    fault_after_reset,
    goal_image,
    make_reward,
    press_force,
)
from robot_rl.types import Observation

GOAL = np.array([0.6, 0.0, 0.1])
POINTS = hnp.arrays(np.float64, (5, 3), elements=st.floats(-1, 1))


def observe(offset=(0.0, 0.0, 0.05), force_z=0.0, step=3, **more) -> Observation:
    entries = {
        'achieved_goal': GOAL + offset,
        'desired_goal': GOAL,
        'tool_wrench': np.array([0.0, 0.0, force_z, 0.0, 0.0, 0.0]),
    }
    return Observation(123, 'test', 0, step, entries | more)


def test_each_kind_is_in_the_table():
    kinds = typing.get_args(typing.get_type_hints(RewardConfig)['kind'])
    assert set(kinds) == set(REWARDS)


def test_electrical_is_the_contact():
    reward = make_reward(RewardConfig('electrical'))
    open_, closed = reward(observe(), False), reward(observe(), True)
    assert (open_.value, open_.success, open_.terminated) == (0.0, False, False)
    assert (closed.value, closed.success, closed.terminated) == (1.0, True, True)
    assert (closed.stamp_ns, closed.source, closed.version) == (123, 'electrical', 1)
    assert electrical(np.array([True, False, True])).tolist() == [1.0, 0.0, 1.0]


def test_success_may_leave_the_episode_running():
    reward = make_reward(RewardConfig('electrical', terminate=False))(observe(), True)
    assert reward.success
    assert not reward.terminated


def test_dense_by_hand():
    settings = DenseConfig()
    offset = np.array([0.003, -0.004, 0.0])
    value = dense(GOAL + offset, GOAL, np.array(5.0), settings)
    assert value == pytest.approx(-100 * 0.007 + 0.002 / (0.005 + 0.001) - 0.1 * 5.0)
    inserted = dense(GOAL + np.array([0, 0, 0.002]), GOAL, np.array(5.0), settings)
    assert inserted == pytest.approx(-100 * 0.002 + 0.002 / 0.003 + 0.1 * 5.0)


def test_a_negative_beta_is_the_printed_formula_and_repels():
    heights = np.arange(1, 200)[:, None] * [0, 0, 1e-4]
    printed = dense(GOAL + heights, GOAL, np.zeros(199), DenseConfig(beta=-0.002, epsilon=1e-6))
    assert heights[printed.argmax(), 2] == pytest.approx(np.sqrt(0.002 / 100), abs=1e-4)
    added = dense(GOAL + heights, GOAL, np.zeros(199), DenseConfig(epsilon=1e-6))
    assert (np.diff(added) < 0).all()


@given(POINTS, POINTS, hnp.arrays(np.float64, 5, elements=st.floats(-50, 50)))
def test_dense_of_a_batch_is_dense_of_each(tool, goal, force):
    settings = DenseConfig()
    batch = dense(tool, goal, force, settings)
    each = [dense(tool[i], goal[i], force[i], settings) for i in range(5)]
    np.testing.assert_allclose(batch, each)
    assert np.isfinite(batch).all()


@given(POINTS)
def test_nearer_along_a_line_is_better(offsets):
    settings = DenseConfig(phi=0.0)
    goal = np.zeros((5, 3))
    near = dense(offsets * 0.5, goal, np.zeros(5), settings)
    assert (near >= dense(offsets, goal, np.zeros(5), settings)).all()


def test_pressing_costs_before_and_pays_after_the_insertion():
    reward = make_reward(RewardConfig('dense'))
    pushed_up = -10.0  # the socket pushes the tool back, against tool0's z
    assert press_force(observe(force_z=pushed_up).entries['tool_wrench']) == 10.0
    above, inserted = (0, 0, 0.01), (0, 0, 0.001)
    free, pressed = (reward(observe(above, f), False).value for f in (0.0, pushed_up))
    assert pressed == pytest.approx(free - 1.0)
    free, pressed = (reward(observe(inserted, f), False).value for f in (0.0, pushed_up))
    assert pressed == pytest.approx(free + 1.0)


def test_dense_goes_on_after_success_unless_asked_to_end():
    assert not make_reward(RewardConfig('dense'))(observe(), True).terminated
    assert make_reward(RewardConfig('dense', terminate=True))(observe(), True).terminated


def test_success_by_distance():
    reward = make_reward(RewardConfig('dense', success='distance', success_distance=0.002))
    assert reward(observe((0, 0, 0.0019)), False).success
    assert not reward(observe((0, 0, 0.0021)), True).success


def test_no_reward_for_broken_observations():
    reward = make_reward(RewardConfig('dense'))
    with pytest.raises(InputError, match='not finite'):
        reward(observe((0, 0, np.nan)), False)
    with pytest.raises(InputError, match=r"no entry 'achieved_goal'.*known: x"):
        reward(Observation(0, 'test', 0, 0, {'x': GOAL}), False)
    with pytest.raises(InputError, match='tool_wrench: expected shape'):
        reward(observe(tool_wrench=np.zeros(3)), False)


def images(tmp_path, suffix='.png', size=(32, 32)):
    picture = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    path = tmp_path / f'goal{suffix}'
    if suffix == '.png':
        cv2.imwrite(str(path), picture)
    else:
        np.save(path, picture)
    return picture[:, :, None], GoalImageConfig('view', str(path))


@pytest.mark.parametrize('suffix', ['.png', '.npy'])
def test_goal_image_from_a_file(tmp_path, suffix):
    goal, settings = images(tmp_path, suffix)
    reward = make_reward(RewardConfig('goal_image', success='image', goal_image=settings))
    same = reward(observe(view=goal), False)
    assert (same.value, same.success, same.terminated) == (0.0, True, True)
    shifted = reward(observe(view=np.roll(goal, 3, axis=1)), True)
    assert -1 < shifted.value < -0.1
    assert not shifted.success
    with pytest.raises(InputError, match='view: expected shape'):
        reward(observe(view=goal[:16]), False)


def test_goal_image_is_the_mean_over_pixels():
    black, white = np.zeros((32, 32, 1), np.uint8), np.full((32, 32, 1), 255, np.uint8)
    assert goal_image(black, white) == -1.0
    assert goal_image(white, black) == -1.0
    half = black.copy()
    half[:16] = 255
    np.testing.assert_allclose(goal_image(np.stack([black, half, white]), white), [-1, -0.5, 0])


def test_goal_images_that_do_not_fit(tmp_path):
    def make(file, **more):
        settings = GoalImageConfig('view', str(file), **more)
        return make_reward(RewardConfig('goal_image', goal_image=settings))

    _, small = images(tmp_path, size=(16, 32))
    with pytest.raises(InputError, match=r'goal.png: expected uint8 \[32, 32\].*\[16, 32\]'):
        make(small.file)
    make(small.file, size=(16, 32))
    with pytest.raises(InputError, match='no such file'):
        make(tmp_path / 'none.png')
    for name in ('bad.png', 'bad.npy'):
        (tmp_path / name).write_bytes(b'nonsense')
        with pytest.raises(InputError, match='not a'):
            make(tmp_path / name)
    (tmp_path / 'empty.png').touch()
    with pytest.raises(InputError, match='not a picture'):
        make(tmp_path / 'empty.png')
    np.save(tmp_path / 'float.npy', np.zeros((32, 32)))
    with pytest.raises(InputError, match='float64'):
        make(tmp_path / 'float.npy')


@pytest.mark.fault(43)
def test_success_right_after_a_reset_is_a_wiring_fault():
    reward = make_reward(RewardConfig('electrical'))
    first, later = observe(step=0), observe(step=1)
    assert 'right after the reset' in fault_after_reset(first, reward(first, True))
    assert fault_after_reset(first, reward(first, False)) == ''
    assert fault_after_reset(later, reward(later, True)) == ''


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'kind': 'sparse'}, 'kind: expected one of electrical, goal_image, dense'),
        ({'kind': 'goal_image'}, 'goal_image'),
        ({'kind': 'electrical', 'dense': {}}, 'dense: given'),
        ({'kind': 'electrical', 'success': 'distance'}, 'success'),
        ({'kind': 'dense', 'success': 'image'}, 'success: image needs'),
        ({'kind': 'dense', 'success_distance': 0}, 'success_distance'),
        ({'kind': 'dense', 'dense': {'alpha': float('nan')}}, 'dense: alpha'),
        ({'kind': 'dense', 'dense': {'epsilon': 0}}, 'dense: epsilon'),
        ({'kind': 'dense', 'dense': {'gamma': 1}}, "unknown key 'gamma'"),
    ],
)
def test_wrong_settings_name_file_and_key(settings, message):
    with pytest.raises(InputError, match=f'task.yaml: .*{message}'):
        config.parse(RewardConfig, settings, 'task.yaml')
