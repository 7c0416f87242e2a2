# SPDX-License-Identifier: Apache-2.0
"""The bench of transfer: looks of training and test, and a run from start to table."""

import json
from contextlib import closing
from dataclasses import replace
from functools import cache

import mujoco
import numpy as np
import pytest

from benchmarks import curves, transfer
from benchmarks.curves import Length
from benchmarks.transfer import LEVELS, Outcome
from robot_rl import config
from robot_rl.errors import InputError
from robot_rl.learning.config import load_agent
from robot_rl.looks import LooksConfig
from robot_rl.task import load_task, robot_of
from sim_bridge.build import make_world, raw_pictures
from sim_bridge.direct import Evaluation
from sim_bridge.textures import add_textures

TASK = load_task(transfer.TASK)
TESTS = transfer.tests_of(TASK)


@cache
def seen(test, number=0):
    """Pictures of an episode's start in a test, and the model they were drawn of."""
    task = TESTS[test][number]
    with closing(make_world(task, robot_of(task))) as world:
        world.reset(1)
        pictures = raw_pictures(world, task)
        return pictures, world.twin(), world.looks.drawn


def textures(looks):
    """The pool of these looks, a row of bytes each."""
    scene = mujoco.MjSpec()
    add_textures(scene, looks.patterns, looks.pool, looks.pool_seed)
    return {bytes(texture.data) for texture in scene.textures}


def test_levels_of_training_differ_in_what_they_randomize():
    looks = {level: transfer.trained_in(TASK, level).looks for level in LEVELS}
    assert not looks['none'].varies
    assert looks['full'] == TASK.looks
    back = ('camera_position', 'camera_angle', 'focal')
    assert all(getattr(looks['partial'], name) == getattr(LooksConfig(), name) for name in back)
    given = {name: getattr(TASK.looks, name) for name in back}
    assert replace(looks['partial'], **given) == looks['full'] != looks['partial']


def test_no_texture_of_the_test_is_one_of_the_training():
    trained, unseen = TASK.looks, TESTS['textures'][0].looks
    assert len(textures(trained)) >= trained.pool
    assert not textures(trained) & textures(unseen)
    assert textures(trained) == textures(replace(trained))
    assert 'noise' not in trained.patterns
    assert trained.distractors[1] == 0


def test_a_pool_has_a_seed_from_zero_on():
    assert config.parse(LooksConfig, {'pool_seed': 3}, 'looks').pool_seed == 3
    assert not LooksConfig(pool_seed=3).varies
    with pytest.raises(InputError, match='pool_seed: expected 0 or more, got -1'):
        config.parse(LooksConfig, {'pool_seed': -1}, 'looks')


def test_the_camera_is_3_cm_and_5_degrees_off():
    _, still, _ = seen('plain')
    for number in range(len(TESTS['camera'])):
        _, moved, _ = seen('camera', number)
        front, turn = still.camera('front').id, np.zeros(3)
        way = moved.cam_pos[front] - still.cam_pos[front]
        mujoco.mju_subQuat(turn, moved.cam_quat[front], still.cam_quat[front])
        assert np.linalg.norm(way) == pytest.approx(0.03, rel=1e-6)
        assert np.degrees(np.linalg.norm(turn)) == pytest.approx(5.0, abs=0.1)
    assert TESTS['camera'][0].looks != TESTS['camera'][1].looks


def test_each_test_changes_what_it_says():
    plain, _, _ = seen('plain')
    color, depth = 'front/color', 'front/depth'
    textured, _, _ = seen('textures')
    assert np.abs(textured[color].astype(int) - plain[color]).mean() > 10
    assert np.array_equal(textured[depth] > 0, plain[depth] > 0)
    strewn, _, drawn = seen('distractors')
    assert 4 <= drawn['distractors'][0] <= 6
    assert 0 < (strewn[depth] != plain[depth]).mean() < 0.5
    holes, _, _ = seen('depth')
    assert np.array_equal(holes[color], plain[color])
    assert (holes[depth] == 0).mean() > 0.02 + (plain[depth] == 0).mean()
    every, _, drawn = seen('all')
    assert drawn['distractors'][0] >= 4
    assert (every[depth] == 0).mean() > 0.02 + (plain[depth] == 0).mean()
    assert np.abs(every[color].astype(int) - textured[color]).mean() > 1


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """A short run of the bench, of a level."""
    made = load_agent('ddpg_reach_image')
    learner = replace(made.learner, batch_size=4, warmup_steps=12, capacity=200)
    base = replace(made, agent=replace(made.agent, hidden=(16,), device='cpu'), learner=learner)
    found = transfer.train(TASK, 'full', base, 0, Length(24, 24, 1))
    path = tmp_path_factory.mktemp('transfer') / 'transfer.jsonl'
    curves.append(path, found)
    return path, found


def test_a_run_is_tried_in_all_looks(run):
    path, found = run
    assert (found.level, found.steps, found.trials) == ('full', 24, 1)
    assert list(found.success) == list(TESTS)
    assert set(found.success.values()) <= {0.0, 1.0}
    assert curves.read(path, Outcome) == [found]


def test_a_finished_run_is_not_run_again(run, capsys, monkeypatch):
    monkeypatch.setattr(transfer, 'configure_process', lambda threads: None)  # pytest's own
    path, _ = run
    before = path.read_text()
    transfer.main(['--levels', 'full', '--seeds', '0', '--out', str(path)])
    assert path.read_text() == before
    *_, row, last = capsys.readouterr().out.splitlines()
    assert row.startswith('| full | 1 | 1 | 24 |')
    assert json.loads(last)['value'] is None


def test_the_margin_is_that_of_held_out_looks():
    full = Outcome('full', 0, 10, 20, {'plain': 0.2, 'camera': 1.0, 'depth': 0.5})
    none = Outcome('none', 0, 10, 20, {'plain': 1.0, 'camera': 0.0, 'depth': 0.5})
    assert transfer.margin([full, none]) == pytest.approx(0.5)
    assert '| none | 1 | 20 | 10 | 0 | 100% (100%) | 0% (0%) | 50% (50%) |' in transfer.table(
        [full, none]
    )


def test_trials_are_shared_out_among_the_tasks_of_a_test(monkeypatch):
    class Host:
        def __init__(self, task, robot, limits, seed, records):
            self.task, self.seed = task, seed

        def close(self):
            pass

    asked = []

    def played(host, agent, episodes):
        asked.append((host.task, host.seed, episodes))
        return Evaluation(1.0 if host.task is TESTS['all'][0] else 0.0, 0.0)

    monkeypatch.setattr(transfer, 'DirectHost', Host)
    monkeypatch.setattr(transfer, 'evaluate', played)
    assert transfer.measure(None, TESTS['all'], 5, 0) == pytest.approx(0.6)
    assert [(task, episodes) for task, _, episodes in asked] == [
        (TESTS['all'][0], 3),
        (TESTS['all'][1], 2),
    ]
    assert len({seed for _, seed, _ in asked}) == 2
