# SPDX-License-Identifier: Apache-2.0
"""The state of one node as ROS's own tools show it, on `/diagnostics`."""

from collections.abc import Mapping
from typing import Literal

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from robot_rl.nodes.common import EVENT_QOS

Level = Literal['ok', 'warn', 'error']
LEVELS = {
    'ok': DiagnosticStatus.OK,
    'warn': DiagnosticStatus.WARN,
    'error': DiagnosticStatus.ERROR,
}


class Diagnostics:
    """Sends the state of a node; once a second is the custom."""

    PERIOD_S = 1.0

    def __init__(self, node: Node, hardware: str) -> None:
        """Opens the topic.

        Args:
            node: whose state it is.
            hardware: what it belongs to, such as the robot's name.
        """
        self._node = node
        self._hardware = hardware
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', EVENT_QOS)

    def send(self, level: Level, message: str, values: Mapping[str, object]) -> None:
        """One status: its level, a sentence, and the numbers behind it."""
        status = DiagnosticStatus(
            level=LEVELS[level],
            name=self._node.get_fully_qualified_name().lstrip('/'),
            message=message,
            hardware_id=self._hardware,
            values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
        )
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)
