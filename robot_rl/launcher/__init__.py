# SPDX-License-Identifier: Apache-2.0
"""Runs ROS 2 Python launch files where the `launch` packages are not installed.

The subset of `launch` and `launch_ros` that `launch/` uses, with the same meaning: the same file
starts the same processes with the same arguments under `ros2 launch`. Anything else is refused
by name.
"""

from robot_rl.launcher.cli import main

__all__ = ['main']
