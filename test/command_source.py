# SPDX-License-Identifier: Apache-2.0
"""A publisher of `command` at 50 Hz that keeps to its schedule, whatever holds it up.

    python command_source.py NODE_NAME JOINT,JOINT,... VELOCITY,VELOCITY,...

Command k is stamped with the time at which it is due. Paused by SIGSTOP, it sends all that it
owes in one burst when it goes on, as a network does that was down.
"""

import signal
import sys
import time

# A KeyboardInterrupt may be swallowed, by an import or by what publishes; this is not.
stopped: list[int] = []
signal.signal(signal.SIGINT, lambda number, _: stopped.append(number))

from robot_rl.ros_environment import prepare  # noqa: E402

prepare()

import rclpy  # noqa: E402
from rclpy.node import Node  # noqa: E402
from rclpy.qos import QoSProfile  # noqa: E402
from rclpy.signals import SignalHandlerOptions  # noqa: E402
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint  # noqa: E402

from robot_rl.nodes.conversions import header  # noqa: E402
from robot_rl.nodes.participant import keep_participant, leave  # noqa: E402

PERIOD_NS = 20_000_000


def main() -> None:
    """Publishes until a signal comes."""
    name, joints, velocities = sys.argv[1:4]
    point = JointTrajectoryPoint(velocities=[float(v) for v in velocities.split(',')])
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    keeper = keep_participant()
    node = Node(name)
    # A deep queue without lifespan: a backlog is to arrive.
    publisher = node.create_publisher(JointTrajectory, 'command', QoSProfile(depth=100))
    due_ns = time.monotonic_ns()
    while not stopped:
        time.sleep(max(0.0, (due_ns - time.monotonic_ns()) * 1e-9))
        publisher.publish(
            JointTrajectory(header=header(due_ns), joint_names=joints.split(','), points=[point])
        )
        due_ns += PERIOD_NS
    leave(0, keeper)


if __name__ == '__main__':
    main()
