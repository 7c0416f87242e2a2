# SPDX-License-Identifier: Apache-2.0
"""Whether what reaches the safety filter can be believed: size, numbers, age, order, continuity.

Each check remembers just enough of the past to judge the next sample. A sample that is merely
late holds the robot; an unusable one also counts, and several in a row latch a stop.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from robot_rl.errors import InputError
from robot_rl.safety.config import SafetyConfig
from robot_rl.types import FloatArray, JointCommand, JointState, Wrench

#: A sample stamped further ahead than this comes from a clock that differs.
FUTURE_S = 0.1

#: Joints never move faster than this many times their limit; a larger step is a false reading.
JUMP_FACTOR = 3.0

#: No joint lies further out than this, in rad or m.
PLAUSIBLE = 100.0

FLOAT64 = np.dtype(np.float64)


class Fault(NamedTuple):
    """Why an input is not acted on.

    Attributes:
        rule: name of the check.
        detail: what was found and what is allowed.
        bad: whether the sample was unusable rather than late.
        latch: whether it latches a stop at once.
    """

    rule: str
    detail: str
    bad: bool = False
    latch: bool = False


def usable(array: Any, size: int) -> bool:
    """Whether this is a float64 array of shape [size] without NaN or infinity."""
    if type(array) is not np.ndarray or array.dtype != FLOAT64 or array.shape != (size,):
        return False
    # A finite sum is the cheap proof; only huge numbers need the dear one.
    return math.isfinite(sum(array.tolist())) or bool(np.isfinite(array).all())


def describe(array: Any) -> str:
    """Shape, type and number of unusable values, for a message."""
    array = np.asarray(array)
    if array.dtype.kind != 'f':
        return f'shape {list(array.shape)} of {array.dtype}'
    wrong = int(array.size - np.isfinite(array).sum())
    return f'shape {list(array.shape)} of {array.dtype} with {wrong} not finite'


class StampCheck:
    """Judges the age and the order of one input's stamps."""

    def __init__(self, name: str, limit_s: float, repeats: bool) -> None:
        """Takes the limits.

        Args:
            name: of the input, for rules and messages.
            limit_s: oldest age.
            repeats: whether the same stamp may come again.
        """
        self.last_ns: int | None = None
        self._name = name
        self._limit_ns = round(limit_s * 1e9)
        self._future_ns = round(FUTURE_S * 1e9)
        self._step_ns = 0 if repeats else 1

    def __call__(self, stamp_ns: int, now_ns: int) -> Fault | None:
        """The fault of a stamp, or None, and then it is remembered."""
        age_ns = now_ns - stamp_ns
        if not -self._future_ns <= age_ns <= self._limit_ns:
            return self._outside(age_ns)
        last_ns = self.last_ns
        # A remembered stamp that lies in the future belongs to a clock that was set back since.
        if last_ns is None or last_ns > now_ns + self._future_ns:
            last_ns = stamp_ns - self._step_ns
        if stamp_ns < last_ns + self._step_ns:
            back = (last_ns - stamp_ns) * 1e-9
            return Fault(f'old_{self._name}', f'{self._name} is {back:.3f} s behind the last')
        self.last_ns = stamp_ns
        return None

    def _outside(self, age_ns: int) -> Fault:
        name, age_s = self._name, age_ns * 1e-9
        if age_ns < 0:
            text = f'{name} is stamped {-age_s:.3f} s in the future, allowed {FUTURE_S:g} s'
            return Fault(f'future_{name}', text)
        limit_s = self._limit_ns * 1e-9
        return Fault(f'stale_{name}', f'{name} is {age_s:.3f} s old, allowed {limit_s:g} s')


class CommandCheck:
    """Finite, sized, fresh, and newer than the last one."""

    def __init__(self, config: SafetyConfig, size: int) -> None:
        self._size = size
        self._stamp = StampCheck('command', config.command_timeout, repeats=False)

    def __call__(self, command: JointCommand | None, now_ns: int) -> Fault | None:
        """The fault of a command, or None."""
        if command is None:
            return Fault('no_command', 'no command')
        if command.mode not in ('velocity', 'position'):
            expected = 'expected velocity or position'
            return Fault('bad_command', f'command: {expected}, got mode {command.mode!r}', True)
        if not usable(command.value, self._size):
            expected = f'expected {self._size} finite float64'
            got = describe(command.value)
            return Fault('bad_command', f'command: {expected}, got {got}', bad=True)
        return self._stamp(command.stamp_ns, now_ns)


