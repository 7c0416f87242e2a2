# SPDX-License-Identifier: Apache-2.0
"""What every node of the graph shares: parameters, QoS, and how it complains."""

import math
import sys
import time
from collections.abc import Callable
from types import CodeType
from typing import Any, ClassVar

from robot_rl.ros_environment import prepare

prepare()

from rclpy.duration import Duration  # noqa: E402
from rclpy.node import Node  # noqa: E402
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy  # noqa: E402

from robot_rl.errors import InputError  # noqa: E402
from robot_rl.nodes.composition import Endpoints, Outlet  # noqa: E402
from robot_rl.nodes.flood import FloodWatch  # noqa: E402
from robot_rl.nodes.parameters import GraphParameters, declare  # noqa: E402
from robot_rl.nodes.robot_clock import RobotClock  # noqa: E402

COMPLAINT_SECONDS = 1.0

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
        created: when others began to hear of it, on the monotonic clock, s.
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
        self.created = time.monotonic()
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
