# SPDX-License-Identifier: Apache-2.0
"""What ROS 2 wants to find in the environment, set before rclpy is imported.

As a program it starts one node: `python -m robot_rl.ros_environment MODULE [ARGUMENTS]`.
"""

import gc
import importlib
import importlib.util
import os
import signal
import sys
import tempfile
from pathlib import Path

from robot_rl.resources import share_dir

#: Set by the ROS 2 wheels once they have put their libraries on LD_LIBRARY_PATH.
GUARD = '_ROS_WHEELS_BOOTSTRAP_COMPLETE'

RANGE, PROFILE = 'ROS_AUTOMATIC_DISCOVERY_RANGE', 'FASTDDS_DEFAULT_PROFILES_FILE'
FAST_DDS = 'rmw_fastrtps_cpp'
CAMERA = 'robot_rl.nodes.camera_node'


def prepare() -> None:
    """Completes the environment of this process and of those it starts; call it before rclpy.

    What is set already stays: a sourced ROS 2 workspace, a Fast DDS profile, or a wider discovery
    range for a robot on the network. May replace the process by one that differs only in its
    library path.
    """
    _restore_library_path()
    prefixes = [p for p in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep) if p]
    if sys.prefix not in prefixes and Path(sys.prefix, 'share', 'ament_index').is_dir():
        os.environ['AMENT_PREFIX_PATH'] = os.pathsep.join([*prefixes, sys.prefix])
    os.environ.setdefault(RANGE, 'LOCALHOST')
    _choose_profile()
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


def _choose_profile() -> None:
    """Names one of our Fast DDS profiles, unless the user names another.

    With LOCALHOST, the ROS 2 layer over Fast DDS adds shared memory to whatever the profile says,
    so the range is left to the profile, which keeps to 127.0.0.1.
    """
    if PROFILE in os.environ or os.environ.get('RMW_IMPLEMENTATION', FAST_DDS) != FAST_DDS:
        return
    choices = {
        'LOCALHOST': ('fastdds_profile.xml', 'SYSTEM_DEFAULT'),
        'SUBNET': ('fastdds_network.xml', 'SUBNET'),
    }
    if choice := choices.get(os.environ[RANGE]):
        os.environ[PROFILE] = str(share_dir() / 'config' / choice[0])
        os.environ[RANGE] = choice[1]


def _take_camera_profile() -> None:
    """Adds shared memory, for the images of a camera driver, where all is on this machine."""
    ours = share_dir() / 'config'
    if os.environ.get(PROFILE) == str(ours / 'fastdds_profile.xml'):
        os.environ[PROFILE] = str(ours / 'fastdds_camera.xml')


def _home_is_writable() -> bool:
    home = os.environ.get('HOME', '')
    return bool(home) and os.access(home, os.W_OK)


def main() -> None:
    """Runs `main` of the module named by the first argument, with the rest as its arguments.

    Garbage is collected from when the node is built: nothing of the imports can go.
    """
    prepare()
    gc.disable()
    for number in (signal.SIGINT, signal.SIGTERM):  # until the node installs its own
        signal.signal(number, lambda *_: os._exit(130))
    del sys.argv[0]
    if sys.argv[0] == CAMERA:
        _take_camera_profile()
    sys.exit(importlib.import_module(sys.argv[0]).main())


if __name__ == '__main__':
    main()
