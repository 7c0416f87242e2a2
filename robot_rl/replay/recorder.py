# SPDX-License-Identifier: Apache-2.0
"""Records beside control: compression and disk have a thread that gives way to everything else."""

import os
import threading
from contextlib import suppress
from queue import Full, Queue

from robot_rl.replay.bag import BagWriter

#: Nothing else yields more; in Linux a thread has a priority of its own.
LEAST = 19


class Recorder:
    """Hands messages to a recording's thread; where that can't keep up, they are left out.

    Attributes:
        dropped: messages that were left out.
    """

    def __init__(self, bag: BagWriter, room: int = 1000) -> None:
        """Starts the thread.

        Args:
            bag: an open recording, from now on the thread's.
            room: messages that may wait.
        """
        self.dropped = 0
        self._bag = bag
        self._waiting: Queue[tuple[bytes, int] | None] = Queue(room)
        self._thread = threading.Thread(target=self._run, name='recorder')
        self._thread.start()

    @property
    def error(self) -> str:
        """Why something is missing in the recording; '' while nothing is."""
        left_out = f'recording: {self.dropped} messages left out: overload'
        return self._bag.error or (left_out if self.dropped else '')

    def write(self, data: bytes, stamp_ns: int) -> None:
        """Takes one serialized message; returns at once."""
        try:
            self._waiting.put_nowait((data, stamp_ns))
        except Full:
            self.dropped += 1

    def close(self) -> None:
        """Writes what waits and finishes the file."""
        self._waiting.put(None)
        self._thread.join()
        self._bag.close()

    def _run(self) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LEAST)
        while (message := self._waiting.get()) is not None:
            self._bag.write(*message)
