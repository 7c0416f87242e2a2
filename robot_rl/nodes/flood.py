# SPDX-License-Identifier: Apache-2.0
"""Notices topics on which far more arrives than any part of the graph sends, and by whom."""

import time
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any

from rclpy.node import Node

from robot_rl.errors import InputError

#: No robot of ours tells its state, and no camera its pictures, this often.
MOST_PER_SECOND = 400
LOOK_SECONDS = 1.0
#: Who has been there for longer, without a flood, is not suspected first.
NEW_SECONDS = 10.0


class FloodWatch:
    """Counts the messages of one node's topics; queues are short, so a flood only costs time."""

    def __init__(self, node: Node, complain: Callable[[InputError], None]) -> None:
        """Looks once a second.

        Args:
            node: whose subscriptions these are.
            complain: takes what is to be said.
        """
        self._node, self._complain = node, complain
        self._counts: Counter[str] = Counter()
        self._present: dict[str, set[str]] = {}
        self._since: dict[tuple[str, str], float] = {}
        self._looked = time.monotonic()
        node.create_timer(LOOK_SECONDS, self._look)

    def counted(self, topic: str, callback: Callable[..., None]) -> Callable[..., None]:
        """The same callback, which counts."""
        counts = self._counts
        counts[topic] = 0

        @wraps(callback)  # rclpy looks at its arguments
        def count(*arguments: Any) -> None:
            counts[topic] += 1
            callback(*arguments)

        return count

    def _look(self) -> None:
        now = time.monotonic()
        seconds, self._looked = now - self._looked, now  # longer after a time without processor
        for topic, count in self._counts.items():
            self._counts[topic] = 0
            new, known = self._publishers(topic)
            if count > MOST_PER_SECOND * seconds:
                by = ', '.join(new or known)
                told = f'{topic}: {count} messages in {seconds:.1f} s, flooded by {by}'
                self._complain(InputError(told))

    def _publishers(self, topic: str) -> tuple[list[str], list[str]]:
        """Names of those who publish, or did a second ago: who is new, and all."""
        now = time.monotonic()
        found = self._node.get_publishers_info_by_topic(topic)
        present = {publisher.node_name for publisher in found}
        names = sorted(present | self._present.get(topic, set()))
        self._present[topic] = present
        ages = {name: now - self._since.setdefault((topic, name), now) for name in names}
        return [name for name in names if ages[name] < NEW_SECONDS], names
