# SPDX-License-Identifier: Apache-2.0
"""The last filter before the driver: whatever comes in, an allowed command goes out."""

import math
from collections import Counter

import numpy as np

from robot_rl.safety import rules
from robot_rl.safety.config import SafetyConfig
from robot_rl.safety.inputs import CommandCheck, Fault, StateCheck
from robot_rl.safety.margins import margins
from robot_rl.safety.motion import Motion, Surroundings, ToolKinematics, combine, load_of
from robot_rl.safety.wrench import WrenchCheck
from robot_rl.types import FloatArray, JointCommand, JointState, SafetyResult, Wrench

#: Commands beyond this, in rad/s, m/s, rad or m, are clipped before anything is computed.
HUGE = 1e6

#: Of the command, the state and the wrench.
Faults = tuple[Fault | None, Fault | None, Fault | None]
CLEAN: Faults = (None, None, None)


class SafetyFilter:
    """Checks the inputs, then applies the rules, and says what it did and why.

    A hold is a velocity command of zeros stamped `now_ns`, also for a robot that takes positions:
    its driver keeps the set-point. A command that breaks no rule passes as the very same object.
    A wrench above a limit that stops, contact for too long, several unusable samples of one input
    in a row, or `stop` latch a stop; after `reset_stop` the arm holds until `arm`.

    Attributes:
        stop_reason: why a stop is latched; '' when none is.
        disarmed: why motion waits for `arm`; '' when it does not.
        overload: why motion waits for the machine, see `Deadlines`; '' when it does not.
        inactive: why nothing may pass at all for now; '' when it may.
        detail: the numbers behind the last result's reason; '' when the command passed.
        counts: how often each rule acted.
    """

    def __init__(
        self,
        config: SafetyConfig,
        kinematics: ToolKinematics,
        control_period_s: float,
        stop_reason: str = '',
        surroundings: Surroundings | None = None,
    ) -> None:
        """Reads the arm's limits.

        Args:
            config: the limits.
            kinematics: the arm, with its limits from the URDF.
            control_period_s: time for which a command acts.
            stop_reason: of a stop that was latched before a restart.
            surroundings: of `ahead.surroundings_of`, for the look-ahead.

        Raises:
            InputError: a joint without velocity limit, a margin wider than a joint's range, a
                period that is none, or a look-ahead without surroundings.
        """
        self.stop_reason, self._stop_detail = stop_reason, ''
        self.disarmed = self.overload = self.inactive = self.detail = ''
        self.counts: Counter[str] = Counter()
        self._config = config
        self._kinematics = kinematics
        self._joint_limits = kinematics.velocity_limits, kinematics.position_limits
        self._limits = combine(config, kinematics, control_period_s, surroundings)
        self._zeros = np.zeros(len(kinematics.velocity_limits))
        self._wrench = WrenchCheck(config)
        self._latest: Motion | None = None
        self.reset()

    @property
    def stopped(self) -> bool:
        """Whether a stop is latched."""
        return self.stop_reason != ''

    def reset(self) -> None:
        """Forgets past inputs, as when a simulated arm is put elsewhere; keeps stop and bias."""
        self._command = CommandCheck(self._config, len(self._zeros))
        self._state = StateCheck(self._config, *self._joint_limits)
        self._wrench.forget()
        self._before, self._latest = self._zeros, None
        self._bad = [0, 0, 0]

    def tare(self, wrench: Wrench) -> None:
        """Takes a wrench in free space as the bias of all that follow: the tool's weight.

        The bias is constant in the tool's frame, hence right only near the orientation in which
        it was taken. Without it the raw wrench is held against the limits.

        Raises:
            InputError: the wrench is unusable, or itself above a limit.
        """
        self._wrench.tare(wrench)

    def stop(self, reason: str, detail: str = '') -> None:
        """Latches a stop; the first reason stays, with its numbers."""
        if not self.stopped:
            self.stop_reason, self._stop_detail = reason or 'stop', detail

    def reset_stop(self) -> None:
        """Unlatches the stop; motion still waits for `arm`, with the whole contact budget."""
        if self.stopped:
            self.stop_reason, self.disarmed = '', 'the stop was reset'
            self._bad = [0, 0, 0]
            self._wrench.renew()

    def disarm(self, reason: str) -> None:
        """Holds until `arm`."""
        self.disarmed = reason or 'disarmed'

    def arm(self) -> None:
        """Allows motion after a stop was reset; before the reset it does nothing."""
        self.disarmed = ''

    def filter(
        self,
        command: JointCommand | None,
        state: JointState | None,
        wrench: Wrench | None,
        now_ns: int,
    ) -> SafetyResult:
        """The command to obey in place of `command`.

        Args:
            command: what is asked for; None when nothing new came in time.
            state: newest joint state.
            wrench: newest wrench, at and in the tool frame, bias included.
            now_ns: time on the clock of the stamps; the state's stamp in lock step.
        """
        faults = (
            self._command(command, now_ns),
            self._state(state, now_ns),
            self._wrench(wrench, now_ns),
        )
        if faults == CLEAN:
            self._bad = [0, 0, 0]
        else:
            self._count_bad(faults)
        motion = self._motion(state) if state is not None and faults[1] is None else None
        self._latest = motion
        requested, velocity = self._request(command, state, motion)
        reason = self._hold_reason(faults)
        if reason or command is None or state is None or motion is None:
            return self._hold(requested, velocity, motion, reason, now_ns)
        return self._pass(command, state, velocity, motion)

    def margins(self) -> dict[str, float]:
        """Distance of the last result to each limit, see `margins`; empty without a state."""
        latest, touch = self._latest, self._wrench
        return margins(self._before, latest, touch.free, touch.seconds_left) if latest else {}

    def _count_bad(self, faults: Faults) -> None:
        """Latches a stop on a fault that calls for it, and on too many bad samples in a row."""
        for index, fault in enumerate(faults):
            if fault is None:
                self._bad[index] = 0
                continue
            self._bad[index] += fault.bad
            if fault.latch or self._bad[index] >= self._config.bad_input_limit:
                self.stop(fault.rule, fault.detail)

    def _hold_reason(self, faults: Faults) -> str:
        if self.stopped:
            self.detail = self._stop_detail
            return self.stop_reason
        if self.inactive:
            self.detail = self.inactive
            return 'inactive'
        if self.disarmed:
            self.detail = f'{self.disarmed}; waiting to be armed'
            return 'disarmed'
        if self.overload:
            self.detail = self.overload
            return 'overload'
        fault = faults[0] or faults[1] or faults[2]
        self.detail = fault.detail if fault else ''
        return fault.rule if fault else ''

    def _motion(self, state: JointState) -> Motion:
        tool, touch = self._kinematics.evaluate(state.position), self._wrench
        (x, y, z), (cx, cy, cz) = tool.position_xyz.tolist(), self._config.sphere_center
        away = (x - cx, y - cy, z - cz)
        return Motion(
            limits=self._limits,
            position=self._state.position,
            jacobian=tool.jacobian,
            linear=tool.jacobian[:3],
            tool=(x, y, z),
            from_center=away,
            distance=math.hypot(*away),
            before=self._before,
            load=load_of(touch.contact, tool.rotation) if touch.contact else None,
            worn=load_of(touch.worn, tool.rotation) if touch.worn else None,
        )

    def _request(
        self, command: JointCommand | None, state: JointState | None, motion: Motion | None
    ) -> tuple[FloatArray, FloatArray]:
        """What was asked, and the joint velocity that it means; NaN and zero where unusable."""
        values = self._command.values
        if command is None or values is None:
            return np.full(len(self._zeros), np.nan), self._zeros
        value = command.value
        if max(values) > HUGE or min(values) < -HUGE:
            value = np.clip(value, -HUGE, HUGE)
        if command.mode == 'velocity':
            return command.value, value
        if command.mode != 'position' or state is None or motion is None:
            return command.value, self._zeros
        return command.value, (value - state.position) / self._limits.period_s

    def _hold(
        self,
        requested: FloatArray,
        velocity: FloatArray,
        motion: Motion | None,
        reason: str,
        now_ns: int,
    ) -> SafetyResult:
        self.counts[reason] += 1
        self._before = self._zeros
        delta = np.zeros(3) if motion is None else -(motion.linear @ velocity)
        command = JointCommand(now_ns, 'velocity', np.zeros(len(self._zeros)))
        return SafetyResult(command, requested, reason, self.stopped, delta)

    def _pass(
        self, command: JointCommand, state: JointState, velocity: FloatArray, motion: Motion
    ) -> SafetyResult:
        kept, acted = rules.apply(velocity, motion)
        self._before = kept
        if not acted:
            return SafetyResult(command, command.value, '', False, np.zeros(3))
        self.counts.update(acted)
        self.detail = ', '.join(acted)
        delta = motion.linear @ (kept - velocity)
        changed = self._command_for(kept, command, state)
        return SafetyResult(changed, command.value, acted[-1], False, delta)

    def _command_for(
        self, velocity: FloatArray, command: JointCommand, state: JointState
    ) -> JointCommand:
        """A velocity in the command's own mode; standing still is a hold in either."""
        if command.mode == 'velocity' or not velocity.any():
            return JointCommand(command.stamp_ns, 'velocity', velocity)
        goal = state.position + velocity * self._limits.period_s
        return JointCommand(command.stamp_ns, 'position', goal)
