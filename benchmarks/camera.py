# SPDX-License-Identifier: Apache-2.0
"""A RealSense at 30 Hz, 640x480, to 100x100 colour and filled depth: latency and processor time.

A software device of the RealSense SDK stands in for the camera; pipeline, syncer and alignment
are the SDK's own, and the optics are about those of a D435. Latency runs from the moment before
the two pictures are handed to the SDK to the moment at which another thread has the frame for the
policy. `core` is the processor time of the whole process, the SDK's threads included, without
that of the thread that plays the camera, as a share of one core. The last line is one JSON object.
"""

import argparse
import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.holes import depth_with_holes
from robot_rl.errors import InputError
from robot_rl.perception import realsense
from robot_rl.perception.camera import CameraConfig, CameraFrame, CameraPipeline
from robot_rl.perception.feed import Feed, Parts
from robot_rl.perception.health import Health
from robot_rl.perception.rig import open_source
from robot_rl.perception.software_realsense import Optics, SoftwareRealSense
from robot_rl.perception.source_config import SourceConfig
from robot_rl.perception.sources import RawFrame, Reconnecting, Source

RATE_HZ = 30
WARM_FRAMES = 30
PICTURES = 8  # different ones, in turn
HOLES = 0.2
SIZE = (100, 100)


class Counted(Reconnecting):
    """A source whose frames' numbers are kept.

    Attributes:
        numbers: of the camera, by stamp; the first frame is 1.
    """

    def __init__(self, open_source: Callable[[], Source]) -> None:
        """Opens nothing yet."""
        super().__init__(open_source)
        self.numbers: dict[int, int] = {}

    def read(self, now_ns: int) -> RawFrame | None:
        """The next frame."""
        frame = super().read(now_ns)
        if frame is not None and frame.number is not None:
            self.numbers[frame.stamp_ns] = frame.number
        return frame


class Player(threading.Thread):
    """Plays the camera at its rate.

    Attributes:
        sent_ns: when each frame was handed to the SDK.
        seconds: of processor time that playing took, once warm.
    """

    def __init__(self, camera: SoftwareRealSense, frames: int) -> None:
        """Makes the pictures.

        Args:
            camera: that takes them.
            frames: how many are sent after the warm ones.
        """
        super().__init__(daemon=True)
        self._camera, self._frames = camera, frames + WARM_FRAMES
        rng = np.random.default_rng(0)
        size = realsense.SIZE
        self._colors = rng.integers(0, 256, (PICTURES, *size, 3), dtype=np.uint8)
        metres = [depth_with_holes(*size, HOLES, seed) for seed in range(PICTURES)]
        self._depths = [np.nan_to_num(m * 1000).astype(np.uint16) for m in metres]
        self.sent_ns: list[int] = []
        self.seconds = 0.0

    def run(self) -> None:
        """Sends a frame when it is due."""
        due, began = time.monotonic(), 0.0
        for i in range(self._frames):
            due = max(due + 1 / RATE_HZ, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
            if i == WARM_FRAMES:
                began = time.thread_time()
            self.sent_ns.append(time.monotonic_ns())
            self._camera.send(self._colors[i % PICTURES], self._depths[i % PICTURES])
        self.seconds = time.thread_time() - began


def measure(seconds: float) -> dict[str, Any]:
    """Latencies and processor time of a camera that plays for some seconds."""
    camera, frames = SoftwareRealSense('0', Optics()), round(seconds * RATE_HZ)
    realsense.connected = lambda: [camera.device]
    source = SourceConfig('realsense', fps=RATE_HZ)
    pipeline = CameraPipeline(CameraConfig('wrist', SIZE, depth=True))
    there, clock = threading.Event(), time.monotonic_ns
    health = Health('wrist', clock(), 0.5)
    opened = Counted(lambda: open_source(source, clock))
    feed = Feed(Parts(opened, pipeline, health, clock, there.set))
    player = Player(camera, frames)
    feed.start()
    time.sleep(0.5)  # the pipeline opens
    player.start()
    taken: list[tuple[int, int]] = []
    began, used = time.monotonic(), 0.0
    while player.is_alive():
        if not there.wait(0.1):
            continue
        there.clear()
        frame = feed.take()
        if isinstance(frame, CameraFrame):
            taken.append((clock(), opened.numbers[frame.stamp_ns]))
        if len(player.sent_ns) <= WARM_FRAMES:
            began, used = time.monotonic(), time.process_time()
    used, wall = time.process_time() - used - player.seconds, time.monotonic() - began
    feed.check()
    feed.stop()
    return summary(player.sent_ns, taken) | {
        'core': round(used / wall, 4),
        'sent': frames,
        'refused': health.refused,
    }


def summary(sent_ns: list[int], taken: list[tuple[int, int]]) -> dict[str, Any]:
    """Quantiles of the latency, ms, of the frames after the warm ones.

    Args:
        sent_ns: when each frame was sent, in order.
        taken: when each that arrived was taken, and its number, from 1 on.
    """
    latencies = [
        (when - sent_ns[number - 1]) * 1e-6 for when, number in taken if number > WARM_FRAMES
    ]
    if not latencies:
        raise InputError('bench camera: no frame came through')
    p50, p99, worst = np.percentile(latencies, [50, 99, 100])
    return {
        'p50_ms': round(float(p50), 2),
        'p99_ms': round(float(p99), 2),
        'max_ms': round(float(worst), 2),
        'frames': len(latencies),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the bench; the last line that it prints is JSON."""
    parser = argparse.ArgumentParser(prog='robot-rl bench camera', description=__doc__)
    parser.add_argument('--seconds', type=float, default=20.0, help='of playing')
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    if not 1 <= options.seconds <= 600:
        raise InputError(f'--seconds: expected 1 to 600, got {options.seconds}')
    measured = measure(options.seconds)
    print(json.dumps({'name': 'camera', 'value': measured['p99_ms'], 'unit': 'ms'} | measured))
    return 0
