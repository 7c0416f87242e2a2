# SPDX-License-Identifier: Apache-2.0
"""A publisher that floods one topic of the graph and keeps to its rate, whatever holds it up.

python flood.py TOPIC RATE_HZ SECONDS
"""

import os
import sys
import time

from robot_rl.ros_environment import prepare

prepare()

import rclpy  # noqa: E402
from geometry_msgs.msg import WrenchStamped  # noqa: E402
from rclpy.node import Node  # noqa: E402
from robot_rl_msgs.msg import Action  # noqa: E402

from robot_rl.nodes.conversions import header  # noqa: E402
from robot_rl.nodes.participant import keep_participant, leave  # noqa: E402

KINDS = {'wrench': WrenchStamped, 'policy/action': Action}


def main() -> None:
    """Publishes what is well-formed and of no use: no force, an answer to nothing."""
    topic, rate_hz, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    rclpy.init()
    keeper = keep_participant()
    node = Node(f'flood_{os.getpid()}')
    publisher = node.create_publisher(KINDS[topic], topic, 10)
    while not publisher.get_subscription_count():
        time.sleep(0.01)
    more = {'values': [0.0, 0.0, 0.0], 'source': 'policy'} if topic == 'policy/action' else {}
    begun, sent = time.monotonic(), 0
    while (elapsed := time.monotonic() - begun) < seconds:
        while sent < elapsed * rate_hz:
            publisher.publish(KINDS[topic](header=header(time.monotonic_ns()), **more))
            sent += 1
        time.sleep(0.0005)
    print(f'{sent / seconds:.0f} messages a second on {topic}')
    leave(0, keeper)


if __name__ == '__main__':
    main()
