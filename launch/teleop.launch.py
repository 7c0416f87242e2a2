# SPDX-License-Identifier: Apache-2.0
"""Records demonstrations: a person moves the robot with a joystick, every step goes into a bag."""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

GRAPH = Path(__file__).resolve().parent / 'graph.py'


def generate_launch_description():
    """Own arguments, then the shared graph."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'world',
                default_value='sim',
                choices=['sim', 'real'],
                description='sim: the MuJoCo bridge; real: the driver of the robot',
            ),
            DeclareLaunchArgument(
                'policy',
                default_value='zero',
                choices=['sample', 'mean', 'zero'],
                description='what acts while nobody does; zero: the base controller alone',
            ),
            DeclareLaunchArgument(
                'bag',
                default_value='',
                description="folder for the demonstrations; '' takes <run_dir>/demonstrations",
            ),
            DeclareLaunchArgument(
                'episodes',
                default_value='0',
                description='episodes after which recording ends; 0 for no end',
            ),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(GRAPH)),
                launch_arguments={
                    'learner': 'false',
                    'teleop': 'true',
                    'sync': 'realtime',
                    'demo': 'true',
                }.items(),
            ),
        ]
    )
