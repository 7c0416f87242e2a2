# SPDX-License-Identifier: Apache-2.0
"""Arbitrary commands, states, times and orders for the safety filter, and what came of them.

Each sequence has limits of its own around a posture of its own. The arm follows what the filter
passes, with errors; anything may be missing, late, early, ill-sized, not finite, huge or twice,
and stops, resets and arming come at any time.
"""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.safety_draws import ARMS, Arm, Draws, limits_around
from benchmarks.safety_judge import Moves, Pressing, complaints
from robot_rl.safety.filter import SafetyFilter
from robot_rl.types import FloatArray, JointCommand, JointState, SafetyResult, Wrench

PERIOD_NS = 50_000_000
PERIOD_S = PERIOD_NS * 1e-9
#: Calls of one filter.
STEPS = 60
LATE_MS = (-120.0, -50.0, 90.0, 120.0, 1e7, -1e7)


@dataclass
class Tally:
    """What came of the cases.

    Attributes:
        cases: calls of the filter.
        moving: of them, with a command that moves the arm.
        reasons: how often each rule had the last word.
        violations: what no filter may let pass; empty when all is well.
    """

    cases: int = 0
    moving: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)


def run(cases: int, seed: int = 0, to_the_first: bool = False) -> Tally:
    """Feeds as many inputs to filters and judges what comes out; or ends at a violation."""
    rng, tally = np.random.default_rng(seed), Tally()
    arms, draws = [Arm(name) for name in ARMS], Draws(rng)
    while tally.cases < cases and not (to_the_first and tally.violations):
        _Sequence(arms[int(rng.integers(len(arms)))], rng, draws).play(tally)
    return tally


