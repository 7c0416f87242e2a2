# SPDX-License-Identifier: Apache-2.0
"""Whether what reaches the safety filter can be believed: size, numbers, age, order, continuity.

Each check remembers just enough of the past to judge the next sample. A sample that is merely
late holds the robot; an unusable one also counts, and several in a row latch a stop.
"""

import math
import operator
from typing import Any, NamedTuple

import numpy as np

from robot_rl.safety.config import SafetyConfig
from robot_rl.types import FloatArray, JointCommand, JointState

#: A sample stamped further ahead than this comes from a clock that differs.
FUTURE_S = 0.1

#: Joints never move faster than this many times their limit; a larger step is a false reading.
JUMP_FACTOR = 3.0

#: No joint lies further out than this, in rad or m.
PLAUSIBLE = 100.0

#: rad or m, that two readings of a joint at rest may differ by.
ROUNDING = 1e-6

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


def numbers(array: Any, size: int) -> list[float] | None:
    """The values of a float64 array of shape [size] without NaN or infinity; else None."""
    if type(array) is not np.ndarray or array.dtype != FLOAT64 or array.shape != (size,):
        return None
    values: list[float] = array.tolist()
    # A finite sum is the cheap proof; only huge numbers need the dear one.
    return values if math.isfinite(sum(values)) or all(map(math.isfinite, values)) else None


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
    """Finite, sized, fresh, and newer than the last one.

    Attributes:
        values: of the last command, [J]; None where they were unusable.
    """

    def __init__(self, config: SafetyConfig, size: int) -> None:
        self.values: list[float] | None = None
        self._size = size
        self._stamp = StampCheck('command', config.command_timeout, repeats=False)

    def __call__(self, command: JointCommand | None, now_ns: int) -> Fault | None:
        """The fault of a command, or None."""
        self.values = None
        if command is None:
            return Fault('no_command', 'no command')
        self.values = numbers(command.value, self._size)
        if command.mode not in ('velocity', 'position'):
            expected = 'expected velocity or position'
            return Fault('bad_command', f'command: {expected}, got mode {command.mode!r}', True)
        if self.values is None:
            expected = f'expected {self._size} finite float64'
            got = describe(command.value)
            return Fault('bad_command', f'command: {expected}, got {got}', bad=True)
        return self._stamp(command.stamp_ns, now_ns)


class StateCheck:
    """Finite, sized, fresh, not older than the last one, and near to where the arm was.

    Seven joints are faster to look at as a list than as an array.

    Attributes:
        position: rad or m, of the last state that was believed, [J]; empty before the first.
    """

    def __init__(
        self, config: SafetyConfig, velocity_limits: FloatArray, position_limits: FloatArray
    ) -> None:
        self.position: list[float] = []
        self._size = len(velocity_limits)
        self._jump_speed: list[float] = (JUMP_FACTOR * velocity_limits).tolist()
        self._slowest = min(self._jump_speed)
        self._turns = [bool(np.isinf(limits).all()) for limits in position_limits]
        self._stamp = StampCheck('state', config.state_timeout, repeats=True)

    def __call__(self, state: JointState | None, now_ns: int) -> Fault | None:
        """The fault of a joint state, or None, and then it is remembered."""
        if state is None:
            return Fault('no_state', 'no joint state')
        position = numbers(state.position, self._size)
        if position is None or numbers(state.velocity, self._size) is None:
            expected = f'state: expected {self._size} finite float64 positions and velocities'
            got = f'{describe(state.position)} and {describe(state.velocity)}'
            return Fault('bad_state', f'{expected}, got {got}', bad=True)
        if max(position) > PLAUSIBLE or min(position) < -PLAUSIBLE:
            return Fault('bad_state', f'state: expected |q| <= {PLAUSIBLE:g}', bad=True)
        last_ns = self._stamp.last_ns
        fault = self._stamp(state.stamp_ns, now_ns)
        if fault is None and self.position and last_ns is not None:
            fault = self._jump(position, (state.stamp_ns - last_ns) * 1e-9)
            # A sample that is rejected leaves no trace.
            self._stamp.last_ns = state.stamp_ns if fault is None else last_ns
        if fault is None:
            self.position = position
        return fault

    def _jump(self, position: list[float], dt: float) -> Fault | None:
        """A step that no arm can make in dt; none where the clock was set back (dt < 0)."""
        if dt < 0:
            return None
        steps = map(abs, map(operator.sub, position, self.position))
        if max(steps) <= self._slowest * dt + ROUNDING:
            return None
        limits = zip(position, self.position, self._jump_speed, self._turns, strict=True)
        for joint, (now, last, speed, turns) in enumerate(limits):
            step, allowed = abs(now - last), speed * dt + ROUNDING
            # The angle of a joint without limits may wrap by a whole turn.
            if step > allowed and not (turns and abs(math.remainder(step, math.tau)) <= allowed):
                text = f'joint {joint} moved {step:.4g} rad, allowed {allowed:.4g} rad'
                return Fault('state_jump', text, bad=True)
        return None
