# SPDX-License-Identifier: Apache-2.0
"""A process over all its runs, and what is said about it."""

import os
import signal
from dataclasses import dataclass

from robot_rl.launcher.child import Child
from robot_rl.launcher.context import Process

#: In this order, each one when the one before was not obeyed in time.
STEPS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
#: Exit codes of a process that did what SIGINT or SIGTERM asks for.
CLEAN = (0, -signal.SIGINT, -signal.SIGTERM, 128 + signal.SIGINT, 128 + signal.SIGTERM)


@dataclass
class Slot:
    """A process with its present run.

    Attributes:
        process: what to run.
        child: the run; None between two and after the last.
        deadline: monotonic time of the next step: a harder signal, or the next run.
        signals: how many of `STEPS` were sent.
        code: exit code of the last run.
    """

    process: Process
    child: Child | None = None
    deadline: float | None = None
    signals: int = 0
    code: int | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.child is None and self.deadline is None

    @property
    def end(self) -> str:
        """How the last run ended."""
        if self.code is not None and self.code < 0:
            return f'ended by {signal.Signals(-self.code).name}'
        return f'exit code {self.code}'

    def describe(self) -> str:
        """One line about how the last run ended and where to read more."""
        log = os.path.relpath(self.process.log_dir / f'{self.process.name}.log')
        return f'{self.process.name}: {self.end}; its output is in {log}'