class _Sequence:
    """One filter, one arm, and what is sent to them."""

    def __init__(self, arm: Arm, rng: np.random.Generator, draws: Draws) -> None:
        self._arm, self._rng, self._size = arm, rng, len(arm.home)
        self._draws = draws
        wild = rng.random() < 0.15
        spread = (arm.lower, arm.upper) if wild else (arm.home - 0.3, arm.home + 0.3)
        self._position = np.clip(rng.uniform(*spread), arm.lower - 0.05, arm.upper + 0.05)
        self._limits = limits_around(arm.kinematics.evaluate(self._position).position_xyz, rng)
        self._model = arm.model if self._limits.look_ahead else None
        self._filter = SafetyFilter(
            self._limits, arm.kinematics, PERIOD_S, surroundings=self._model
        )
        self._now_ns, self._stamp_ns = 10**10, 0
        self._before = np.zeros(self._size)
        self._pressing = Pressing(self._limits)
        self._speed = 10.0 ** rng.uniform(-2, 1)
        self._aim = rng.normal(size=self._size)

    def play(self, tally: Tally) -> None:
        """Feeds all steps; adds to the tally."""
        rows: list[tuple[Any, ...]] = []
        for _ in range(STEPS):
            self._interfere()
            command, state, wrench = self._command(), self._state(), self._wrench()
            worn = self._pressing.take(wrench, self._now_ns)
            result = self._filter.filter(command, state, wrench, self._now_ns)
            tally.cases += 1
            tally.reasons[result.reason] += 1
            wrong = self._misfit(result, command, state)
            if wrong:
                tally.violations.append(f'case {tally.cases}: {wrong}')
                return
            velocity = self._velocity(result.command, state)
            if velocity.any() and state is not None:
                tally.moving += 1
                rows.append((*self._row(velocity, state, wrench), worn))
            self._before = velocity
            self._move(velocity)
        if rows:
            kinematics, moves = self._arm.kinematics, Moves.of(rows)
            found = complaints(moves, kinematics, self._limits, PERIOD_S, self._model)
            tally.violations += [f'before case {tally.cases}: {name}' for _, name in found]

    def _row(
        self, velocity: FloatArray, state: JointState, wrench: Wrench | None
    ) -> tuple[FloatArray, ...]:
        tool, touch = self._arm.kinematics.evaluate(state.position), np.zeros(6)
        if wrench is not None and self._limits.force is not None:
            touch = np.concatenate((wrench.force_xyz, wrench.torque_xyz))
        pose = tool.position_xyz, tool.rotation, tool.jacobian
        return (velocity, state.position, self._before, *pose, touch)

    def _misfit(
        self, result: SafetyResult, command: JointCommand | None, state: JointState | None
    ) -> str:
        """What is wrong with an answer whatever the limits are; '' where nothing is."""
        out = result.command
        if out.mode not in ('velocity', 'position') or out.value.shape != (self._size,):
            return f'mode {out.mode!r}, shape {out.value.shape}'
        values = out.value.tolist()
        if not all(map(math.isfinite, (*values, *result.tool_delta_xyz.tolist()))):
            return 'not finite'
        if out.mode == 'velocity' and not any(values):
            return ''
        if result.stopped or self._filter.stopped or self._filter.disarmed:
            return 'moves while stopped or disarmed'
        if command is None or state is None or not _sane(state, self._size):
            return 'moves without a command or a state'
        for sent in (command, state):
            if abs(self._now_ns - sent.stamp_ns) > 100_000_000:
                return f'moves on what is {(self._now_ns - sent.stamp_ns) * 1e-9:.3f} s old'
        if not (command.value.shape == (self._size,) and np.isfinite(command.value).all()):
            return 'moves on an unusable command'
        return ''

    def _velocity(self, command: JointCommand, state: JointState | None) -> FloatArray:
        if command.mode == 'velocity' or state is None:
            return command.value
        return (command.value - state.position) / PERIOD_S

    def _move(self, velocity: FloatArray) -> None:
        late = self._draws.share() < 0.05
        self._now_ns += self._late_ns() if late else PERIOD_NS
        error = self._draws.normal(self._size) * 1e-3
        self._position = self._position + velocity * PERIOD_S + error

    def _interfere(self) -> None:
        """Now and then a person or a program does something."""
        which = self._draws.share()
        if which < 0.01:
            self._filter.stop('a person')
        elif which < 0.015:
            self._filter.disarm('another controller')
        elif which < 0.02:
            self._filter.reset()
            self._before = np.zeros(self._size)
            self._pressing = Pressing(self._limits)
        elif which < 0.2:
            if self._filter.stopped:
                self._pressing.renew()
            self._filter.reset_stop()
        if which > 0.6:
            self._filter.arm()

    def _command(self) -> JointCommand | None:
        draws, mode = self._draws, 'velocity'
        if draws.share() < 0.1:
            self._aim = draws.normal(self._size)
        value = self._aim * (self._speed * draws.one_of((1.0, 1.0, 0.1, 0.0)))
        if draws.share() < 0.4:
            mode, value = 'position', self._position + value * PERIOD_S
        odd = draws.share()
        if odd < 0.03:
            return None
        if odd < 0.04:
            mode = 'effort'
        return JointCommand(self._stamp(), mode, self._spoilt(value))  # type: ignore[arg-type]

    def _state(self) -> JointState | None:
        which, position = self._draws.share(), self._position
        if which < 0.01:
            return None
        if which < 0.02:
            position = self._rng.uniform(self._arm.lower, self._arm.upper)
        return JointState(self._stamp(), self._spoilt(position), np.zeros(self._size))

    def _wrench(self) -> Wrench | None:
        draws = self._draws
        if draws.share() < 0.01:
            return None
        force = draws.normal(3) * draws.one_of((1.0, 1.0, 1.0, 12.0, 30.0, 50.0))
        torque = draws.normal(3) * draws.one_of((0.1, 0.1, 3.0))
        return Wrench(self._stamp(), self._spoilt(force), self._spoilt(torque))

    def _stamp(self) -> int:
        return self._now_ns if self._draws.share() < 0.98 else self._now_ns + self._late_ns()

    def _late_ns(self) -> int:
        return round(self._draws.one_of(LATE_MS)) * 1_000_000

    def _spoilt(self, value: FloatArray) -> FloatArray:
        """The value itself, or one time in a hundred one that nobody should send."""
        which = self._draws.share()
        if which > 0.01:
            return value
        if which > 0.006:
            value = value.copy()
            value[0] = self._draws.one_of((math.nan, math.inf, -math.inf))
            return value
        if which > 0.003:
            return np.sign(value) * self._draws.one_of((1e6, 1e200, 1.7e308))
        return value[: int(self._draws.share() * len(value))]


def _sane(state: JointState, size: int) -> bool:
    sized = state.position.shape == (size,)
    return sized and bool(np.isfinite(state.position).all())
