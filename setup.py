# SPDX-License-Identifier: Apache-2.0
"""Builds and installs robot_rl, for pip and for colcon alike.

Name, version and description stand in package.xml. A launch `Node(executable=...)` looks in
lib/robot_rl, a folder that pip's entry points cannot reach, so each node's starter is a data
file; only `robot-rl`, the command for people, goes to bin.
"""

import xml.etree.ElementTree as ET
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.dist import Distribution

EXECUTABLES = {
    'camera_node': 'robot_rl.nodes.camera_node',
    'container': 'robot_rl.nodes.container',
    'controller_node': 'robot_rl.nodes.controller_node',
    'driver_node': 'robot_rl.nodes.driver_node',
    'episode_node': 'robot_rl.nodes.episode_node',
    'learner_node': 'robot_rl.nodes.learner_node',
    'policy_node': 'robot_rl.nodes.policy_node',
    'replay_node': 'robot_rl.nodes.replay_node',
    'reward_node': 'robot_rl.nodes.reward_node',
    'safety_node': 'robot_rl.nodes.safety_node',
    'sim_arm': 'sim_bridge.arm_node',
    'sim_bridge': 'sim_bridge.bridge_node',
    'teleop_node': 'robot_rl.nodes.teleop_node',
}

PACKAGES = ('robot_rl', 'sim_bridge', 'benchmarks')

STARTER = """\
#!/bin/sh
# Starts {module} with the Python of the environment that this file lies in.
python="${{0%/*}}/../../bin/python3"
[ -x "$python" ] || python=python3
exec "$python" -P -m robot_rl.ros_environment {module} "$@"
"""


class DistributionWithData(Distribution):
    """Gives an editable wheel its data files, which setuptools asks for by this name."""

    def has_data(self):
        """Whether there are data files."""
        return self.has_data_files()


def write_starters(folder):
    """Writes one starter per executable and returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, module in EXECUTABLES.items():
        path = folder / name
        path.write_text(STARTER.format(module=module))
        path.chmod(0o755)
    return [str(folder / name) for name in EXECUTABLES]


def shared_files(*roots):
    """The files below `roots`, each folder under its own name in share/robot_rl."""
    folders = {}
    for path in sorted(p for root in roots for p in Path(root).rglob('*')):
        if path.is_file() and '__pycache__' not in path.parts:
            folders.setdefault(f'share/robot_rl/{path.parent}', []).append(str(path))
    return list(folders.items())


MANIFEST = ET.parse('package.xml').getroot()

setup(
    distclass=DistributionWithData,
    name=MANIFEST.findtext('name'),
    version=MANIFEST.findtext('version'),
    description=MANIFEST.findtext('description'),
    maintainer=MANIFEST.findtext('maintainer'),
    maintainer_email=MANIFEST.find('maintainer').get('email'),
    license=MANIFEST.findtext('license'),
    python_requires='>=3.11',
    packages=find_packages(include=[f'{name}{part}' for name in PACKAGES for part in ('', '.*')]),
    package_data={'robot_rl': ['py.typed']},
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/robot_rl']),
        ('share/robot_rl', ['package.xml']),
        ('lib/robot_rl', write_starters(Path('build', 'executables'))),
        *shared_files('config', 'launch', 'urdf'),
    ],
    entry_points={'console_scripts': ['robot-rl = robot_rl.cli:main']},
    zip_safe=False,
)
