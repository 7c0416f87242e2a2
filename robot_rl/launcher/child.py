# SPDX-License-Identifier: Apache-2.0
"""One process: started in a process group of its own, read, signalled, and never left behind."""

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Callable
from typing import BinaryIO

from robot_rl.launcher.console import Console
from robot_rl.launcher.context import Process

PR_SET_PDEATHSIG = 1
PRCTL = ctypes.CDLL(None).prctl  # Looked up now: a forked child must not.
PIPE_BYTES = 65536
#: Columns for a line of progress that ends in a carriage return; 0: a line that stays is better.
PROGRESS = 'ROBOT_RL_PROGRESS_COLUMNS'


class Child:
    """A started process.

    Attributes:
        process: what was started.
        pid: its number, and that of its process group.
        exit_fd: readable once it has ended.
        output_fd: what it says, as far as it comes through here.
    """

    def __init__(self, process: Process, console: Console) -> None:
        """Starts it.

        Raises:
            OSError: it could not be started.
        """
        self.process = process
        self._console = console
        process.log_dir.mkdir(parents=True, exist_ok=True)
        for path, content in process.files.items():
            path.write_text(content)
        self._log: BinaryIO | None = (process.log_dir / f'{process.name}.log').open('ab', 0)
        self._popen = subprocess.Popen(
            process.command,
            env={**process.environment, PROGRESS: str(console.columns(process.name))},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if process.screen else self._log,
            stderr=subprocess.STDOUT if process.screen else subprocess.PIPE,
            process_group=0,
            preexec_fn=_tied_to(os.getpid()),  # noqa: PLW1509 - it takes no lock.
        )
        self.pid = self._popen.pid
        self.exit_fd = os.pidfd_open(self.pid)
        output = self._popen.stdout or self._popen.stderr
        assert output is not None
        self.output_fd = output.fileno()
        os.set_blocking(self.output_fd, False)

    def read(self) -> bool:
        """Passes on what it says; False when there is nothing to read."""
        try:
            data = os.read(self.output_fd, PIPE_BYTES)
        except BlockingIOError:
            return False
        self._console.write(self.process.name, data)
        try:
            if self._log:
                self._log.write(data)
        except OSError as error:  # A full disk must not stop a robot.
            self._console.say('ERROR', self.process.name, f'log: {error.strerror}; it ends here')
            self._log = None
        return bool(data)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the process and to those that it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def reap(self) -> int:
        """Its exit code, negative for a signal, once it has ended.

        What it has started itself and left in its group is killed first: as long as the process
        is not reaped, the group's number is nobody else's.
        """
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        self.send(signal.SIGKILL)
        for _ in range(16):  # More than a pipe holds; a detached process may write for ever.
            if not self.read():
                break
        self._console.end(self.process.name)
        code = self._popen.wait()
        os.close(self.exit_fd)
        for stream in (self._popen.stdout, self._popen.stderr, self._log):
            if stream:
                stream.close()
        return code


def _tied_to(launcher: int) -> Callable[[], None]:
    """What a child does before its program: it dies with the launcher."""

    def prepare() -> None:
        PRCTL(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != launcher:
            os._exit(1)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)  # What the launcher ignores is inherited.

    return prepare
