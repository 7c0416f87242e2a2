# SPDX-License-Identifier: Apache-2.0
"""What the executables set before rclpy is imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from robot_rl import ros_environment

VARIABLES = ('AMENT_PREFIX_PATH', 'ROS_AUTOMATIC_DISCOVERY_RANGE', 'ROS_LOG_DIR', 'ROS_HOME')


@pytest.fixture
def prepared(monkeypatch, tmp_path):
    """Calls `prepare` with the given variables only, and gives the result."""

    def prepare(**given: str) -> dict[str, str]:
        given = {'HOME': str(tmp_path)} | given
        for name in (*VARIABLES, 'HOME'):
            if name in given:
                monkeypatch.setenv(name, given[name])
            else:
                monkeypatch.delenv(name, raising=False)
        ros_environment.prepare()
        return {name: os.environ[name] for name in VARIABLES if name in os.environ}

    return prepare


def test_an_empty_environment_is_completed(prepared):
    assert prepared() == {
        'AMENT_PREFIX_PATH': sys.prefix,
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
    }


def test_what_is_set_stays(prepared):
    given = {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET', 'ROS_LOG_DIR': '/logs'}
    result = prepared(AMENT_PREFIX_PATH=f'/workspace{os.pathsep}/opt/ros', **given)
    assert result.pop('AMENT_PREFIX_PATH').split(os.pathsep) == [
        '/workspace',
        '/opt/ros',
        sys.prefix,
    ]
    assert result == given


def test_doing_it_twice_changes_nothing(prepared):
    once = prepared()
    assert prepared(**once) == once


@pytest.mark.parametrize('home', ['', '/nowhere'])
def test_logs_have_a_place_without_a_home(prepared, home):
    folder = Path(prepared(HOME=home)['ROS_LOG_DIR'])
    assert os.access(folder.parent, os.W_OK)


@pytest.mark.graph
def test_the_library_path_comes_back_where_only_the_guard_was_inherited(tmp_path):
    program = (
        'from robot_rl import ros_environment\n'
        'ros_environment.prepare()\n'
        'import sys, rclpy\n'
        'rclpy.init(); rclpy.shutdown(); print("came up", *sys.argv[1:])\n'
    )
    environment = {ros_environment.GUARD: '1', 'HOME': str(tmp_path)}
    command = [sys.executable, '-c', program, 'with', 'arguments']
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout == 'came up with arguments\n', done.stderr


@pytest.mark.graph
def test_as_a_program_it_runs_a_module_with_the_arguments(tmp_path):
    (tmp_path / 'shown.py').write_text('import sys\ndef main():\n    print(sys.argv[1:])\n')
    command = [sys.executable, '-m', 'robot_rl.ros_environment', 'shown', '--ros-args', '-p']
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("['--ros-args', '-p']\n", 0), done.stderr
