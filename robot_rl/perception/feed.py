# SPDX-License-Identifier: Apache-2.0
"""A camera in a thread of its own: whoever takes its frames never waits for it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from robot_rl.perception.camera import CameraFrame, CameraPipeline, Refusal
from robot_rl.perception.health import Health
from robot_rl.perception.sources import Clock, RawFrame, Reconnecting

IDLE_S = 0.02
END_S = 2.0


@dataclass(frozen=True)
class Parts:
    """What a camera's thread works with.

    Attributes:
        source: gives raw frames.
        pipeline: turns them into what the policy sees.
        health: is told of everything that happens.
        clock: monotonic, that of the frames' stamps.
        wake: called from the thread whenever there is something to take.
    """

    source: Reconnecting
    pipeline: CameraPipeline
    health: Health
    clock: Clock
    wake: Callable[[], None]


class Feed:
    """Reads, processes and keeps the newest frame."""

    def __init__(self, parts: Parts) -> None:
        """Does nothing before `start`."""
        self._parts = parts
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._newest: CameraFrame | Refusal | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Opens the camera, in the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and gives the camera back."""
        self._stopping.set()
        self._thread.join(END_S)

    def take(self) -> CameraFrame | Refusal | None:
        """The newest frame, or why it is refused, once."""
        with self._lock:
            newest, self._newest = self._newest, None
        return newest

    def check(self) -> None:
        """Raises what ended the thread, if it has ended by itself."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._step()
        except BaseException as error:  # noqa: BLE001 - raised again by `check`
            self._error = error
        finally:
            self._parts.source.close()

    def _step(self) -> None:
        source, health, now_ns = self._parts.source, self._parts.health, self._parts.clock()
        frame = source.read(now_ns)
        if frame is None:
            health.lose(source.reason)
            self._stopping.wait(IDLE_S)
            return
        health.arrive(frame.number, frame.exposure_s)
        result = self._process(frame)
        with self._lock:
            overtaken, self._newest = self._newest is not None, result
        health.dropped += overtaken
        self._parts.wake()

    def _process(self, frame: RawFrame) -> CameraFrame | Refusal:
        pipeline, now_ns = self._parts.pipeline, self._parts.clock()
        return pipeline.process(frame.color, frame.depth, frame.stamp_ns, now_ns)
