# SPDX-License-Identifier: Apache-2.0
"""What ROS 2 wants to find in the environment, set before rclpy is imported.

As a program it starts one node: `python -m robot_rl.ros_environment MODULE [ARGUMENTS]`.
"""

import importlib
import importlib.util
import os
import signal
import sys
import tempfile
from pathlib import Path

#: Set by the ROS 2 wheels once they have put their libraries on LD_LIBRARY_PATH.
GUARD = '_ROS_WHEELS_BOOTSTRAP_COMPLETE'


def prepare() -> None:
    """Completes the environment of this process and of those it starts; call it before rclpy.

    What is set already stays: a sourced ROS 2 workspace, or a wider discovery range for a robot
    on the network. May replace the process by one that differs only in its library path.
    """
    _restore_library_path()
    prefixes = [p for p in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep) if p]
    if sys.prefix not in prefixes and Path(sys.prefix, 'share', 'ament_index').is_dir():
        os.environ['AMENT_PREFIX_PATH'] = os.pathsep.join([*prefixes, sys.prefix])
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    if not {'ROS_LOG_DIR', 'ROS_HOME'} & os.environ.keys() and not _home_is_writable():
        os.environ['ROS_LOG_DIR'] = str(Path(tempfile.gettempdir(), f'ros_log_{os.getuid()}'))


def _restore_library_path() -> None:
    """Starts this process again where it inherited the wheels' guard but not their path.

    The wheels set both at Python's start; with the guard alone they do nothing, and the import of
    rclpy fails on a missing library.
    """
    paths = os.environ.get('LD_LIBRARY_PATH', '').split(os.pathsep)
    if GUARD not in os.environ or str(Path(sys.prefix, 'lib')) in paths:
        return
    if importlib.util.find_spec('ros_wheels_bootstrapper') is not None:
        del os.environ[GUARD]
        os.execv(sys.executable, sys.orig_argv)


def _home_is_writable() -> bool:
    home = os.environ.get('HOME', '')
    return bool(home) and os.access(home, os.W_OK)


def main() -> None:
    """Runs `main` of the module named by the first argument, with the rest as its arguments."""
    prepare()
    for number in (signal.SIGINT, signal.SIGTERM):  # until the node installs its own
        signal.signal(number, lambda *_: os._exit(130))
    del sys.argv[0]
    sys.exit(importlib.import_module(sys.argv[0]).main())


if __name__ == '__main__':
    main()
