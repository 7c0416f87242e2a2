# SPDX-License-Identifier: Apache-2.0
"""The camera node with a RealSense without hardware, which SIGUSR1 unplugs and plugs in again.

Usage: software_camera_node.py FILE --ros-args ...; each look for the camera adds its time, s on
the monotonic clock, to the file.
"""

import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from robot_rl.nodes import camera_node
from robot_rl.perception import realsense
from robot_rl.perception.software_realsense import ONE_EYE, SoftwareRealSense

RATE_HZ = 30.0


class Plug:
    """The socket: a camera that is plugged in sends, one that is pulled out is gone."""

    def __init__(self, looks: Path) -> None:
        self._looks = looks
        self._camera: SoftwareRealSense | None = SoftwareRealSense('77')

    def connected(self) -> list[Any]:
        """What stands in for the SDK's list of devices, which leaves software devices out."""
        with self._looks.open('a') as file:
            file.write(f'{time.monotonic()}\n')
        camera = self._camera
        return [camera.device] if camera else []

    def toggle(self, *_: object) -> None:
        self._camera = None if self._camera else SoftwareRealSense('77')

    def play(self) -> None:
        """Sends noise in colour, and depth with holes."""
        rng, due = np.random.default_rng(0), time.monotonic()
        while True:
            due = max(due + 1 / RATE_HZ, time.monotonic())
            time.sleep(due - time.monotonic() if due > time.monotonic() else 0)
            color = rng.integers(0, 256, (*ONE_EYE.size, 3), dtype=np.uint8)
            depth = rng.integers(400, 900, ONE_EYE.size).astype(np.uint16)
            depth[:, :100] = 0
            camera = self._camera
            if camera is not None:
                camera.send(color, depth)


def main() -> None:
    """Runs the node."""
    plug = Plug(Path(sys.argv[1]))
    realsense.connected = plug.connected
    signal.signal(signal.SIGUSR1, plug.toggle)
    threading.Thread(target=plug.play, daemon=True).start()
    camera_node.main()


if __name__ == '__main__':
    main()
