# SPDX-License-Identifier: Apache-2.0
"""Learns in simulation: the graph with the MuJoCo bridge and a learner, until `steps` are done."""

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
                'sync',
                default_value='lockstep',
                choices=['lockstep', 'realtime'],
                description='lockstep: time waits for every command; realtime: the wall clock',
            ),
            DeclareLaunchArgument(
                'steps',
                default_value='12000',
                description='actions after which training ends; 0 for no end',
            ),
            DeclareLaunchArgument(
                'teleop',
                default_value='false',
                choices=['true', 'false'],
                description='whether a person may take over with a joystick',
            ),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(GRAPH)),
                launch_arguments={'world': 'sim', 'learner': 'true'}.items(),
            ),
        ]
    )
