# SPDX-License-Identifier: Apache-2.0
"""Waits for one picture of a camera of the running graph, real or simulated.

    | topic | type | unit |
    |---|---|---|
    | in  `CAMERA/color` | sensor_msgs/Image | rgb8 or mono8 |
    | in  `CAMERA/depth` | sensor_msgs/Image | 32FC1, m |

It publishes nothing and moves nothing.
"""

import time
from functools import partial
from typing import Any

from robot_rl.ros_environment import prepare

prepare()

import numpy as np  # noqa: E402
import rclpy  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402

from robot_rl.errors import InputError  # noqa: E402
from robot_rl.nodes import conversions as convert  # noqa: E402
from robot_rl.nodes.common import sensor_qos  # noqa: E402
from robot_rl.perception.camera import CameraConfig  # noqa: E402
from robot_rl.perception.goal_file import GoalPicture  # noqa: E402


def look(camera: CameraConfig, seconds: float) -> GoalPicture:
    """The first picture of `camera_node` that is complete.

    Args:
        camera: of the task that the graph runs.
        seconds: to wait at most.

    Raises:
        InputError: nothing came, or pictures of another size than the task's.
    """
    parts: dict[int, dict[str, NDArray[Any]]] = {}
    rclpy.init()
    node = rclpy.create_node('goal_look')
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        for kind in camera.kinds:
            topic = f'{camera.name}/{kind}'
            heard = partial(_keep, parts, kind, topic)
            node.create_subscription(Image, topic, heard, sensor_qos(lockstep=False))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            executor.spin_once(timeout_sec=0.1)
            for stamp_ns, images in parts.items():
                if len(images) == len(camera.kinds):
                    return _picture(camera, stamp_ns, images)
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown()
    topics = ', '.join(f'{camera.name}/{kind}' for kind in camera.kinds)
    raise InputError(f'{topics}: nothing came in {seconds:g} s; does the graph run this task?')


def _keep(
    parts: dict[int, dict[str, NDArray[Any]]], kind: str, topic: str, message: Image
) -> None:
    image = convert.from_image(message, topic)
    parts.setdefault(convert.from_time(message.header.stamp), {})[kind] = image


def _picture(camera: CameraConfig, stamp_ns: int, images: dict[str, NDArray[Any]]) -> GoalPicture:
    for kind, image in images.items():
        if image.shape[:2] != camera.size:
            raise InputError(
                f'{camera.name}/{kind}: size: expected {list(camera.size)} as in the task, '
                f'got {list(image.shape[:2])}'
            )
    depth = images.get('depth')
    return GoalPicture(
        stamp_ns,
        images.get('color'),
        None if depth is None else np.asarray(depth, np.float32).reshape(camera.size),
    )
