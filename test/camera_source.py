# SPDX-License-Identifier: Apache-2.0
"""Publishes raw pictures of the camera `wrist` at 30 Hz, stamped with the monotonic clock."""

import time
from contextlib import suppress

import numpy as np

from robot_rl.ros_environment import prepare

prepare()

import rclpy  # noqa: E402
from rclpy.executors import ExternalShutdownException  # noqa: E402
from rclpy.node import Node  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402

from robot_rl.nodes import conversions as convert  # noqa: E402
from robot_rl.nodes.participant import keep_participant, leave  # noqa: E402

RATE_HZ = 30.0
SIZE = (48, 64)


class CameraSource(Node):
    """Noise in colour, and depth with holes."""

    def __init__(self) -> None:
        super().__init__('camera_source')
        self._rng = np.random.default_rng(0)
        topics = {kind: f'wrist/{kind}/image_raw' for kind in ('color', 'depth')}
        self._outputs = {k: self.create_publisher(Image, topics[k], 1) for k in topics}
        self.create_timer(1 / RATE_HZ, self._send)

    def _send(self) -> None:
        stamp_ns = time.monotonic_ns()
        color = self._rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
        depth = self._rng.integers(400, 900, (*SIZE, 1)).astype(np.uint16)
        depth[:, :16] = 0
        for kind, pixels in (('color', color), ('depth', depth)):
            self._outputs[kind].publish(convert.to_image(pixels, stamp_ns, 'lens'))


def main() -> None:
    """Runs until a signal comes."""
    rclpy.init()
    keeper = keep_participant()
    source = CameraSource()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(source)
    leave(0, keeper)


if __name__ == '__main__':
    main()
