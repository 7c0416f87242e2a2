# SPDX-License-Identifier: Apache-2.0
"""From raw pictures to what the policy sees: cropped colour, metric depth without holes.

    | topic | type | unit |
    |---|---|---|
    | in  `CAMERA/color/image_raw` | sensor_msgs/Image | rgb8, bgr8 or mono8 |
    | in  `CAMERA/depth/image_raw` | sensor_msgs/Image | 16UC1 mm or 32FC1 m, aligned to colour |
    | out `CAMERA/color` | sensor_msgs/Image | rgb8 or mono8 |
    | out `CAMERA/depth` | sensor_msgs/Image | 32FC1, m, holes filled |
    | out `CAMERA/valid_fraction` | std_msgs/Float32 | share of depth pixels that were measured |

One node serves all cameras of a task. The path is in `perception/`; a frame that it refuses
is reported and never replaced, so the graph holds.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from std_msgs.msg import Float32

from robot_rl.errors import InputError
from robot_rl.nodes import conversions as convert
from robot_rl.nodes.common import GraphNode, run, sensor_qos
from robot_rl.perception.camera import CameraConfig, CameraPipeline, Refusal

#: Colour and depth of one frame may be this far apart.
PAIRING_NS = 10_000_000


class Channel:
    """One camera: pairs its pictures by stamp and passes them through its pipeline."""

    def __init__(self, config: CameraConfig) -> None:
        """Starts with no picture."""
        self.pipeline = CameraPipeline(config)
        self.kinds = [kind for kind in ('color', 'depth') if getattr(config, kind)]
        self.newest: dict[str, tuple[int, NDArray[np.generic]]] = {}

    def pair(self) -> tuple[int, dict[str, NDArray[np.generic]]] | None:
        """Stamp and pictures of a complete frame, once."""
        if set(self.newest) != set(self.kinds):
            return None
        stamps = [stamp for stamp, _ in self.newest.values()]
        if max(stamps) - min(stamps) > PAIRING_NS:
            return None
        pictures = {kind: pixels for kind, (_, pixels) in self.newest.items()}
        self.newest = {}
        return min(stamps), pictures


class CameraNode(GraphNode):
    """Moves messages; the pipelines do the rest."""

    def __init__(self, **kwargs: Any) -> None:
        """Declares parameters, builds a channel per camera, opens the topics."""
        super().__init__('camera_node', **kwargs)
        qos = sensor_qos(self.parameters.lockstep)
        self._channels = {c.name: Channel(c) for c in self.task.cameras}
        self._outputs = {}
        self._fractions = {}
        for name, channel in self._channels.items():
            self._fractions[name] = self.create_publisher(Float32, f'{name}/valid_fraction', qos)
            for kind in channel.kinds:
                self._outputs[f'{name}/{kind}'] = self.create_publisher(
                    Image, f'{name}/{kind}', qos
                )
                callback = partial(self._on_image, name, kind)
                self.create_subscription(Image, f'{name}/{kind}/image_raw', callback, qos)

    def _on_image(self, name: str, kind: str, message: Image) -> None:
        try:
            pixels = convert.from_image(message, f'{name}/{kind}/image_raw')
        except InputError as error:
            self.complain(error)
            return
        channel = self._channels[name]
        channel.newest[kind] = convert.from_time(message.header.stamp), pixels
        pair = channel.pair()
        if pair is not None:
            self._process(name, *pair, message.header.frame_id)

    def _process(
        self, name: str, stamp_ns: int, pictures: dict[str, NDArray[np.generic]], frame_id: str
    ) -> None:
        pipeline = self._channels[name].pipeline
        frame = pipeline.process(pictures.get('color'), pictures.get('depth'), stamp_ns)
        if isinstance(frame, Refusal):
            self.complain(InputError(frame.reason))
            return
        self._fractions[name].publish(Float32(data=frame.valid_fraction))
        for stream, pixels in frame.streams(name).items():
            self._outputs[stream].publish(convert.to_image(pixels, stamp_ns, frame_id))


def main() -> None:
    """Runs the node alone."""
    run(CameraNode)
