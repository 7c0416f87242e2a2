# SPDX-License-Identifier: Apache-2.0
"""What a driver asks of a command before it moves anything: who, what, how old, in which order."""

import numpy as np

from robot_rl.types import JointCommand

#: A command stamped further ahead than this comes from a clock that differs.
FUTURE_S = 0.1

#: No joint turns this fast or lies this far out, in rad/s, m/s, rad or m.
PLAUSIBLE = 100.0


class Watchdog:
    """Knows how long a source has been silent."""

    def __init__(self, limit_s: float) -> None:
        """Starts expired: nothing has been heard yet."""
        self._limit_s = limit_s
        self._fed_ns: int | None = None

    def feed(self, now_ns: int) -> None:
        """Notes a sign of life."""
        self._fed_ns = now_ns

    def silence_s(self, now_ns: int) -> float:
        """Seconds since the last sign of life; infinite before the first."""
        return np.inf if self._fed_ns is None else (now_ns - self._fed_ns) * 1e-9

    def expired(self, now_ns: int) -> bool:
        """Whether the silence is longer than the limit."""
        return self.silence_s(now_ns) > self._limit_s


class Admission:
    """Checks commands one by one; remembers the trusted publisher and the newest stamp.

    Attributes:
        publisher: GID of the only publisher that is obeyed; None until it is known.
    """

    def __init__(
        self, size: int, modes: tuple[str, ...], limit_s: float, backlog_s: float
    ) -> None:
        """Takes the limits.

        Args:
            size: number of joints.
            modes: the modes that the adapter can express.
            limit_s: oldest age at which a command is executed.
            backlog_s: a stamp further back than this is no late message but a clock that was set.
        """
        self.publisher: bytes | None = None
        self._size = size
        self._modes = modes
        self._limit_s = limit_s
        self._backlog_ns = round(backlog_s * 1e9)
        self._stamp_ns: int | None = None

    def refuse(self, command: JointCommand, publisher_id: bytes, age_s: float) -> tuple[str, str]:
        """Cause and text of a refusal; empty when the command is fit to be executed.

        Args:
            command: joints in the robot's order.
            publisher_id: GID of who sent it.
            age_s: the stamp's clock at reception less the command's stamp.
        """
        if publisher_id != self.publisher:
            return 'publisher', f'command from unknown publisher {publisher_id.hex()}'
        cause, text = self._refuse_content(command)
        if not cause:
            cause, text = self._refuse_time(command.stamp_ns, age_s)
        if not cause:
            self._stamp_ns = command.stamp_ns
        return cause, text

    def _refuse_content(self, command: JointCommand) -> tuple[str, str]:
        if command.mode not in self._modes:
            return 'mode', f'expected a command in {self._modes}, got {command.mode!r}'
        value = command.value
        # Written so that NaN fails, too.
        if np.shape(value) != (self._size,) or not (np.abs(value) <= PLAUSIBLE).all():
            expected = f'{self._size} values within {PLAUSIBLE:g}'
            return 'invalid', f'expected {expected} of zero, got {value}'
        return '', ''

    def _refuse_time(self, stamp_ns: int, age_s: float) -> tuple[str, str]:
        if not age_s <= self._limit_s:
            return 'expired', f'command is {age_s:.3f} s old, allowed {self._limit_s:g} s'
        if age_s < -FUTURE_S:
            return 'future', f'command is {-age_s:.3f} s in the future, allowed {FUTURE_S:g} s'
        if self._stamp_ns is not None and 0 <= self._stamp_ns - stamp_ns <= self._backlog_ns:
            return 'order', f'stamp {stamp_ns} ns is not newer than {self._stamp_ns} ns'
        return '', ''
