# SPDX-License-Identifier: Apache-2.0
"""What every node of the graph shares: parameters, QoS, and how it runs."""

import math
import signal
import sys
import time
from collections.abc import Callable
from types import CodeType
from typing import Any, ClassVar

from robot_rl.ros_environment import prepare

prepare()

import rclpy  # noqa: E402
from rclpy.duration import Duration  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.experimental import EventsExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy  # noqa: E402
from rclpy.task import Future  # noqa: E402

from robot_rl import shared_memory  # noqa: E402
from robot_rl.errors import InputError  # noqa: E402
from robot_rl.nodes.composition import Endpoints, LocalQueue, Outlet, join  # noqa: E402
from robot_rl.nodes.flood import FloodWatch  # noqa: E402
from robot_rl.nodes.parameters import GraphParameters, declare  # noqa: E402
from robot_rl.nodes.robot_clock import RobotClock  # noqa: E402
from robot_rl.priority import REMEDY, raise_priority  # noqa: E402

DISCOVERY_SECONDS = 0.4
COMPLAINT_SECONDS = 1.0
LEASE_SECONDS = 4.0  # longer than the lease in config/fastdds_profile.xml

COMMAND_LIFE = Duration(seconds=0.1)
EVENT_QOS = QoSProfile(depth=200)  # nothing is lost to a reader that lags behind for a while
REPLAY_QOS = QoSProfile(depth=1000)
NEWEST_QOS = QoSProfile(depth=5)  # in real time an older action is of no use


def step_qos(lockstep: bool, depth: int = EVENT_QOS.depth) -> QoSProfile:
    """Reliable; in lock step, which waits for every message, also for readers found late.

    Discovery is not transitive: when one node knows the whole graph, two others may not yet have
    found each other, and what is sent between them is lost.
    """
    late = DurabilityPolicy.TRANSIENT_LOCAL if lockstep else DurabilityPolicy.VOLATILE
    return QoSProfile(depth=depth, durability=late)


def sensor_qos(lockstep: bool) -> QoSProfile:
    """Newest value only; reliable where the simulation waits for the answer."""
    if lockstep:
        return step_qos(lockstep, depth=1)
    return QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


def weights_qos(lockstep: bool) -> QoSProfile:
    """The newest policy, late joiners included; all in lock step, as each has its episode."""
    depth = 10 if lockstep else 1
    return QoSProfile(depth=depth, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def command_qos(lockstep: bool) -> QoSProfile:
    """Newest command only; in real time one that is late is never delivered."""
    if lockstep:
        return step_qos(lockstep, depth=1)
    return QoSProfile(depth=1, lifespan=COMMAND_LIFE)


class GraphNode(Node):
    """A node with the graph's parameters, its task and its robot.

    Attributes:
        reads_senders: whether a callback takes the message's sender with it.
        sole_topics: topics that nobody else in the namespace may publish.
        priority: in real time, of a process whose nodes have no lower one; 0 is ordinary.
    """

    reads_senders: ClassVar[bool] = False
    sole_topics: ClassVar[tuple[str, ...]] = ()
    priority: ClassVar[int] = 0

    def __init__(self, name: str, **kwargs: Any) -> None:
        """Declares the parameters and reads task and robot."""
        self.endpoints: Endpoints | None = None  # while the base class makes its own
        self.floods: FloodWatch | None = None
        self._complained: dict[tuple[CodeType, int], float] = {}
        super().__init__(name, **kwargs)
        self.endpoints = Endpoints(self)
        self.parameters = declare(self, GraphParameters)
        self.task, self.robot = self.parameters.load()
        self.clock_of_robot = RobotClock(self.parameters.lockstep)
        if not self.parameters.lockstep:
            self.floods = FloodWatch(self, self.complain)
        self.finished = False

    def create_publisher(self, kind: type, topic: str, *arguments: Any, **options: Any) -> Any:
        """A publisher that also reaches the nodes of this process without DDS."""
        publisher = super().create_publisher(kind, topic, *arguments, **options)
        if self.endpoints is None:
            return publisher
        outlet = Outlet(publisher)
        self.endpoints.outlets[publisher.topic_name].append(outlet)
        return outlet

    def create_subscription(
        self,
        kind: type,
        topic: str,
        callback: Callable[..., None],
        *arguments: Any,
        **options: Any,
    ) -> Any:
        """A subscription that leaves DDS when its topic becomes internal to the process."""
        if self.floods is not None:
            callback = self.floods.counted(topic, callback)
        made = super().create_subscription(kind, topic, callback, *arguments, **options)
        if self.endpoints is not None and not self.reads_senders:
            self.endpoints.subscriptions[made.topic_name].append((made, callback))
        return made

    def count_readers(self, topic: str) -> int:
        """Subscriptions on a topic, inside this process and outside."""
        inside = self.endpoints.internal_readers if self.endpoints else {}
        outside = int(self.count_subscribers(topic))
        return inside.get(self.resolve_topic_name(topic), 0) + outside

    def finish(self) -> None:
        """Ends the process after the current callback."""
        self.finished = True

    def complain(self, error: InputError) -> None:
        """Reports bad input, at most once a second from each place in the code that does."""
        caller = sys._getframe(1)
        place, now = (caller.f_code, caller.f_lineno), time.monotonic()
        if now - self._complained.get(place, -math.inf) >= COMPLAINT_SECONDS:
            self._complained[place] = now
            self.get_logger().error(str(error))

    def shutdown(self) -> None:
        """Called once before the process ends; saves what must not be lost."""


def run(build: Callable[[], GraphNode | list[GraphNode]]) -> None:
    """Runs one node, or several, in this process until one finishes or a signal comes.

    Bad input ends the process with its message alone and status 2.
    """
    status = 0
    shared_memory.sweep()
    rclpy.init(signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
    stopping = _Stopping()
    nodes: list[GraphNode] = []
    try:
        built = build()
        nodes.extend(built if isinstance(built, list) else [built])
        _refuse_second_graph(nodes)
        _schedule(nodes)
        _spin(nodes, stopping)
    except InputError as error:
        print(f'error: {error}', file=sys.stderr, flush=True)
        status = 2
    finally:
        for node in nodes:
            node.shutdown()
            node.destroy_node()
        rclpy.shutdown()
        shared_memory.sweep()
    sys.exit(status)


def _refuse_second_graph(nodes: list[GraphNode]) -> None:
    """Makes sure that nobody else publishes what only these nodes may.

    Nothing has been dispatched yet, so a graph that is refused has not moved anything. A
    process that was killed is still known for its lease; it is waited for.

    Raises:
        InputError: the graph already runs in this namespace.
    """
    guarded = [(node, topic) for node in nodes for topic in node.sole_topics]
    started = time.monotonic()
    known = bool(guarded)
    while known or (guarded and time.monotonic() - started < DISCOVERY_SECONDS):
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
