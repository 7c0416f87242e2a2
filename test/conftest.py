# SPDX-License-Identifier: Apache-2.0
"""The environment of every test process: a ROS domain and a log folder of its own."""

import os
from contextlib import ExitStack
from tempfile import TemporaryDirectory

import pytest
from domain_coordinator import domain_id
from hypothesis import settings

from robot_rl import ros_environment


class Domains:
    """Domains 1 to 100, from a place of this process's own on.

    A run that was killed may have left processes in the first ones.
    """

    def __init__(self) -> None:
        self._value = os.getpid()

    def __call__(self) -> int:
        self._value += 1
        return self._value % 100 + 1


def pytest_configure(config: pytest.Config) -> None:
    """Comes before any test module, hence before rclpy, torch and MuJoCo."""
    ros_environment.prepare()
    settings.register_profile('any_machine', deadline=None)  # a busy one takes its time
    settings.load_profile('any_machine')
    resources = ExitStack()
    config.add_cleanup(resources.close)
    os.environ |= {
        'ROS_DOMAIN_ID': str(resources.enter_context(domain_id(Domains()))),
        'ROS_LOG_DIR': resources.enter_context(TemporaryDirectory(prefix='ros_log_')),
        'OMP_NUM_THREADS': '1',
        'MUJOCO_GL': 'egl',
    }
