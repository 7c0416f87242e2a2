# SPDX-License-Identifier: Apache-2.0
"""A camera whose reading may block: read in a thread, so that its silence is noticed in time."""

import threading
from queue import Empty, SimpleQueue

from robot_rl.perception.sources import RawFrame, Source, SourceLostError

FIRST_S = 5.0  # for the first frame: many cameras begin to stream when it is asked for


class Watched:
    """Another source with a time limit on each frame."""

    def __init__(self, source: Source, name: str, timeout_s: float) -> None:
        """Starts the thread, which reads when it is asked to.

        Args:
            source: opened; may block as long as it likes.
            name: of the camera, for what is said of it.
            timeout_s: time without a frame after which it is lost, s.
        """
        self._source, self._name = source, name
        self._timeout_s, self._limit_s = timeout_s, max(timeout_s, FIRST_S)
        self._asked: SimpleQueue[bool] = SimpleQueue()
        self._given: SimpleQueue[RawFrame | Exception] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def read(self) -> RawFrame:
        """Waits for the next frame; raises `SourceLostError` where none will come in time."""
        self._asked.put(True)
        try:
            given = self._given.get(timeout=self._limit_s)
        except Empty:
            raise SourceLostError(f'{self._name}: no frame for {self._limit_s:g} s') from None
        if isinstance(given, Exception):
            raise given
        self._limit_s = self._timeout_s
        return given

    def close(self) -> None:
        """Gives the camera back, at once or as soon as it lets go of the thread."""
        self._asked.put(False)
        self._thread.join(self._timeout_s)

    def _run(self) -> None:
        while self._asked.get():
            try:
                self._given.put(self._source.read())
            except Exception as error:  # noqa: BLE001 - raised again by `read`
                self._given.put(error)
        self._source.close()
