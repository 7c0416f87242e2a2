# SPDX-License-Identifier: Apache-2.0
"""Measures a policy: the graph without a learner, until `episodes` are done."""

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
                'sync',
                default_value='lockstep',
                choices=['lockstep', 'realtime'],
                description='lockstep: time waits for every command; always realtime when real',
            ),
            DeclareLaunchArgument(
                'policy',
                default_value='mean',
                choices=['sample', 'mean', 'zero'],
                description='how the policy acts; zero: the base controller alone',
            ),
            DeclareLaunchArgument(
                'episodes',
                default_value='50',
                description='episodes after which the evaluation ends; 0 for no end',
            ),
            DeclareLaunchArgument(
                'teleop',
                default_value='false',
                choices=['true', 'false'],
                description='whether a person may take over with a joystick',
            ),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(GRAPH)),
                launch_arguments={'learner': 'false'}.items(),
            ),
        ]
    )
