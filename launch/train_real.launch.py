# SPDX-License-Identifier: Apache-2.0
"""Learns on hardware: the graph with the robot's driver and a learner, in real time.

Safety and driver are processes of their own. A node that crashes is restarted; the end of the
driver ends the graph.
"""

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
                'steps',
                default_value='0',
                description='actions after which training ends; 0 for no end',
            ),
            DeclareLaunchArgument(
                'rehearsal',
                default_value='false',
                choices=['true', 'false'],
                description="whether a simulated arm stands for the robot's own controllers",
            ),
            DeclareLaunchArgument(
                'teleop',
                default_value='false',
                choices=['true', 'false'],
                description='whether a person may take over with a joystick',
            ),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(GRAPH)),
                launch_arguments={'world': 'real', 'learner': 'true', 'sync': 'realtime'}.items(),
            ),
        ]
    )
