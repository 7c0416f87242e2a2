# SPDX-License-Identifier: Apache-2.0
"""What a person types wrong: one clear message, status 2, no traceback, nothing half-written."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from robot_rl import cli, resources
from robot_rl.control.robot import load_robot
from robot_rl.learning.build import make_learner
from robot_rl.learning.checkpoint import CheckpointWriter
from robot_rl.task import load_task


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr('sys.argv', ['robot-rl', *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def changed(tmp_path: Path, kind: str, name: str, change: Any) -> str:
    """A copy of a configuration file with one thing changed; its path."""
    data = yaml.safe_load(resources.find(f'config/{kind}', name).read_text())
    change(data)
    path = tmp_path / f'{name}.yaml'
    path.write_text(yaml.safe_dump(data))
    return str(path)


def expect(capsys: pytest.CaptureFixture[str], *parts: str) -> None:
    error = capsys.readouterr().err
    assert error.startswith('error: ')
    assert error.count('\n') == 1
    for part in parts:
        assert part in error


@pytest.mark.fault(20)
@pytest.mark.parametrize(
    ('arguments', 'parts'),
    [
        (('fly',), ("unknown command 'fly'", 'train, launch')),
        (('train', '--task', 'usb'), ("'usb'", 'usb_insertion')),
        (('train', '--robot', 'hal'), ("'hal'", 'sawyer')),
        (('train', '--agent', 'ppo2'), ("'ppo2'", 'sac_residual')),
        (('train', '--checkpoint', '/nowhere'), ('/nowhere', 'no such folder')),
        (('evaluate', '--checkpoint', '/nowhere'), ('/nowhere', 'no checkpoint')),
        (('bench', 'everything'), ("'everything'", 'learner, lockstep')),
    ],
)
def test_an_unknown_name_lists_the_known_ones(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: tuple[str, ...],
    parts: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *arguments) == 2
    expect(capsys, *parts)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ('change', 'parts'),
    [
        (lambda t: t['safety'].update(spere_radius=1), ("unknown key 'spere_radius'",)),
        (lambda t: t['safety'].pop('sphere_radius'), ("missing key 'sphere_radius'",)),
        (lambda t: t['safety'].update(tool_speed=float('nan')), ('tool_speed', 'nan')),
        (lambda t: t['safety'].update(sphere_radius=700.0), ('sphere_radius', '700')),
        (lambda t: t['base'].update(gain=[1, 2]), ('gain', 'a list of 3')),
        (lambda t: t.update(horizon=0), ('horizon', 'positive')),
        (lambda t: t['rates'].update(control_hz=25.0), ('control_hz / action_hz', 'whole')),
        (lambda t: t['reward'].update(kind='smile'), ('kind', 'electrical')),
        (lambda t: t['observation'][0].update(source='smell'), ("unknown source 'smell'",)),
    ],
)
def test_a_bad_task_file_is_named_with_its_key(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    change: Any,
    parts: tuple[str, ...],
) -> None:
    path = changed(tmp_path, 'tasks', 'usb_insertion', change)
    assert run(monkeypatch, 'evaluate', '--task', path, '--episodes', '1') == 2
    expect(capsys, path, *parts)


def test_a_joint_that_the_urdf_lacks_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    robot = changed(tmp_path, 'robots', 'sawyer', lambda r: r['joints'].__setitem__(2, 'elbow'))
    task = changed(tmp_path, 'tasks', 'usb_insertion', lambda t: t.update(robot=robot))
    assert run(monkeypatch, 'evaluate', '--task', task, '--episodes', '1') == 2
    expect(capsys, robot, 'has no elbow', 'right_j0')


def test_a_run_folder_that_cannot_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / 'file').write_text('')
    assert run(monkeypatch, 'train', '--runs', str(tmp_path / 'file' / 'runs')) == 2
    expect(capsys, 'runs', 'cannot be written')


@pytest.mark.parametrize(
    'command',
    [
        'train',
        'evaluate',
        'expert particle',
        'view observation particle_image',
        'capture-goal particle_image',
        'bench safety',
    ],
)
def test_a_seed_below_zero_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    command: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *command.split(), '--seed', '-1') == 2
    assert "argument --seed: expected 0 or more, got '-1'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ('command', 'name', 'said'),
    [
        ('view observation particle_image --episodes 1 --out', 'file/o.png', 'cannot be written'),
        ('view observation particle_image --episodes 1 --out', 'dir.png', 'cannot be written'),
        ('view observation particle_image --episodes 1 --out', 'o.gif', 'name that ends in .png'),
        ('calibrate --folder . --square 0.02 --output', 'file/l.yaml', 'file: cannot be made'),
        ('capture-goal particle_image --out', 'file/o.png', 'cannot be written'),
    ],
)
def test_a_path_that_cannot_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    command: str,
    name: str,
    said: str,
) -> None:
    (tmp_path / 'file').write_text('')
    (tmp_path / 'dir.png').mkdir()
    assert run(monkeypatch, *command.split(), str(tmp_path / name)) == 2
    expect(capsys, str(tmp_path / Path(name).parts[0]), said)


def checkpoint(folder: Path, **other: str) -> Path:
    """A checkpoint of an untrained policy for the USB task, of its own agent or another."""
    task = load_task('usb_insertion', **other)
    learner = make_learner(task, load_robot(task.robot), 0, 'run')
    writer = CheckpointWriter(folder)
    writer.start(learner.checkpoint())
    writer.wait()
    assert writer.latest is not None
    return writer.latest


def test_a_run_with_an_agent_of_choice_is_evaluated_with_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    saved = checkpoint(tmp_path, agent='td3_residual')
    arguments = ('evaluate', '--checkpoint', str(saved), '--episodes', '1', '--json')
    assert run(monkeypatch, *arguments) == 0
    assert json.loads(capsys.readouterr().out)['task'] == 'usb_insertion'


def test_a_checkpoint_of_another_task_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    saved = checkpoint(tmp_path)
    other = changed(tmp_path, 'tasks', 'usb_insertion', lambda t: t.update(name='other'))
    arguments = ('evaluate', '--checkpoint', str(saved), '--task', other, '--episodes', '1')
    assert run(monkeypatch, *arguments) == 2
    expect(capsys, str(saved), "task: expected 'other', got 'usb_insertion'")


def test_a_checkpoint_of_another_action_size_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    saved = checkpoint(tmp_path)
    other = changed(
        tmp_path,
        'tasks',
        'usb_insertion',
        lambda t: t['action'].update(axes=['x', 'y'], scale=[0.001, 0.001]),
    )
    arguments = ('evaluate', '--checkpoint', str(saved), '--task', other, '--episodes', '1')
    assert run(monkeypatch, *arguments) == 2
    expect(capsys, str(saved), 'settings.action')


def test_a_flipped_byte_in_the_weights_is_noticed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    weights = checkpoint(tmp_path) / 'policy.safetensors'
    data = bytearray(weights.read_bytes())
    data[-5] ^= 1
    weights.write_bytes(data)
    arguments = ('evaluate', '--checkpoint', str(weights.parent), '--episodes', '1')
    assert run(monkeypatch, *arguments) == 2
    expect(capsys, 'policy.safetensors', 'sha256')


def test_help_lists_the_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr('sys.argv', ['robot-rl', '--help'])
    cli.main()
    out = capsys.readouterr().out
    assert all(name in out for name in cli.COMMANDS)
    assert os.environ['MUJOCO_GL']


def test_without_egl_nothing_is_started_and_the_line_to_type_is_given(tmp_path: Path) -> None:
    command = [str(Path(sys.prefix, 'bin', 'robot-rl')), 'train', '--steps', '100']
    environment = os.environ | {'__EGL_VENDOR_LIBRARY_FILENAMES': '/nonexistent'}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert 'apt-get install -y libegl1' in done.stderr
    assert 'Traceback' not in done.stderr
    assert not list(tmp_path.iterdir())
