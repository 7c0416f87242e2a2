# SPDX-License-Identifier: Apache-2.0
"""Several nodes of the graph in one process, on one executor.

The parameter `nodes` names them. Between nodes of one process a message takes about 20 us,
between processes about 100 us.
"""

import importlib

from rclpy.parameter import Parameter

from robot_rl.errors import InputError
from robot_rl.nodes.common import GraphNode
from robot_rl.nodes.participant import silent_node
from robot_rl.nodes.running import run

#: Where each node's class is.
NODES = {
    'camera_node': ('robot_rl.nodes.camera_node', 'CameraNode'),
    'episode_node': ('robot_rl.nodes.episode_node', 'EpisodeNode'),
    'policy_node': ('robot_rl.nodes.policy_node', 'PolicyNode'),
    'controller_node': ('robot_rl.nodes.controller_node', 'ControllerNode'),
    'safety_node': ('robot_rl.nodes.safety_node', 'SafetyNode'),
    'reward_node': ('robot_rl.nodes.reward_node', 'RewardNode'),
    'replay_node': ('robot_rl.nodes.replay_node', 'ReplayNode'),
    'learner_node': ('robot_rl.nodes.learner_node', 'LearnerNode'),
    'teleop_node': ('robot_rl.nodes.teleop_node', 'TeleopNode'),
    'driver_node': ('robot_rl.nodes.driver_node', 'DriverNode'),
    'sim_bridge': ('sim_bridge.bridge_node', 'BridgeNode'),
}


def build() -> list[GraphNode]:
    """The nodes that the parameter `nodes` names.

    Raises:
        InputError: none, or a name that is not known.
    """
    container = silent_node('container')
    names = container.declare_parameter('nodes', Parameter.Type.STRING_ARRAY).value
    container.destroy_node()
    unknown = [name for name in names or [''] if name not in NODES]
    if unknown:
        known = ', '.join(NODES)
        raise InputError(f'parameter nodes: unknown node {unknown[0]!r}; known: {known}')
    places = [NODES[name] for name in names]
    return [getattr(importlib.import_module(module), cls)() for module, cls in places]


def main() -> None:
    """Runs the nodes that the parameter names."""
    run(build)
