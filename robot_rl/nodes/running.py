# SPDX-License-Identifier: Apache-2.0
"""How a process of the graph runs its nodes, and how it ends."""

import gc
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import NoReturn

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.experimental import EventsExecutor
from rclpy.task import Future

from robot_rl import shared_memory
from robot_rl.errors import InputError
from robot_rl.nodes.common import GraphNode
from robot_rl.nodes.composition import LocalQueue, join
from robot_rl.nodes.deafness import watch_for_deafness
from robot_rl.nodes.participant import keep_participant, leave
from robot_rl.priority import REMEDY, raise_priority

DISCOVERY_SECONDS = 1.5  # a publisher that was missed at first is told of again after one
LEASE_SECONDS = 4.0  # longer than the lease in config/fastdds_profile.xml


def run(build: Callable[[], GraphNode | list[GraphNode]]) -> NoReturn:
    """Runs one node, or several, in this process until one finishes or a signal comes; ends it.

    Bad input ends the process with its message alone and status 2.
    """
    status = 0
    shared_memory.sweep()
    rclpy.init(signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
    keeper = keep_participant()
    watch_for_deafness()
    stopping = _Stopping()
    nodes: list[GraphNode] = []
    try:
        built = build()
        nodes.extend(built if isinstance(built, list) else [built])
        # A full collection goes through all that torch imported, 0.2 s without a command.
        gc.freeze()
        gc.enable()
        _refuse_second_graph(nodes)
        _schedule(nodes)
        _spin(nodes, stopping)
    except InputError as error:
        status = _tell(error)
    except Exception:  # noqa: BLE001
        traceback.print_exc()
        status = 1
    for node in nodes:
        status = _end(node) or status
    leave(status, keeper)


def _tell(error: InputError) -> int:
    print(f'error: {error}', file=sys.stderr, flush=True)
    return 2


def _end(node: GraphNode) -> int:
    """Ends one node; what it fails with is told and kept from the others, that save theirs too."""
    try:
        node.shutdown()
    except InputError as error:
        return _tell(error)
    except Exception:  # noqa: BLE001
        traceback.print_exc()
        return 1
    finally:
        node.destroy_node()
    return 0


def _refuse_second_graph(nodes: list[GraphNode]) -> None:
    """Makes sure that nobody else publishes what only these nodes may.

    Nothing has been dispatched yet, so a graph that is refused has not moved anything. A
    process that was killed is still known for its lease; it is waited for.

    Raises:
        InputError: the graph already runs in this namespace.
    """
    guarded = [(node, topic) for node in nodes for topic in node.sole_topics]
    created = min((node.created for node, _ in guarded), default=0.0)
    started = time.monotonic()
    known = bool(guarded)
    while known or (guarded and time.monotonic() - created < DISCOVERY_SECONDS):
        time.sleep(0.02)
        known = any(node.count_publishers(topic) > 1 for node, topic in guarded)
        if known and time.monotonic() - started > LEASE_SECONDS:
            node, topic = next((n, t) for n, t in guarded if n.count_publishers(t) > 1)
            raise InputError(
                f'{node.resolve_topic_name(topic)} has another publisher: a graph already runs '
                f'in the namespace {node.get_namespace()!r}; stop it, or choose another with '
                f'`namespace:=`'
            )


def _schedule(nodes: list[GraphNode]) -> None:
    """Puts a process before others, in real time, as far as all of its nodes need it."""
    priority = 0 if nodes[0].parameters.lockstep else min(node.priority for node in nodes)
    if priority and not raise_priority(priority):
        nodes[0].get_logger().warning(f'runs without real-time priority: {REMEDY}')


class _Stopping:
    """Set by SIGINT and SIGTERM."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True


def _spin(nodes: list[GraphNode], stopping: _Stopping) -> None:
    """Dispatches until asked to stop; a timer looks, as no callback may come by itself.

    In the wheels of rclpy 9.1 `spin_until_future_complete` is the one loop of the events
    executor that dispatches at full speed, and only with a timeout. That executor fails on
    callbacks that take the sender, which the default one serves.
    """
    slow = any(node.reads_senders for node in nodes)
    executor = SingleThreadedExecutor() if slow else EventsExecutor()
    done: Future[None] = Future()

    queue = LocalQueue(executor)
    if len(nodes) > 1:
        join([node.endpoints for node in nodes if node.endpoints], queue)

    def look() -> None:
        if queue.error is not None and not done.done():
            done.set_exception(queue.error)
        elif (stopping.asked or any(n.finished for n in nodes)) and not done.done():
            done.set_result(None)

    for node in nodes:
        executor.add_node(node)
    nodes[0].create_timer(0.05, look)
    try:
        while not done.done():
            executor.spin_until_future_complete(done, timeout_sec=1.0)
    finally:
        executor.shutdown()  # else it keeps the nodes, and they their shared memory
    done.result()
