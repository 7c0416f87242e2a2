# SPDX-License-Identifier: Apache-2.0
"""The last hop before the motors: obeys one publisher, and holds when it falls silent.

The core is pure. Silence is measured on a monotonic clock at reception; a command's stamp serves
for its order and its age only. The same core ends the chain on a real robot and in simulation.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np

from robot_rl.control.admission import Admission, Watchdog
from robot_rl.control.driver_config import DriverConfig, DriverKind
from robot_rl.errors import InputError
from robot_rl.types import CommandMode, FloatArray, JointCommand

DriverState = Literal['disarmed', 'armed', 'holding', 'stopped']

#: Command modes that each adapter can express.
MODES: dict[DriverKind, tuple[CommandMode, ...]] = {
    'joint_trajectory': ('velocity', 'position'),
    'velocity_array': ('velocity',),
    'position_array': ('velocity', 'position'),
    'effort_array': ('velocity', 'position'),
    'servo_twist': ('velocity',),
    'intera': ('velocity',),
    'kinova': ('velocity',),
}


@dataclass(frozen=True, slots=True)
class Setpoint:
    """What goes to the motors now.

    Attributes:
        state: of the driver, and why it is not armed in `reason`.
        mode: of the last command; says which of the two arrays leads.
        position: rad or m, [J].
        velocity: rad/s or m/s, [J]; zeros in position mode.
    """

    state: DriverState
    reason: str
    mode: CommandMode
    position: FloatArray
    velocity: FloatArray


class Driver:
    """Accepts safe commands and gives the set-point to send at the driver's own rate.

    Disarmed, it holds; armed, it executes the last accepted command; holding, it decelerates
    because commands ended, and a fresh one continues; stopped is latched. Resetting a stop leads
    to disarmed, and arming is an act of its own.

    Attributes:
        state: as above.
        reason: why it is in this state; '' when armed.
        refusal: why the last command was refused; '' when it was accepted.
        refused: number of refused commands by cause.
    """

    def __init__(self, config: DriverConfig, joints: tuple[str, ...]) -> None:
        config.check_joints(joints)
        self.state: DriverState = 'disarmed'
        self.reason = 'not armed yet'
        self.refusal = ''
        self.refused: Counter[str] = Counter()
        self._config = config
        self._size, self._joints = len(joints), joints
        self._deceleration = np.array(config.deceleration)
        self._watchdog = Watchdog(config.watchdog_s)
        self._half_tick_ns = round(0.5e9 / config.rate_hz)
        self._admission = Admission(
            len(joints), MODES[config.kind], config.watchdog_s, config.rearm_s
        )
        self._ticked_ns = self._tracked_ns = 0
        self._mode: CommandMode = 'velocity'
        self._position: FloatArray | None = None
        self._velocity = np.zeros(self._size)

    def trust(self, publisher_id: bytes) -> None:
        """Obeys this publisher and no other; a change of publisher disarms."""
        if publisher_id != self._admission.publisher:
            self._admission.publisher = publisher_id
            self.disarm('the publisher of commands changed')

    def arm(self, position: FloatArray, now_ns: int) -> None:
        """Allows motion from the measured position on; nothing when it is allowed already.

        Args:
            position: measured, shape [J]; an unusable one raises `InputError`, as does a
                latched stop or a publisher that is not known yet.
            now_ns: monotonic clock.
        """
        if self.state in ('armed', 'holding'):
            return
        if self.state == 'stopped':
            raise InputError(f'driver: reset the stop first: {self.reason}')
        if self._admission.publisher is None:
            raise InputError('driver: the publisher of safe commands is not known yet')
        if np.shape(position) != (self._size,) or not np.isfinite(position).all():
            raise InputError(f'driver: expected {self._size} finite positions, got {position}')
        self._position = np.array(position, dtype=np.float64)
        self._velocity = np.zeros(self._size)
        self._mode = 'velocity'
        self._ticked_ns = self._tracked_ns = now_ns
        self._watchdog.feed(now_ns)
        self.state, self.reason = 'holding', 'armed; no command yet'

    def disarm(self, reason: str = 'disarmed') -> None:
        """Decelerates and holds until armed again; keeps a stop."""
        if self.state != 'stopped':
            self.state, self.reason = 'disarmed', reason

    def stop(self, reason: str) -> None:
        """Latches a stop; the first reason stays."""
        if self.state != 'stopped':
            self.state, self.reason = 'stopped', reason

    def reset_stop(self) -> None:
        """Unlatches; motion still waits for `arm`."""
        if self.state == 'stopped':
            self.state, self.reason = 'disarmed', f'stop was reset: {self.reason}'

    def accept(
        self, command: JointCommand, publisher_id: bytes, age_s: float, now_ns: int
    ) -> bool:
        """Takes a command over, or refuses it and says why in `refusal`.

        Args:
            command: joints in the robot's order (`by_name`).
            publisher_id: GID of who sent it; a stranger's command latches a stop.
            age_s: the stamp's clock at reception less the command's stamp.
            now_ns: monotonic clock at reception.
        """
        self._watch(now_ns)
        cause, text = self._admission.refuse(command, publisher_id, age_s)
        if cause == 'publisher' and self._admission.publisher is not None:
            self.stop(text)
        elif not cause and self.state in ('disarmed', 'stopped'):
            cause, text = self.state, f'driver is {self.state}: {self.reason}'
        self.refusal = text
        if cause:
            self.refused[cause] += 1
            return False
        self._watchdog.feed(now_ns)
        self._take(command)
        self.state, self.reason = 'armed', ''
        return True

    def tick(self, now_ns: int, measured: FloatArray | None = None) -> Setpoint | None:
        """The set-point to send now; None before the robot was armed for the first time.

        Args:
            now_ns: monotonic clock.
            measured: joint positions, shape [J]; bounds the set-point's lead.
        """
        self._watch(now_ns)
        if self._position is None:
            return None
        dt = max(0.0, (now_ns - self._ticked_ns) * 1e-9)
        self._ticked_ns = now_ns
        if self.state != 'armed':
            self._decelerate(dt)
        if self._mode == 'velocity':
            self._position = self._advance(self._position, dt, measured)
        self._track(self._position, measured, now_ns)
        return Setpoint(self.state, self.reason, self._mode, self._position, self._velocity)

    def _take(self, command: JointCommand) -> None:
        self._mode = command.mode
        if command.mode == 'position':
            self._position = np.array(command.value, dtype=np.float64)
            self._velocity = np.zeros(self._size)
        else:
            self._velocity = np.array(command.value, dtype=np.float64)

    def _watch(self, now_ns: int) -> None:
        silence = self._watchdog.silence_s(now_ns)
        nearest_ns = now_ns + self._half_tick_ns  # the tick that is nearest to the limit holds
        if self.state == 'armed' and self._watchdog.expired(nearest_ns):
            self.state, self.reason = 'holding', f'no command for {silence:.3f} s'
        if self.state == 'holding' and silence > self._config.rearm_s:
            self.disarm(f'no command for {silence:.3f} s')

    def _track(self, wanted: FloatArray, measured: FloatArray | None, now_ns: int) -> None:
        """Stops an arm that does not follow."""
        limit = self._config.tracking_error
        if limit is None or measured is None or self.state != 'armed':
            self._tracked_ns = now_ns
            return
        behind = np.abs(wanted - measured)
        if not behind.max() > limit:
            self._tracked_ns = now_ns
        elif now_ns - self._tracked_ns > self._config.watchdog_s * 1e9:
            joint = int(behind.argmax())
            self.stop(
                f'{self._joints[joint]} is {behind[joint]:.3f} rad behind, {limit:g} allowed'
            )

    def _decelerate(self, dt: float) -> None:
        """Slows all joints along the path they are on."""
        stop_s = float(np.max(np.abs(self._velocity) / self._deceleration))
        if stop_s:
            self._velocity = self._velocity * max(0.0, 1.0 - dt / stop_s)

    def _advance(self, position: FloatArray, dt: float, measured: FloatArray | None) -> FloatArray:
        ahead = position + self._velocity * dt
        if measured is None or not np.isfinite(measured).all():
            return ahead
        return np.clip(ahead, measured - self._config.lead, measured + self._config.lead)
