# SPDX-License-Identifier: Apache-2.0
"""Whether the wrench can be believed, and whether the tool presses too hard, or for too long."""

import math

from robot_rl.errors import InputError
from robot_rl.safety.budget import ContactTime
from robot_rl.safety.config import SafetyConfig
from robot_rl.safety.inputs import Fault, StampCheck, describe, numbers
from robot_rl.types import Wrench

#: Limits of force, N, and torque, N m.
Pair = tuple[float | None, float | None]


class WrenchCheck:
    """Finite, fresh, and below the limits that stop once the bias is taken off.

    Attributes:
        free: force and torque of the last usable wrench without bias; else empty.
        contact: force and torque without bias, N and N m in the tool frame, while the last wrench
            is above a limit beyond which the tool pushes no further; else empty.
        worn: the same while the contact budget is used up and the last wrench is above its force
            or torque, but no limit; else empty.
    """

    def __init__(self, config: SafetyConfig) -> None:
        """Takes the limits."""
        self.free: tuple[float, ...] = ()
        self.contact: tuple[float, ...] = ()
        self.worn: tuple[float, ...] = ()
        self._limits = config.force, config.torque
        most = [math.inf if limit is None else limit for limit in self._limits]
        self._most_force, self._most_torque = most
        self._stops = config.stop_force, config.stop_torque
        self._wanted = (*self._limits, *self._stops) != (None,) * 4
        self._stops_alone = None in self._limits
        self._timeout = config.state_timeout
        self._budget = config.contact_budget
        self._stamp = StampCheck('wrench', config.state_timeout, repeats=True)
        self._bias: tuple[float, ...] = ()
        self.renew()

    @property
    def seconds_left(self) -> float | None:
        """Of the contact budget, below 0 beyond it; None without one."""
        return self._time.seconds_left if self._time else None

    def forget(self) -> None:
        """Forgets the last stamp and past contact; keeps the bias."""
        self._stamp.last_ns = None
        self.renew()

    def renew(self) -> None:
        """Gives the whole contact budget again."""
        self._time = ContactTime(self._budget, self._timeout) if self._budget else None

    def tare(self, wrench: Wrench) -> None:
        """Takes this wrench as the reading without contact.

        Raises:
            InputError: it is not finite, or itself above a limit.
        """
        values = _values(wrench)
        wrong = describe(wrench.force_xyz) if values is None else ''
        if values is not None:
            size = _size(values)
            wrong = _above(*size, self._limits) or _above(*size, self._stops)
        if values is None or wrong:
            raise InputError(f'wrench: refused as bias: {wrong}')
        self._bias = tuple(values)

    def __call__(self, wrench: Wrench | None, now_ns: int) -> Fault | None:
        """The fault of a wrench, or None; one above a limit that stops latches."""
        self.free = self.contact = self.worn = ()
        if not self._wanted:
            return None
        if wrench is None:
            return Fault('no_wrench', 'no wrench, and the task has a force or torque limit')
        values = _values(wrench)
        if values is None:
            got = f'{describe(wrench.force_xyz)} and {describe(wrench.torque_xyz)}'
            return Fault('bad_wrench', f'wrench: expected 3 finite float64 each, got {got}', True)
        late = self._stamp(wrench.stamp_ns, now_ns)
        if self._bias:
            values = [a - b for a, b in zip(values, self._bias, strict=True)]
        self.free = free = tuple(values)
        force, torque = _size(free)
        if force > self._most_force or torque > self._most_torque:
            self.contact = free
        too_long = ''
        if late is None and self._time is not None:
            too_long = self._spend(self._time, wrench.stamp_ns, force, torque)
        # A limit that stops is above the one that yields, where both are set.
        above = ''
        if self.contact or self._stops_alone:
            above = _above(force, torque, self._stops)
        if above:
            return Fault('wrench', above, latch=True)
        return Fault('contact_budget', too_long, latch=True) if too_long else late

    def _spend(self, time: ContactTime, stamp_ns: int, force: float, torque: float) -> str:
        """Counts contact; why a stop latches, or ''."""
        if not time.add(stamp_ns, force, torque) or time.seconds_left >= 0:
            return ''
        if not self.contact:
            self.worn = self.free
        return f'{time.over}; now {force:.3g} N, {torque:.3g} N m' if time.over else ''


def _values(wrench: Wrench) -> list[float] | None:
    """Force and torque, six numbers; None where they are unusable."""
    force, torque = numbers(wrench.force_xyz, 3), numbers(wrench.torque_xyz, 3)
    return None if force is None or torque is None else force + torque


def _size(values: list[float] | tuple[float, ...]) -> tuple[float, float]:
    x, y, z, turn_x, turn_y, turn_z = values
    return math.hypot(x, y, z), math.hypot(turn_x, turn_y, turn_z)


def _above(force: float, torque: float, limits: Pair) -> str:
    """Which of force and torque is above its limit, and by what; '' where none is."""
    most_force, most_torque = limits
    if most_force is not None and force > most_force:
        return f'force {force:.4g} N is above {most_force:g} N'
    if most_torque is not None and torque > most_torque:
        return f'torque {torque:.4g} N m is above {most_torque:g} N m'
    return ''
