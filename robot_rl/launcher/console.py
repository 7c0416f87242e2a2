# SPDX-License-Identifier: Apache-2.0
"""Shows what the processes say, line by line, each line with its process's name."""

import os
import re
import select
import shutil

#: Written at once without waiting: what a pipe takes whole.
CHUNK = 4096
#: A line without an end is shown when it is as long as this, in bytes.
LONGEST = 65536
PATIENCE_SECONDS = 0.1
CLEAR = b'\r\x1b[K'


class Console:
    """One output for all processes, which never holds them up.

    A line that ends in a carriage return is progress: on a terminal it is shown at the bottom and
    replaced by the next one; elsewhere only its last state is. When nobody reads (a stopped
    terminal, a full pipe) lines are counted and dropped, for a robot must not wait for a screen.
    They are in the log files.
    """

    def __init__(self, fd: int = 1) -> None:
        """Writes to a file descriptor."""
        self._fd = fd
        self._terminal = os.isatty(fd)
        self._rest: dict[str, bytes] = {}
        self._progress: dict[str, bytes] = {}
        self._drawn = False
        self._stuck = False
        self._closed = False
        self._dropped = 0

    def columns(self, name: str) -> int:
        """Room for the progress of a process, behind its name; 0 where it cannot be replaced."""
        if not self._terminal:
            return 0
        return max(1, shutil.get_terminal_size().columns - len(f'[{name}] ') - 1)

    def write(self, name: str, data: bytes) -> None:
        """Takes any piece of a process's output."""
        pieces = re.split(rb'(\r?\n|\r)', self._rest.get(name, b'') + data)
        for line, end in zip(pieces[:-1:2], pieces[1::2], strict=True):
            if end == b'\r':
                self._progress[name] = line or self._progress.get(name, b'')
            else:
                self._line(name, line or self._progress.get(name, b''))
        self._rest[name] = pieces[-1]
        if len(pieces[-1]) > LONGEST:
            self._line(name, self._rest.pop(name))
        self._draw(name)

    def end(self, name: str) -> None:
        """Shows what a process has left without an end of line."""
        rest = self._rest.pop(name, b'') or self._progress.get(name, b'')
        if rest:
            self._line(name, rest)

    def say(self, level: str, who: str, message: str) -> None:
        """A message of the launcher itself."""
        self._put(f'[{level}] [{who}]: {message}\n'.encode(errors='replace'))
        self._draw(None)

    def _line(self, name: str, line: bytes) -> None:
        self._progress.pop(name, None)
        self._put(f'[{name}] '.encode() + line + b'\n')

    def _draw(self, name: str | None) -> None:
        """Shows the newest progress, that of `name` rather than another's."""
        if not self._terminal:
            return
        rest = self._rest.get(name or '', b'')
        if name in self._progress and rest:
            self._progress[name] = rest  # The carriage return came first.
        shown = name if name in self._progress else next(reversed(self._progress), None)
        if shown is not None:
            text = self._progress[shown][: self.columns(shown)]
            self._put(f'[{shown}] '.encode() + text)
            self._drawn = True

    def _put(self, text: bytes) -> None:
        text = CLEAR + text if self._drawn else text
        self._drawn = False
        for start in range(0, len(text), CHUNK):
            if not self._writable():
                self._dropped += 1
                return
            try:
                os.write(self._fd, text[start : start + CHUNK])
            except OSError:
                self._closed = True

    def _writable(self) -> bool:
        if self._closed:
            return False
        patience = 0.0 if self._stuck else PATIENCE_SECONDS
        try:
            self._stuck = not select.select([], [self._fd], [], patience)[1]
        except OSError:
            self._closed = True
            return False
        if not self._stuck and self._dropped:
            dropped, self._dropped = self._dropped, 0
            self._put(f'[WARN] [launch]: {dropped} lines were not shown\n'.encode())
        return not self._stuck
