# SPDX-License-Identifier: Apache-2.0
"""Nodes of one process: order, sharing, who outside hears what, and errors that surface."""

from typing import Any

import pytest
import rclpy
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from std_msgs.msg import Int32

from robot_rl.nodes.composition import Endpoints, LocalQueue, Outlet, join


class World:
    """Two nodes in one process, joined, and one that stands outside."""

    def __init__(self) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        names = ('a', 'b', 'outside')
        self.a, self.b, self.outside = (Node(n, context=self.context) for n in names)
        self.executor = EventsExecutor(context=self.context)
        for node in (self.a, self.b, self.outside):
            self.executor.add_node(node)
        self.endpoints = {node: Endpoints(node) for node in (self.a, self.b)}
        self.queue = LocalQueue(self.executor)

    def publisher(self, node: Node, topic: str) -> Outlet:
        outlet = Outlet(node.create_publisher(Int32, topic, 10))
        self.endpoints[node].outlets[f'/{topic}'].append(outlet)
        return outlet

    def reader(self, node: Node, topic: str, callback: Any) -> None:
        subscription = node.create_subscription(Int32, topic, callback, 10)
        self.endpoints[node].subscriptions[f'/{topic}'].append((subscription, callback))

    def spin(self, times: int = 20) -> None:
        for _ in range(times):
            self.executor.spin_once(timeout_sec=0.02)

    def close(self) -> None:
        rclpy.shutdown(context=self.context)


@pytest.fixture
def world() -> Any:
    made = World()
    yield made
    made.close()


def test_messages_arrive_once_in_order_and_as_they_are(world: World) -> None:
    outlet, received = world.publisher(world.a, 'x'), []
    world.reader(world.b, 'x', received.append)
    join(world.endpoints.values(), world.queue)
    sent = [Int32(data=i) for i in range(50)]
    for message in sent:
        outlet.publish(message)
    assert received == []
    world.spin()
    assert [id(m) for m in received] == [id(m) for m in sent]
    assert world.b.count_subscribers('x') == 0
    assert world.endpoints[world.a].internal_readers == {'/x': 1}


def test_a_callback_that_publishes_is_answered_after_those_before_it(world: World) -> None:
    first, second, order = world.publisher(world.a, 'x'), world.publisher(world.b, 'y'), []

    def forward(message: Int32) -> None:
        order.append(('x', message.data))
        second.publish(message)

    world.reader(world.b, 'x', forward)
    world.reader(world.a, 'y', lambda m: order.append(('y', m.data)))
    join(world.endpoints.values(), world.queue)
    first.publish(Int32(data=1))
    first.publish(Int32(data=2))
    world.spin()
    assert order == [('x', 1), ('x', 2), ('y', 1), ('y', 2)]


def test_a_reader_outside_hears_an_internal_topic(world: World) -> None:
    outlet, inside, outside = world.publisher(world.a, 'x'), [], []
    world.reader(world.b, 'x', inside.append)
    join(world.endpoints.values(), world.queue)
    world.outside.create_subscription(Int32, 'x', outside.append, 10)
    world.spin(5)
    assert outlet.get_subscription_count() == 2
    outlet.publish(Int32(data=7))
    world.spin()
    assert ([m.data for m in inside], [m.data for m in outside]) == ([7], [7])


def test_a_topic_published_outside_alone_stays_with_dds(world: World) -> None:
    received: list[Int32] = []
    world.publisher(world.a, 'x')
    world.reader(world.b, 'joy', received.append)
    join(world.endpoints.values(), world.queue)
    publisher = world.outside.create_publisher(Int32, 'joy', 10)
    world.spin(5)
    publisher.publish(Int32(data=3))
    world.spin()
    assert [m.data for m in received] == [3]


def test_an_error_in_a_callback_is_kept_for_whoever_spins(world: World) -> None:
    outlet, received = world.publisher(world.a, 'x'), []

    def fail(message: Int32) -> None:
        received.append(message)
        raise ValueError('broken')

    world.reader(world.b, 'x', fail)
    join(world.endpoints.values(), world.queue)
    outlet.publish(Int32())
    outlet.publish(Int32())
    world.spin()
    assert isinstance(world.queue.error, ValueError)
    assert len(received) == 1
