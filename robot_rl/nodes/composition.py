# SPDX-License-Identifier: Apache-2.0
"""Nodes of one process hand each other their messages without DDS, as rclcpp's components do.

A topic that is published and read within the process becomes internal: its readers leave DDS and
get the very message object, in the order of publication. Everyone outside still receives what
is published, as soon as somebody outside listens; what others publish on an internal topic is
not heard. Messages are shared, so a callback must not change them.
"""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any

from rclpy.duration import Duration
from rclpy.executors import Executor
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.subscription import Subscription

SLICE_SECONDS = 0.005

Callback = Callable[[Any], None]


class Outlet:
    """A publisher whose messages also reach the readers of its own process."""

    def __init__(self, publisher: Publisher) -> None:
        """Has no reader in this process until it is joined."""
        self.publisher = publisher
        self.readers: list[Callback] = []
        self.hand_over: Callable[[list[Callback], Any], None] | None = None

    def publish(self, message: Any) -> None:
        """Hands the message over inside, and sends it if somebody outside listens."""
        if self.hand_over is None:
            self.publisher.publish(message)
            return
        self.hand_over(self.readers, message)
        if self.publisher.get_subscription_count():
            self.publisher.publish(message)

    def get_subscription_count(self) -> int:
        """Readers inside and outside."""
        return len(self.readers) + int(self.publisher.get_subscription_count())

    def wait_for_all_acked(self, timeout: Duration) -> bool:
        """Until reliable readers outside have everything; whether that came true in time."""
        return bool(self.publisher.wait_for_all_acked(timeout))


class LocalQueue:
    """Messages on their way inside one process, delivered by its executor in order."""

    def __init__(self, executor: Executor) -> None:
        """Delivers in tasks of the executor, so that timers and services get their turn."""
        self._executor = executor
        self._waiting: deque[tuple[Callback, Any]] = deque()
        self._scheduled = False
        self.error: BaseException | None = None

    def put(self, readers: list[Callback], message: Any) -> None:
        """Queues a message for each reader."""
        self._waiting.extend((reader, message) for reader in readers)
        if not self._scheduled:
            self._scheduled = True
            self._executor.create_task(self._deliver)

    def _deliver(self) -> None:
        end = time.monotonic() + SLICE_SECONDS
        try:
            while self._waiting and time.monotonic() < end:
                reader, message = self._waiting.popleft()
                reader(message)
        except BaseException as error:  # noqa: BLE001 - raised again by whoever spins
            self.error = error
            self._waiting.clear()
        self._scheduled = bool(self._waiting)
        if self._scheduled:
            self._executor.create_task(self._deliver)


class Endpoints:
    """What one node publishes and reads."""

    def __init__(self, node: Node) -> None:
        """Starts empty."""
        self.node = node
        self.outlets: dict[str, list[Outlet]] = defaultdict(list)
        self.subscriptions: dict[str, list[tuple[Subscription, Callback]]] = defaultdict(list)
        self.internal_readers: dict[str, int] = {}


def join(all_endpoints: Iterable[Endpoints], queue: LocalQueue) -> None:
    """Makes every topic internal that is both published and read by these nodes."""
    endpoints = list(all_endpoints)
    published = {topic for e in endpoints for topic in e.outlets}
    readers: dict[str, list[Callback]] = defaultdict(list)
    for each in endpoints:
        for topic in published & each.subscriptions.keys():
            for subscription, callback in each.subscriptions.pop(topic):
                each.node.destroy_subscription(subscription)
                readers[topic].append(callback)
    for each in endpoints:
        each.internal_readers = {topic: len(found) for topic, found in readers.items()}
        for topic in readers.keys() & each.outlets.keys():
            for outlet in each.outlets[topic]:
                outlet.readers, outlet.hand_over = readers[topic], queue.put
