# SPDX-License-Identifier: Apache-2.0
"""From cameras, recordings or raw image topics to what the policy sees.

    | topic | type | unit |
    |---|---|---|
    | in  `CAMERA/color/image_raw` | sensor_msgs/Image | rgb8, bgr8 or mono8 |
    | in  `CAMERA/depth/image_raw` | sensor_msgs/Image | 16UC1 mm or 32FC1 m, aligned to colour |
    | in  `CAMERA/color/camera_info` | sensor_msgs/CameraInfo | where the rig says so |
    | in  `joint_states` | sensor_msgs/JointState | its stamps are the robot's time |
    | out `CAMERA/color` | sensor_msgs/Image | rgb8 or mono8 |
    | out `CAMERA/depth` | sensor_msgs/Image | 32FC1, m, holes filled |
    | out `CAMERA/valid_fraction` | std_msgs/Float32 | share of depth pixels that were measured |
    | out `/diagnostics` | diagnostic_msgs/DiagnosticArray | rate, age, exposure, drops, refusals |

One node serves all cameras of a task. The parameter `camera_sources` names the rig, a file in
config/cameras, that tells what stands behind each (`perception/source_config.py`); without it,
and for cameras that it leaves out, the raw image topics are read. A RealSense, a UVC camera, a
recording and a picture of the goal each have a thread, so nothing waits for them; one that is
lost is tried again once a second. All take the same path (`perception/camera.py`). A frame that
it refuses is reported and never replaced, so the graph holds.
"""

import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Float32

from robot_rl.errors import InputError
from robot_rl.nodes import conversions as convert
from robot_rl.nodes.common import GraphNode, sensor_qos
from robot_rl.nodes.diagnostics import LEVELS, Diagnostics
from robot_rl.nodes.parameters import declare
from robot_rl.nodes.running import run
from robot_rl.perception.camera import CameraConfig, CameraFrame, CameraPipeline, Refusal
from robot_rl.perception.checks import FUTURE_NS
from robot_rl.perception.feed import Feed, Parts
from robot_rl.perception.health import Health
from robot_rl.perception.pairs import Pairs
from robot_rl.perception.rig import open_source, pipeline_of
from robot_rl.perception.source_config import CAMERA_INFO, SourceConfig, load_sources
from robot_rl.perception.sources import RawFrame, Reconnecting

LOOK_SECONDS = 0.1
SILENT_SECONDS = 0.5
EARLY_NS = 200_000_000  # that a frame from the future waits for the robot's clock to be set


@dataclass(frozen=True)
class CameraParameters:
    """Parameters of this node alone.

    Attributes:
        camera_sources: name in config/cameras, or a file; empty for raw image topics.
    """

    camera_sources: str = ''


class Camera:
    """One camera of the task: its pipeline, its outputs, and how it does."""

    def __init__(self, config: CameraConfig, source: SourceConfig) -> None:
        """Reads the lens's file.

        Raises:
            InputError: names the file and key.
        """
        self.config, self.source = config, source
        self.pairs = Pairs(config.kinds, source.size)
        self.pipeline: CameraPipeline | None = None
        if source.lens != CAMERA_INFO:
            self.pipeline = pipeline_of(config, source)
        self.health = Health(config.name, time.monotonic_ns(), SILENT_SECONDS)
        self.feed: Feed | None = None
        self.early: RawFrame | None = None
        self.early_since_ns = 0
        self.frame_id = f'{config.name}_optical_frame'
        self.outputs: dict[str, Any] = {}
        self.fraction: Any = None

    def waits(self, frame: RawFrame) -> bool:
        """Whether a frame from the future waits, as the robot's clock may have been set."""
        if self.early is None:
            self.early, self.early_since_ns = frame, time.monotonic_ns()
        return self.early is frame and time.monotonic_ns() - self.early_since_ns <= EARLY_NS


