# SPDX-License-Identifier: Apache-2.0
"""Message packages of vendors, which no wheel brings: the parts that the adapters use.

They are built as a user's workspace would build them, into a folder of the test's, so that real
messages go over real DDS to the fake controllers.
"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

#: Fields by package and file.
PACKAGES = {
    'intera_core_msgs': {
        'msg/JointCommand.msg': """
            std_msgs/Header header
            int32 mode
            string[] names
            float64[] position
            float64[] velocity
            float64[] acceleration
            float64[] effort
            int32 POSITION_MODE=1
            int32 VELOCITY_MODE=2
            int32 TORQUE_MODE=3
            int32 TRAJECTORY_MODE=4
        """
    },
    'kinova_msgs': {
        'msg/JointVelocity.msg': '\n'.join(f'float32 joint{k}' for k in range(1, 8)),
        'msg/FingerPosition.msg': '\n'.join(f'float32 finger{k}' for k in range(1, 4)),
        'action/SetFingersPosition.action': """
            FingerPosition fingers
            ---
            FingerPosition fingers
            ---
            FingerPosition fingers
        """,
    },
    'control_msgs': {
        'msg/GripperCommand.msg': """
            float64 position
            float64 max_effort
        """,
        'action/GripperCommand.action': """
            GripperCommand command
            ---
            float64 position
            bool reached_goal
            ---
            float64 position
        """,
    },
}

CMAKE = """
cmake_minimum_required(VERSION 3.20)
project({name})
find_package(ament_cmake REQUIRED)
find_package(std_msgs REQUIRED)
find_package(rosidl_default_generators REQUIRED)
rosidl_generate_interfaces(${{PROJECT_NAME}} {files} DEPENDENCIES std_msgs)
ament_package()
"""
MANIFEST = """
<package format="3"><name>{name}</name><version>0.0.0</version><description>Fields</description>
<maintainer email="nobody@example.com">Nobody</maintainer><license>Apache-2.0</license>
<buildtool_depend>ament_cmake</buildtool_depend><depend>std_msgs</depend>
<buildtool_depend>rosidl_default_generators</buildtool_depend>
<member_of_group>rosidl_interface_packages</member_of_group></package>
"""


def build(name: str, folder: Path) -> dict[str, str]:
    """Builds one package; the environment in which a process finds it."""
    source, prefix = folder / name, folder / 'prefix'
    for file, fields in PACKAGES[name].items():
        (source / file).parent.mkdir(parents=True, exist_ok=True)
        (source / file).write_text('\n'.join(map(str.strip, fields.splitlines())))
    files = ' '.join(PACKAGES[name])
    (source / 'CMakeLists.txt').write_text(CMAKE.format(name=name, files=files))
    (source / 'package.xml').write_text(MANIFEST.format(name=name).strip())
    venv = sys.prefix
    environment = os.environ | {
        'PATH': f'{venv}/bin:{os.environ["PATH"]}',
        'AMENT_PREFIX_PATH': venv,
        'CMAKE_PREFIX_PATH': venv,
    }
    missing = ROOT / 'robot_rl_msgs/cmake/existing_include_dirs.cmake'
    configure = ['cmake', '-G', 'Ninja', '-S', source, '-B', source / 'build']
    configure += [f'-DCMAKE_INSTALL_PREFIX={prefix}', '-DPython3_FIND_VIRTUALENV=ONLY']
    configure += [f'-DCMAKE_PROJECT_TOP_LEVEL_INCLUDES={missing}']
    steps = [['cmake', f'--{verb}', source / 'build'] for verb in ('build', 'install')]
    for step in (configure, *steps):
        done = subprocess.run(
            list(map(str, step)), env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    site = Path(sysconfig.get_path('purelib')).relative_to(venv)
    return {'PYTHONPATH': str(prefix / site), 'LD_LIBRARY_PATH': str(prefix / 'lib')}
