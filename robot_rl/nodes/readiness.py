# SPDX-License-Identifier: Apache-2.0
"""Whether the graph around the episode node is complete."""

from robot_rl.nodes.common import GraphNode

#: Publishers and subscribers that must be there before the first reset.
GRAPH = {
    'joint_states': (1, 3),
    'wrench': (1, 2),
    'observation': (1, 4),
    'policy/action': (1, 1),
    'control/action': (1, 1),
    'control/command': (1, 1),
    'command': (1, 1),
    'safety/status': (1, 1),
    'reward': (1, 2),
}


def complete(node: GraphNode) -> bool:
    """Whether every topic that an episode needs has its publishers and subscribers."""
    return all(
        node.count_publishers(topic) >= publishers and node.count_readers(topic) >= subscribers
        for topic, (publishers, subscribers) in GRAPH.items()
    )


def senders(node: GraphNode, topic: str) -> set[bytes]:
    """Identities of those who publish on a topic."""
    return {bytes(each.endpoint_gid) for each in node.get_publishers_info_by_topic(topic)}