class CameraNode(GraphNode):
    """Moves messages; the pipelines do the rest."""

    def __init__(self, **kwargs: Any) -> None:
        """Declares parameters, builds the cameras, opens the topics, starts the threads."""
        super().__init__('camera_node', **kwargs)
        self._timed = False
        names = tuple(config.name for config in self.task.cameras)
        sources = load_sources(declare(self, CameraParameters).camera_sources, names)
        self._cameras = [Camera(c, sources[c.name]) for c in self.task.cameras]
        self._diagnostics = Diagnostics(self, self.robot.name)
        for camera in self._cameras:
            self._advertise(camera)
            if camera.source.kind == 'topic':
                self._subscribe(camera)
            else:
                self._start(camera)
        qos = sensor_qos(self.parameters.lockstep)
        self.create_subscription(JointState, 'joint_states', self._on_state, qos)
        if not self.parameters.lockstep:
            self.create_timer(LOOK_SECONDS, self._look)
        self.create_timer(Diagnostics.PERIOD_S, self._diagnose)

    def _advertise(self, camera: Camera) -> None:
        name, qos = camera.config.name, sensor_qos(self.parameters.lockstep)
        camera.fraction = self.create_publisher(Float32, f'{name}/valid_fraction', qos)
        for kind in camera.config.kinds:
            topic = f'{name}/{kind}'
            camera.outputs[topic] = self.create_publisher(Image, topic, qos)

    def _subscribe(self, camera: Camera) -> None:
        name, qos = camera.config.name, sensor_qos(self.parameters.lockstep)
        for kind in camera.config.kinds:
            callback = partial(self._on_image, camera, kind)
            self.create_subscription(Image, f'{name}/{kind}/image_raw', callback, qos)
        if camera.pipeline is None:
            camera.health.reason = f'{name}/color/camera_info: nothing came'
            callback = partial(self._on_info, camera)
            self.create_subscription(CameraInfo, f'{name}/color/camera_info', callback, qos)

    def _start(self, camera: Camera) -> None:
        """Gives a camera its thread."""
        name, source = camera.config.name, camera.source
        if self.parameters.lockstep:
            raise InputError(f'camera_sources: {name}: {source.kind} needs sync:=realtime')
        assert camera.pipeline is not None
        clock = time.monotonic_ns
        opened = Reconnecting(lambda: open_source(source, clock, camera.config), source.retry_s)
        wake = partial(self._wake, partial(self._take, camera))
        camera.feed = Feed(Parts(opened, camera.pipeline, camera.health, clock, wake))
        camera.feed.start()

    def _wake(self, task: Any) -> None:
        """Lets the executor do something; called from a camera's thread."""
        if self.executor is not None:
            self.executor.create_task(task)

    def _take(self, camera: Camera) -> None:
        """Passes on what a camera's thread has for us."""
        result = camera.feed.take() if camera.feed else None
        if result is None:
            return
        age_ns = time.monotonic_ns() - result.stamp_ns
        self._pass_on(camera, result, self.clock_of_robot.now_ns() - age_ns, age_ns)

    def _on_state(self, message: JointState) -> None:
        self.clock_of_robot.update(convert.from_time(message.header.stamp))
        self._timed = True
        for camera in self._cameras:
            if camera.early is not None and camera.pipeline is not None:
                self._process(camera, camera.pipeline, camera.early)

    def _on_info(self, camera: Camera, message: CameraInfo) -> None:
        if camera.pipeline is not None:
            return
        topic = f'{camera.config.name}/color/camera_info'
        try:
            camera.pipeline = CameraPipeline(
                camera.config, convert.from_camera_info(message, topic)
            )
        except InputError as error:
            camera.health.reason = str(error)
            self.complain(error)

    def _on_image(self, camera: Camera, kind: str, message: Image) -> None:
        topic = f'{camera.config.name}/{kind}/image_raw'
        stamp_ns = convert.from_time(message.header.stamp)
        camera.frame_id = message.header.frame_id or camera.frame_id
        try:
            frame = camera.pairs.add(kind, stamp_ns, convert.from_image(message, topic))
        except InputError as error:
            camera.pairs.clear()
            refusal = Refusal(stamp_ns, f'{camera.config.name}: {error}')
            self._pass_on(camera, refusal, stamp_ns, 0)
            return
        if camera.pipeline is None:
            return
        if frame is not None:
            self._process(camera, camera.pipeline, frame)
        elif lack := camera.pairs.lack(camera.config.name):
            camera.health.reason = lack

    def _process(self, camera: Camera, pipeline: CameraPipeline, frame: RawFrame) -> None:
        timed = self._timed and not self.parameters.lockstep
        now_ns = self.clock_of_robot.now_ns() if timed else None
        if now_ns and frame.stamp_ns - now_ns > FUTURE_NS and camera.waits(frame):
            return
        if camera.early is frame:
            camera.early = None
        camera.health.arrive(frame.number, frame.exposure_s)
        result = pipeline.process(frame.color, frame.depth, frame.stamp_ns, now_ns)
        age_ns = 0 if now_ns is None else now_ns - frame.stamp_ns
        self._pass_on(camera, result, frame.stamp_ns, age_ns)

    def _pass_on(
        self, camera: Camera, result: CameraFrame | Refusal, stamp_ns: int, age_ns: int
    ) -> None:
        camera.health.judge(result, age_ns * 1e-9, time.monotonic_ns())
        if isinstance(result, Refusal):
            self.complain(InputError(result.reason))
            return
        camera.fraction.publish(Float32(data=result.valid_fraction))
        for stream, pixels in result.streams(camera.config.name).items():
            camera.outputs[stream].publish(convert.to_image(pixels, stamp_ns, camera.frame_id))

    def _look(self) -> None:
        """Says which camera is silent, and ends with the error that ended a camera's thread."""
        now_ns = time.monotonic_ns()
        for camera in self._cameras:
            if camera.feed is not None:
                camera.feed.check()
            if silent := camera.health.silent(now_ns):
                self.complain(InputError(silent))

    def _diagnose(self) -> None:
        """One status for all cameras: the worst level, a sentence each, and their numbers."""
        now_ns = time.monotonic_ns()
        reports = [camera.health.report(now_ns) for camera in self._cameras]
        if not reports:
            return
        worst = max((level for level, _, _ in reports), key=lambda level: LEVELS[level])
        values = {key: value for _, _, numbers in reports for key, value in numbers.items()}
        self._diagnostics.send(worst, '; '.join(said for _, said, _ in reports), values)

    def shutdown(self) -> None:
        """Gives the cameras back."""
        for camera in self._cameras:
            if camera.feed is not None:
                camera.feed.stop()


def main() -> None:
    """Runs the node alone."""
    run(CameraNode)
