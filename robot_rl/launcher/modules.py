# SPDX-License-Identifier: Apache-2.0
"""The modules that a launch file may import, and the names in them."""

from typing import Any

from robot_rl.launcher import actions, node, parameters, substitutions
from robot_rl.launcher.context import Context

MODULES: dict[str, dict[str, Any]] = {
    'launch': {
        'LaunchContext': Context,
        'LaunchDescription': actions.LaunchDescription,
        'Substitution': substitutions.Substitution,
    },
    'launch.actions': {
        'DeclareLaunchArgument': actions.DeclareLaunchArgument,
        'GroupAction': actions.GroupAction,
        'IncludeLaunchDescription': actions.IncludeLaunchDescription,
        'LogInfo': actions.LogInfo,
        'OpaqueFunction': actions.OpaqueFunction,
        'SetEnvironmentVariable': actions.SetEnvironmentVariable,
        'SetLaunchConfiguration': actions.SetLaunchConfiguration,
        'Shutdown': actions.Shutdown,
    },
    'launch.conditions': {
        'IfCondition': substitutions.IfCondition,
        'UnlessCondition': substitutions.UnlessCondition,
    },
    'launch.launch_description_sources': {
        'PythonLaunchDescriptionSource': substitutions.LaunchDescriptionSource,
    },
    'launch.substitutions': {
        'EnvironmentVariable': substitutions.EnvironmentVariable,
        'LaunchConfiguration': substitutions.LaunchConfiguration,
        'PathJoinSubstitution': substitutions.PathJoinSubstitution,
        'TextSubstitution': substitutions.TextSubstitution,
    },
    'launch_ros': {},
    'launch_ros.actions': {
        'Node': node.Node,
        'PushROSNamespace': actions.PushROSNamespace,
        'PushRosNamespace': actions.PushROSNamespace,
    },
    'launch_ros.descriptions': {'ParameterValue': parameters.ParameterValue},
    'launch_ros.parameter_descriptions': {'ParameterValue': parameters.ParameterValue},
    'launch_ros.substitutions': {
        'FindPackagePrefix': substitutions.FindPackagePrefix,
        'FindPackageShare': substitutions.FindPackageShare,
    },
}
