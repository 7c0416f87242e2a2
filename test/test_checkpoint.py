# SPDX-License-Identifier: Apache-2.0
import json
import logging
import os
import resource
import shutil

import numpy as np
import pytest

from robot_rl.errors import InputError
from robot_rl.learning import checkpoint
from robot_rl.learning.checkpoint import Checkpoint, CheckpointWriter


def make(env_steps, value=0.0):
    state = {'a/b': np.full((20, 3), value, np.float32), 'text': np.frombuffer(b'{}', np.uint8)}
    files = {'policy': {'w': np.full(4, value)}, 'learner': state}
    return Checkpoint({'env_steps': env_steps, 'value': value}, files)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_round_trip_is_exact(tmp_path):
    path = checkpoint.save(tmp_path, make(7, 0.1))
    assert path.name == '000000007'
    assert names(path) == ['learner.safetensors', 'meta.json', 'policy.safetensors']
    back, found = checkpoint.load_latest(tmp_path)
    assert found == path
    assert back.meta == {'env_steps': 7, 'value': 0.1}
    for name, state in make(7, 0.1).files.items():
        for key, array in state.items():
            np.testing.assert_array_equal(back.files[name][key], array)


def test_keeps_three_and_leaves_nothing_else(tmp_path):
    for steps in (10, 20, 30, 40, 50):
        checkpoint.save(tmp_path, make(steps))
    assert names(tmp_path) == ['000000030', '000000040', '000000050']


def test_same_step_twice_holds_the_second(tmp_path):
    for value in (1.0, 2.0):
        checkpoint.save(tmp_path, make(5, value))
    assert names(tmp_path) == ['000000005']
    assert checkpoint.load_latest(tmp_path)[0].meta['value'] == 2.0


def test_run_folder_checkpoint_folder_or_checkpoint(tmp_path):
    for steps in (1, 2):
        checkpoint.save(tmp_path / 'checkpoints', make(steps))
    for folder, steps in (
        (tmp_path, 2),
        (tmp_path / 'checkpoints', 2),
        (tmp_path / 'checkpoints' / '000000001', 1),
    ):
        assert checkpoint.load_latest(folder)[0].meta['env_steps'] == steps


@pytest.mark.fault(25)
@pytest.mark.parametrize('name', ['meta.json', 'policy.safetensors', 'learner.safetensors'])
@pytest.mark.parametrize('tenth', range(10))
def test_cut_file_falls_back_to_the_earlier_one_loudly(tmp_path, caplog, name, tenth):
    checkpoint.save(tmp_path, make(1))
    newest = checkpoint.save(tmp_path, make(2))
    size = (newest / name).stat().st_size
    os.truncate(newest / name, size * tenth // 10)
    with caplog.at_level(logging.ERROR):
        back, path = checkpoint.load_latest(tmp_path)
    assert back.meta['env_steps'] == 1
    assert str(newest / name) in caplog.text
    assert str(path) in caplog.text


def test_flipped_byte_or_missing_file_falls_back(tmp_path):
    first, *others = (checkpoint.save(tmp_path, make(steps)) for steps in (1, 2, 3))
    data = bytearray((others[1] / 'learner.safetensors').read_bytes())
    data[-1] ^= 1
    (others[1] / 'learner.safetensors').write_bytes(data)
    (others[0] / 'policy.safetensors').unlink()
    assert checkpoint.load_latest(tmp_path)[1] == first


def test_only_the_files_asked_for_are_read(tmp_path):
    path = checkpoint.save(tmp_path, make(1))
    (path / 'learner.safetensors').write_bytes(b'damaged')
    assert list(checkpoint.load_latest(tmp_path, only=('policy',))[0].files) == ['policy']


def test_saving_after_a_fall_back_removes_the_damaged_later_one(tmp_path):
    for steps in (1, 9):
        checkpoint.save(tmp_path, make(steps))
    checkpoint.save(tmp_path, make(5))
    assert names(tmp_path) == ['000000001', '000000005']


def test_nothing_good_names_every_cause(tmp_path):
    with pytest.raises(InputError, match='no checkpoint'):
        checkpoint.load_latest(tmp_path)
    path = checkpoint.save(tmp_path, make(1))
    (path / 'meta.json').write_text(json.dumps([1]))
    with pytest.raises(InputError, match=r'meta.json: damaged'):
        checkpoint.load_latest(tmp_path)


def test_half_written_checkpoint_is_not_seen_and_is_cleared(tmp_path):
    writer = CheckpointWriter(tmp_path)
    checkpoint.save(writer.folder, make(1))
    shutil.copytree(writer.folder / '000000001', writer.folder / '.000000002.99.partial')
    assert checkpoint.load_latest(tmp_path)[0].meta['env_steps'] == 1
    CheckpointWriter(tmp_path)
    assert names(writer.folder) == ['000000001']


def test_writer_works_beside_and_tells_what_is_safe(tmp_path):
    writer = CheckpointWriter(tmp_path, keep=2)
    assert writer.latest is None
    for steps in (1, 2, 3):
        writer.start(make(steps))
    writer.wait()
    assert (writer.written['env_steps'], writer.error, writer.busy) == (3, '', False)
    assert names(writer.folder) == ['000000002', '000000003']


def test_full_disk_is_reported_and_the_earlier_one_stays(tmp_path):
    writer = CheckpointWriter(tmp_path)
    writer.start(make(1))
    writer.wait()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        writer.start(make(2))
        writer.wait()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert 'not written: File too large' in writer.error
    assert writer.written['env_steps'] == 1
    assert names(writer.folder) == ['000000001']
    writer.start(make(3))
    writer.wait()
    assert writer.error == ''


def test_folder_that_can_not_be_written_is_refused(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match='can not be written: Not a directory'):
        CheckpointWriter(tmp_path / 'file')


def test_a_restart_goes_on_from_its_own_checkpoints(tmp_path):
    run = tmp_path / 'run'
    assert checkpoint.resume_from(str(run), 'other') == 'other'
    assert checkpoint.resume_from('', 'other') == 'other'
    CheckpointWriter(run)
    assert checkpoint.resume_from(str(run)) == ''
    checkpoint.save(run / 'checkpoints', make(3))
    assert checkpoint.resume_from(str(run), 'other') == str(run / 'checkpoints')