class StateCheck:
    """Finite, sized, fresh, not older than the last one, and near to where the arm was.

    Seven joints are faster to look at as a list than as an array.
    """

    def __init__(
        self, config: SafetyConfig, velocity_limits: FloatArray, position_limits: FloatArray
    ) -> None:
        self._size = len(velocity_limits)
        self._jump_speed: list[float] = (JUMP_FACTOR * velocity_limits).tolist()
        self._turns = [bool(np.isinf(limits).all()) for limits in position_limits]
        self._stamp = StampCheck('state', config.state_timeout, repeats=True)
        self._position: list[float] = []

    def __call__(self, state: JointState | None, now_ns: int) -> Fault | None:
        """The fault of a joint state, or None, and then it is remembered."""
        if state is None:
            return Fault('no_state', 'no joint state')
        if not (usable(state.position, self._size) and usable(state.velocity, self._size)):
            expected = f'state: expected {self._size} finite float64 positions and velocities'
            got = f'{describe(state.position)} and {describe(state.velocity)}'
            return Fault('bad_state', f'{expected}, got {got}', bad=True)
        position: list[float] = state.position.tolist()
        if max(position) > PLAUSIBLE or min(position) < -PLAUSIBLE:
            return Fault('bad_state', f'state: expected |q| <= {PLAUSIBLE:g}', bad=True)
        last_ns = self._stamp.last_ns
        fault = self._stamp(state.stamp_ns, now_ns)
        if fault is None and self._position and last_ns is not None:
            fault = self._jump(position, (state.stamp_ns - last_ns) * 1e-9)
            # A sample that is rejected leaves no trace.
            self._stamp.last_ns = state.stamp_ns if fault is None else last_ns
        if fault is None:
            self._position = position
        return fault

    def _jump(self, position: list[float], dt: float) -> Fault | None:
        """A step that no arm can make in dt; none where the clock was set back (dt < 0)."""
        if dt < 0:
            return None
        limits = zip(position, self._position, self._jump_speed, self._turns, strict=True)
        for joint, (now, last, speed, turns) in enumerate(limits):
            step, allowed = abs(now - last), speed * dt + 1e-6
            # The angle of a joint without limits may wrap by a whole turn.
            if step > allowed and not (turns and abs(math.remainder(step, math.tau)) <= allowed):
                text = f'joint {joint} moved {step:.4g} rad, allowed {allowed:.4g} rad'
                return Fault('state_jump', text, bad=True)
        return None


class WrenchCheck:
    """Finite, fresh, and below the limits that stop once the bias is taken off.

    Attributes:
        free: force and torque of the last usable wrench without bias; else empty.
        contact: force and torque without bias, N and N m in the tool frame, while the last wrench
            is above a limit beyond which the tool pushes no further; else empty.
    """

    def __init__(self, config: SafetyConfig) -> None:
        self.free: tuple[float, ...] = ()
        self.contact: tuple[float, ...] = ()
        self._limits = config.force, config.torque
        self._stops = config.stop_force, config.stop_torque
        self._wanted = (*self._limits, *self._stops) != (None,) * 4
        self._stops_alone = None in self._limits
        self._stamp = StampCheck('wrench', config.state_timeout, repeats=True)
        self._bias: tuple[float, ...] = (0.0,) * 6

    def forget(self) -> None:
        """Forgets the last stamp; keeps the bias."""
        self._stamp.last_ns = None

    def tare(self, wrench: Wrench) -> None:
        """Takes this wrench as the reading without contact.

        Raises:
            InputError: it is not finite, or itself above a limit.
        """
        values = self._values(wrench)
        wrong = _above(values, self._limits) if values else describe(wrench.force_xyz)
        wrong = wrong or _above(values, self._stops)
        if wrong:
            raise InputError(f'wrench: refused as bias: {wrong}')
        self._bias = values

    def __call__(self, wrench: Wrench | None, now_ns: int) -> Fault | None:
        """The fault of a wrench, or None; one above a limit that stops latches."""
        self.free = self.contact = ()
        if not self._wanted:
            return None
        if wrench is None:
            return Fault('no_wrench', 'no wrench, and the task has a force or torque limit')
        values = self._values(wrench)
        if not values:
            got = f'{describe(wrench.force_xyz)} and {describe(wrench.torque_xyz)}'
            return Fault('bad_wrench', f'wrench: expected 3 finite float64 each, got {got}', True)
        late = self._stamp(wrench.stamp_ns, now_ns)
        self.free = free = tuple([a - b for a, b in zip(values, self._bias, strict=True)])
        self.contact = free if _above(free, self._limits) else ()
        # A limit that stops is above the one that yields, where both are set.
        above = _above(free, self._stops) if self.contact or self._stops_alone else ''
        return Fault('wrench', above, latch=True) if above else late

    def _values(self, wrench: Wrench) -> tuple[float, ...]:
        force, torque = wrench.force_xyz, wrench.torque_xyz
        if not (usable(force, 3) and usable(torque, 3)):
            return ()
        return (*force.tolist(), *torque.tolist())


def _above(values: tuple[float, ...], limits: tuple[float | None, float | None]) -> str:
    """Which of force and torque is above its limit, and by what; '' where none is."""
    force, torque = math.hypot(*values[:3]), math.hypot(*values[3:])
    most_force, most_torque = limits
    if most_force is not None and force > most_force:
        return f'force {force:.4g} N is above {most_force:g} N'
    if most_torque is not None and torque > most_torque:
        return f'torque {torque:.4g} N m is above {most_torque:g} N m'
    return ''
