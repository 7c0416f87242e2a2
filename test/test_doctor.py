# SPDX-License-Identifier: Apache-2.0
"""The page before arming: each check by hand, and the command beside a simulated arm."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from arm_stage import Stage

from robot_rl import preflight
from robot_rl.control.robot import load_robot
from robot_rl.errors import InputError
from robot_rl.nodes import doctor
from robot_rl.preflight import Finding, Stream
from robot_rl.task import load_task

ROBOT, SAFETY = load_robot('sawyer'), load_task('usb_insertion').safety
HOME = np.array(ROBOT.home)


def stream(**more: object) -> Stream:
    times = [k / 100 for k in range(100)]
    given: dict[str, object] = {'publishers': ['arm'], 'stamps_s': times, 'heard_s': times}
    return Stream('wrench', 100.0, **(given | more))  # type: ignore[arg-type]


def bad(findings: object) -> str:
    return '; '.join(f.said for f in findings if not f.good)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({}, ''),
        ({'publishers': []}, 'nobody publishes it'),
        ({'publishers': ['arm', 'other']}, 'several publishers: arm, other'),
        ({'misfits': ['arm: reliability']}, 'quality of service: arm: reliability'),
        ({'heard_s': [0.0]}, '1 Hz from arm; expected 50 Hz or more'),
    ],
)
def test_a_stream(changes: dict[str, object], words: str) -> None:
    said = bad(preflight.check_stream(stream(**changes), 1.0))
    assert words in said
    assert bool(words) == bool(said)


def test_clocks_that_differ_are_named() -> None:
    late = stream(stamps_s=[k / 100 - 0.3 for k in range(100)])
    late.topic = 'joint_states'
    assert bad(preflight.check_clocks([stream(), stream()])) == ''
    said = bad(preflight.check_clocks([stream(), late]))
    assert 'joint_states lag 300 ms behind those of wrench' in said


def test_joints_missing_or_beyond_their_limits_are_named() -> None:
    names = ['head', *ROBOT.joints]
    values = np.array([0.0, *HOME])
    assert bad(preflight.check_joints(ROBOT, names, values, 0.1)) == ''
    assert 'missing right_j6' in bad(preflight.check_joints(ROBOT, names[:-1], values, 0.1))
    values[2] = -3.8
    assert 'at -3.800, expected' in bad(preflight.check_joints(ROBOT, names, values, 0.1))
    values[2] = np.nan
    assert 'at nan' in bad(preflight.check_joints(ROBOT, names, values, 0.1))


def test_sphere_wrench_contact_and_latency() -> None:
    center = np.array(SAFETY.sphere_center)
    assert preflight.check_sphere(SAFETY, center).good
    assert not preflight.check_sphere(SAFETY, center + np.array([0.2, 0, 0])).good
    quiet = np.zeros((10, 3))
    assert bad(preflight.check_wrench(SAFETY, quiet)) == ''
    assert 'tare the sensor' in bad(preflight.check_wrench(SAFETY, quiet + 20.0))
    assert 'tare the sensor' in bad(preflight.check_wrench(SAFETY, quiet * np.nan))
    assert bad(preflight.check_contact([False, False])) == ''
    assert 'wiring' in bad(preflight.check_contact([False, True]))
    assert bad(preflight.check_latency([0.01] * 99, 0.1)) == ''
    assert 'at most 100 ms' in bad(preflight.check_latency([0.01] * 9 + [0.3], 0.1))


def test_the_machine(tmp_path: Path) -> None:
    assert 'cannot be read' in bad(preflight.check_machine(tmp_path, tmp_path / 'js0'))
    (tmp_path / 'js0').write_text('')
    assert 'js0' not in bad(preflight.check_machine(tmp_path, tmp_path / 'js0'))


def test_the_page_ends_in_its_verdict() -> None:
    good, other = Finding('a', True, 'fine'), Finding('b', False, 'broken')
    assert preflight.page([good]).endswith('ready to arm')
    assert preflight.page([good, other]).endswith('1 to be done')


def test_a_driver_asks_for_a_verdict_of_its_own_robot_task_and_start(tmp_path: Path) -> None:
    good, other = Finding('a', True, 'fine'), Finding('b', False, 'broken')

    def said(since_s: float = 0.0) -> str:
        with pytest.raises(InputError) as refusal:
            preflight.check_verdict(tmp_path, 'sawyer', 'usb', since_s)
        return str(refusal.value)

    assert f'--robot sawyer --task usb --run-dir {tmp_path}' in said()
    preflight.Verdict('sawyer', 'usb', [good, other]).write(tmp_path)
    assert said().startswith('b: broken; then run')
    preflight.Verdict('sawyer', 'pick', [good]).write(tmp_path)
    assert 'of sawyer and pick' in said()
    preflight.Verdict('sawyer', 'usb', [good]).write(tmp_path)
    preflight.check_verdict(tmp_path, 'sawyer', 'usb', 0.0)
    assert 'not looked at' in said(time.time() + 1)


def test_a_run_whose_folder_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'--run-dir: expected the folder of a run, got .*none'):
        doctor.main(['--run-dir', str(tmp_path / 'none')])


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.close()


def ask(*options: str) -> tuple[int, dict[str, object]]:
    command = [sys.executable, '-c', 'from robot_rl.cli import main; main()', 'doctor', '--json']
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


@pytest.mark.graph
def test_the_command_beside_an_arm_and_without_one(stage: Stage, tmp_path: Path) -> None:
    status, told = ask('--seconds', '1', '--run-dir', str(tmp_path))
    assert status == 1
    assert not told['ready']
    stage.start_script('arm', 'fake_arm.py')
    names = stage.listener.node.get_publisher_names_and_types_by_node
    stage.until(lambda: _there(names), 60, 'the arm')
    stage.start('driver', 'driver_node', preflight=True, run_dir=tmp_path)
    stage.start_source([0.0] * 7)
    stage.until(lambda: bool(stage.states), 30, 'the driver')
    assert 'not looked at' in stage.call('driver/arm').message
    status, told = ask('--seconds', '4', '--run-dir', str(tmp_path))
    missed = [f for f in told['findings'] if not f['good']]  # type: ignore[attr-defined]
    assert [f['what'] for f in missed if f['what'] != 'disk'] == []
    assert status == (1 if missed else 0)
    if not missed:
        stage.until(lambda: stage.call('driver/arm').success, 30, 'arming')


def _there(names: object) -> bool:
    try:
        return bool(names('fake_arm', '/'))  # type: ignore[operator]
    except Exception:  # noqa: BLE001
        return False
