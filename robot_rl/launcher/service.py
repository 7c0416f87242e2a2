# SPDX-License-Identifier: Apache-2.0
"""Runs the processes of a launch from their start to the end of the last one."""

import contextlib
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from robot_rl.errors import InputError
from robot_rl.launcher.actions import visit
from robot_rl.launcher.child import Child
from robot_rl.launcher.console import Console
from robot_rl.launcher.context import Context
from robot_rl.launcher.loading import call
from robot_rl.launcher.slot import CLEAN, STEPS, Slot

CANNOT_RUN = 126


@dataclass(frozen=True)
class ProcessExited:
    """The end of a process, as `on_exit` functions get it."""

    process_name: str
    pid: int
    returncode: int
    cmd: tuple[str, ...]


class Service:
    """Starts, reads, restarts and ends the processes, in one thread."""

    def __init__(self, context: Context, console: Console) -> None:
        """Takes the processes that visiting the launch file has asked for."""
        self._context = context
        self._console = console
        self._selector = selectors.DefaultSelector()
        self._slots: list[Slot] = []
        self._cause: signal.Signals | Slot | None = None
        self._failure = ''

    def run(self) -> int:
        """Runs until the last process has ended; the exit status for the shell."""
        with self._heard_signals():
            try:
                self._start_asked()
                while not all(slot.over for slot in self._slots):
                    for key, _ in self._selector.select(self._patience()):
                        key.data()
                    self._act_in_time()
            finally:  # Only a mistake in here leaves one.
                for child in (slot.child for slot in self._slots if slot.child):
                    child.send(signal.SIGKILL)
        status, message = self._status()
        if message:
            self._console.say('ERROR', 'launch', message)
        return status

    # Start.

    def _start_asked(self) -> None:
        """Starts what the context has been asked for, unless the end has begun."""
        asked, self._context.processes = self._context.processes, []
        for process in asked:
            if self._cause is None and self._context.shutdown_reason is None:
                self._slots.append(Slot(process))
                self._start(self._slots[-1])

    def _start(self, slot: Slot) -> None:
        slot.deadline, slot.signals, slot.code = None, 0, None
        name = slot.process.name
        try:
            child = slot.child = Child(slot.process, self._console)
        except OSError as error:
            slot.code = CANNOT_RUN
            self._console.say('ERROR', name, f'cannot be started: {error}')
            self._shut_down(slot)
            return
        self._console.say('INFO', name, f'process started with pid [{child.pid}]')
        self._watch(child.exit_fd, lambda: self._on_exit(slot))
        self._watch(child.output_fd, lambda: self._on_output(slot, child))

    def _watch(self, fd: int, callback: Callable[[], None]) -> None:
        self._selector.register(fd, selectors.EVENT_READ, callback)

    # What happens.

    def _on_output(self, slot: Slot, child: Child) -> None:
        if slot.child is child and not child.read():
            self._selector.unregister(child.output_fd)

    def _on_exit(self, slot: Slot) -> None:
        child, slot.child, slot.deadline = slot.child, None, None
        assert child is not None
        for fd in (child.exit_fd, child.output_fd):
            if fd in self._selector.get_map():
                self._selector.unregister(fd)
        slot.code = child.reap()
        name = slot.process.name
        if slot.code == 0:
            self._console.say('INFO', name, f'process has finished cleanly [pid {child.pid}]')
        else:
            self._console.say('ERROR', name, f'process has died [pid {child.pid}, {slot.end}]')
        self._follow(slot, ProcessExited(name, child.pid, slot.code, slot.process.command))
        if self._cause is None and self._context.shutdown_reason is not None:
            self._console.say('INFO', 'launch', f'{self._context.shutdown_reason}: shutting down')
            self._shut_down(slot)
        if self._cause is None and slot.process.respawn_delay is not None:
            slot.deadline = time.monotonic() + slot.process.respawn_delay

    def _follow(self, slot: Slot, event: ProcessExited) -> None:
        """Does what the launch file wants done after the end of the process."""
        actions: Any = slot.process.on_exit
        try:
            if callable(actions):
                actions = call(actions, self._context.modules, event, self._context)
            for action in actions if isinstance(actions, (list, tuple)) else [actions]:
                if action is not None:
                    visit(action, self._context)
        except InputError as error:
            self._failure = str(error)
            self._shut_down(slot)
        self._start_asked()

    # Time.

    def _patience(self) -> float | None:
        """Seconds until the next deadline; None without one."""
        deadlines = [slot.deadline for slot in self._slots if slot.deadline is not None]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _act_in_time(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            if slot.deadline is not None and slot.deadline <= now:
                if slot.child is None:
                    self._start(slot)
                else:
                    self._escalate(slot)

    # End.

    def _shut_down(self, cause: signal.Signals | Slot) -> None:
        """Asks all processes to end and starts no more."""
        if self._cause is not None:
            return
        self._cause = cause
        for slot in self._slots:
            slot.deadline = None
            self._escalate(slot)

    def _escalate(self, slot: Slot) -> None:
        """Sends the next signal and sets the time for the one after it."""
        if slot.child is None or slot.signals >= len(STEPS):
            return
        number = STEPS[slot.signals]
        if slot.signals > 0:
            before = STEPS[slot.signals - 1].name
            message = f'still runs after {before}: sending {number.name}'
            self._console.say('ERROR', slot.process.name, message)
        slot.child.send(number)
        timeouts = slot.process.timeouts
        slot.deadline = (
            time.monotonic() + timeouts[slot.signals] if slot.signals < len(timeouts) else None
        )
        slot.signals += 1

    @contextlib.contextmanager
    def _heard_signals(self) -> Iterator[None]:
        """Ends on SIGINT, SIGTERM and SIGHUP; a suspended launcher would stop reading."""
        reader, writer = socket.socketpair()
        writer.setblocking(False)
        numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # nohup
            numbers.remove(signal.SIGHUP)
        before = {number: signal.signal(number, lambda *_: None) for number in numbers}
        before[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        old_fd = signal.set_wakeup_fd(writer.fileno())
        self._watch(reader.fileno(), lambda: self._on_signals(reader.recv(64)))
        try:
            yield
        finally:
            signal.set_wakeup_fd(old_fd)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._selector.close()
            reader.close()
            writer.close()

    def _on_signals(self, numbers: bytes) -> None:
        """The first asks all processes to end; each further one presses harder."""
        for number in map(signal.Signals, numbers):
            if self._cause is None:
                self._console.say('WARN', 'launch', f'{number.name}: shutting down')
                self._shut_down(number)
            else:
                for slot in self._slots:
                    self._escalate(slot)

    def _status(self) -> tuple[int, str]:
        """Exit status, and the one message that explains it."""
        if self._failure:
            return 1, self._failure
        cause = self._cause
        if isinstance(cause, signal.Signals):
            unclean = [slot for slot in self._slots if slot.signals and slot.code not in CLEAN]
            if unclean:
                return 1, f'after {cause.name}: ' + '; '.join(slot.describe() for slot in unclean)
            return 128 + cause, ''
        failed = [slot for slot in self._slots if slot.code] if cause is None else [cause]
        if failed and failed[0].code:
            code = failed[0].code
            return (code if code > 0 else 128 - code), failed[0].describe()
        return 0, ''
