# SPDX-License-Identifier: Apache-2.0
"""What every node of the graph shares: parameters, QoS, the robot's clock, and how it runs."""

import signal
import sys
import time
from collections import deque
from collections.abc import Callable
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

from robot_rl.errors import InputError  # noqa: E402
from robot_rl.nodes.composition import Endpoints, LocalQueue, Outlet, join  # noqa: E402
from robot_rl.nodes.parameters import GraphParameters, declare  # noqa: E402

DISCOVERY_SECONDS = 0.4
LEASE_SECONDS = 4.0  # longer than the lease in config/fastdds_profile.xml

CLOCK_WINDOW_NS = 100_000_000
CLOCK_STEP_NS = 1_000_000_000  # the robot's clock was set, or its simulation began anew

COMMAND_LIFE = Duration(seconds=0.1)
EVENT_QOS = QoSProfile(depth=200)  # nothing is lost to a reader that lags behind for a while
REPLAY_QOS = QoSProfile(depth=1000)


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


class RobotClock:
    """The robot's time, from its stamps and carried on by the monotonic clock.

    Ages are then independent of steps of the wall clock and of offsets between machines. The
    least delayed stamp of the last tenth of a second counts, so that nodes agree on the time also
    where the last message before a silence reached one of them late. In lock step time stands
    still between two stamps.
    """

    def __init__(self, lockstep: bool) -> None:
        """Starts at zero."""
        self._lockstep = lockstep
        self._stamp_ns = 0
        self._ahead_ns = -time.monotonic_ns()
        #: When received and how far ahead of the monotonic clock; the least delayed first.
        self._window: deque[tuple[int, int]] = deque()

    def update(self, stamp_ns: int) -> None:
        """Takes the stamp of a message that the robot has just sent."""
        received_ns = time.monotonic_ns()
        ahead_ns = stamp_ns - received_ns
        window = self._window
        if abs(ahead_ns - self._ahead_ns) > CLOCK_STEP_NS:
            window.clear()
        while window and window[-1][1] <= ahead_ns:
            window.pop()
        window.append((received_ns, ahead_ns))
        while received_ns - window[0][0] > CLOCK_WINDOW_NS:
            window.popleft()
        self._stamp_ns, self._ahead_ns = stamp_ns, window[0][1]

    def now_ns(self) -> int:
        """The robot's time now."""
        return self._stamp_ns if self._lockstep else time.monotonic_ns() + self._ahead_ns


class GraphNode(Node):
    """A node with the graph's parameters, its task and its robot.

    Attributes:
        reads_senders: whether a callback takes the message's sender with it.
        sole_topics: topics that nobody else in the namespace may publish.
    """

    reads_senders: ClassVar[bool] = False
    sole_topics: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str, **kwargs: Any) -> None:
        """Declares the parameters and reads task and robot."""
        self.endpoints: Endpoints | None = None  # while the base class makes its own
        super().__init__(name, **kwargs)
        self.endpoints = Endpoints(self)
        self.parameters = declare(self, GraphParameters)
        self.task, self.robot = self.parameters.load()
        self.clock_of_robot = RobotClock(self.parameters.lockstep)
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
        """Reports bad input on a topic, at most once a second."""
        self.get_logger().error(str(error), throttle_duration_sec=1.0)

    def shutdown(self) -> None:
        """Called once before the process ends; saves what must not be lost."""


def run(build: Callable[[], GraphNode | list[GraphNode]]) -> None:
    """Runs one node, or several, in this process until one finishes or a signal comes.

    Bad input ends the process with its message alone and status 2.
    """
    status = 0
    rclpy.init(signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
    stopping = _Stopping()
    nodes: list[GraphNode] = []
    try:
        built = build()
        nodes.extend(built if isinstance(built, list) else [built])
        _refuse_second_graph(nodes)
        _spin(nodes, stopping)
    except InputError as error:
        print(f'error: {error}', file=sys.stderr, flush=True)
        status = 2
    finally:
        for node in nodes:
            node.shutdown()
            node.destroy_node()
        rclpy.shutdown()
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
    while not done.done():
        executor.spin_until_future_complete(done, timeout_sec=1.0)
    done.result()
