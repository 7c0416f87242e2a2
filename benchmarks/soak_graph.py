# SPDX-License-Identifier: Apache-2.0
"""The graph of the soak as a person runs it: launched, looked at, armed, and launched again."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.books import Books, children, role
from benchmarks.graph_watch import Watch
from benchmarks.integrity import small_agent

TASK = 'usb_insertion'
#: Full after a few minutes, so that what replay takes does not look like growth.
LEARNER = {'warmup_steps': 100, 'updates_per_step': 0.1, 'capacity': 2000}
NOTE_SECONDS = 5.0
RECOVERY_SECONDS = 180.0  # on a busy machine; what it took is told
DUMP_SECONDS = 60.0
RESUME_SECONDS = 20.0  # after which a reset has failed twice
DIED = re.compile(r'\[(\S+)\]: process has died \[pid (\d+), (.*)\]')
#: An end that takes more than 5 s is helped by SIGTERM, as on a busy machine; not more than that.
HELPED = 'ended by SIGTERM'
WRONG = re.compile(r'still runs after SIGTERM|Traceback')


class Graph:
    """A training with driver and simulated arm, every node a process of its own.

    Attributes:
        folder: of the run.
        watch: what it does.
        books: what it takes.
        killed: numbers of processes that somebody has killed on purpose.
        faults: what must not be, in words.
        acts: how often a person had to do something.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        """Starts nothing yet."""
        self.folder, self._seed = folder, seed
        self._agent = small_agent(folder, **LEARNER)
        self.watch, self.books = Watch(TASK), Books()
        self.killed: set[int] = set()
        self.faults: list[str] = []
        self.acts = 0
        self._launcher: subprocess.Popen[bytes] | None = None
        self._noted_s = 0.0
        self._read = 0

    # ---- processes -----------------------------------------------------------------------

    def launch(self) -> None:
        """Starts it, again in the same folder."""
        given = {'task': TASK, 'agent': self._agent, 'run_dir': self.folder, 'seed': self._seed}
        given |= {'rehearsal': 'true', 'processes': 'separate'}
        words = [f'{name}:={value}' for name, value in given.items()]
        command = [*_command('launch'), 'train_real.launch.py', *words]
        with self._log.open('ab') as log:
            self._launcher = subprocess.Popen(command, stdout=log, stderr=log, process_group=0)

    @property
    def _log(self) -> Path:
        return self.folder / 'launch.log'

    def end(self) -> None:
        """Ends it as Ctrl-C does."""
        if self._launcher is not None:
            with suppress(ProcessLookupError):
                self._launcher.send_signal(signal.SIGINT)
            self.wait_for_end()

    def wait_for_end(self) -> None:
        """Waits until the last process has ended; tells where one takes long over it."""
        launcher = self._launcher
        assert launcher is not None
        if not self.wait(lambda: launcher.poll() is not None, 7.0):
            self.dump('takes long to end')
        if not self.wait(lambda: launcher.poll() is not None, 40.0):
            self.fault('the launcher did not end')
            launcher.kill()
        launcher.wait()
        self._launcher = None

    def processes(self) -> dict[str, int]:
        """Numbers of the nodes' processes, by node."""
        found = {}
        for pid in children(self._launcher.pid) if self._launcher else []:
            with suppress(OSError):
                found[role(pid)] = pid
        found.pop('', None)
        return found

    def note(self) -> None:
        """Looks at the processes now."""
        self._noted_s = time.monotonic()
        if self._launcher:
            self.books.note(self._launcher.pid)

    # ---- watching ------------------------------------------------------------------------

    def wait(self, condition: Callable[[], Any], seconds: float) -> bool:
        """Watches until a condition holds; whether it does."""

        def noted() -> bool:
            if time.monotonic() - self._noted_s > NOTE_SECONDS:
                self.note()
            return bool(condition())

        return self.watch.until(noted, seconds)

    def fault(self, words: str) -> None:
        """Something that must not be."""
        self.faults.append(words)
        print(f'FAULT: {words}', flush=True)

    def look_at_log(self) -> None:
        """Processes that ended though nobody killed them, and those that did not when asked."""
        with self._log.open(errors='replace') as log:
            log.seek(self._read)
            lines = log.readlines()
            self._read = log.tell()
        for line in wrong(lines, self.killed):
            self.fault(line)

    def dump(self, why: str) -> None:
        """Where every node is, in files, if `py-spy` is installed."""
        for name, pid in self.processes().items():
            print(f'{name} [{pid}] {why}', flush=True)
            if spy := shutil.which('py-spy'):
                with (self.folder / f'dump-{name}-{pid}.txt').open('ab') as file:
                    command = [spy, 'dump', '--native', '--pid', str(pid)]
                    subprocess.run(command, stdout=file, stderr=file, check=False)

    # ---- what a person does --------------------------------------------------------------

    def recover(self) -> bool:
        """Does what a person does until the arm moves; whether it does."""
        since = resumed_s = time.monotonic()
        dumped = False
        answers: dict[str, str | None] = {}
        while not self.wait(lambda: self.watch.moving(since), 1.0):
            late_s = time.monotonic() - since
            if late_s > DUMP_SECONDS and not dumped:
                self.dump('does not move the arm')
                dumped = True
            if late_s > RECOVERY_SECONDS:
                self.fault(f'no motion in {late_s:.0f} s: {answers}, {self.watch.said}')
                return False
            if time.monotonic() - resumed_s > RESUME_SECONDS:
                self.watch.resume()
                resumed_s = time.monotonic()
                self.acts += 1
            answers |= {name: self._arm(name) for name in ('safety', 'driver')}
        return True

    def _arm(self, name: str) -> str | None:
        """Arms, after what the answer asks for."""
        answer = self.watch.call(f'{name}/arm', 1.0)
        if answer and 'stop' in answer:
            self.watch.call(f'{name}/reset_stop', 1.0)
            answer = self.watch.call(f'{name}/arm', 1.0)
        elif answer and 'doctor' in answer:
            asked = ['--task', TASK, '--run-dir', str(self.folder)]
            with self._log.open('ab') as log:
                doctor = subprocess.Popen([*_command('doctor'), *asked], stdout=log, stderr=log)
            self.wait(lambda: doctor.poll() is not None, 30.0)
            answer = self.watch.call(f'{name}/arm', 1.0)
        self.acts += answer == ''
        return answer


def wrong(lines: list[str], killed: set[int]) -> list[str]:
    """Which lines of the launcher tell of something that nobody has done on purpose."""
    found = []
    for line in lines:
        died = DIED.search(line)
        meant = died is None or int(died[2]) in killed or died[3] == HELPED
        if not meant or WRONG.search(line):
            found.append(line.strip())
    return found


def send(pid: int, number: signal.Signals) -> None:
    """Sends a signal, unless the process has just ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _command(name: str) -> list[str]:
    """A command of the package; a path would be another's."""
    return [sys.executable, '-c', 'from robot_rl.cli import main; main()', name]
