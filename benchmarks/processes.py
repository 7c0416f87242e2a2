# SPDX-License-Identifier: Apache-2.0
"""Executables of the package as processes that a bench starts, kills and starts again."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType

STOP_SECONDS = 15.0


class Processes:
    """Processes by name, all with the same parameters and some of their own; ended on leaving."""

    def __init__(
        self,
        known: dict[str, tuple[str, dict[str, object]]],
        settings: dict[str, object],
        domain: int = 78,
    ) -> None:
        """Starts nothing yet.

        Args:
            known: executable and parameters of its own, by name.
            settings: parameters of all.
            domain: of ROS, apart from what else runs here.
        """
        self._known, self._settings = known, settings
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = os.environ | {
            'OMP_NUM_THREADS': '1',
            'ROS_DOMAIN_ID': str(domain),
        }

    def start(self, *names: str) -> None:
        """Starts these; what they say goes nowhere."""
        for name in names:
            executable, own = self._known[name]
            command = [str(Path(sys.prefix, 'lib', 'robot_rl', executable)), '--ros-args']
            for key, value in (self._settings | own).items():
                command += ['-p', f'{key}:={_text(value)}']
            self._running[name] = subprocess.Popen(
                command, env=self._environment, stdout=subprocess.DEVNULL
            )

    def kill(self, *names: str) -> None:
        """Sends SIGKILL to all of these, then waits for them."""
        for name in names:
            self._running[name].kill()
        for name in names:
            self._running[name].wait()

    def __enter__(self) -> 'Processes':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for running in self._running.values():
            with suppress(ProcessLookupError):
                running.send_signal(signal.SIGINT)
        for running in self._running.values():
            try:
                running.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def _text(value: object) -> str:
    if isinstance(value, list):
        return f'[{",".join(map(str, value))}]'
    return str(value).lower() if isinstance(value, bool) else str(value)
