# SPDX-License-Identifier: Apache-2.0
"""The limits of the safety filter: those of motion have no default, nobody is safe by accident.

Volumes besides the sphere, the limit of acceleration, the contact budget and the look-ahead are
there where they are configured.
"""

import math
from dataclasses import dataclass

from robot_rl import ranges
from robot_rl.ranges import Range
from robot_rl.safety.budget import ContactBudget

RANGES = {
    'sphere_center': Range(-3, 3, 'm'),
    'sphere_radius': Range(0, 3, 'm', above=True),
    'sphere_return_speed': Range(0.001, 0.25, 'm/s'),
    'joint_margin': Range(0, 0.5, 'rad'),
    'joint_speed_scale': Range(0.001, 1),
    'joint_acceleration': Range(0.1, 500, 'rad/s^2'),
    'tool_speed': Range(0.001, 2, 'm/s'),
    'condition_slow': Range(1, 500),
    'condition_stop': Range(1, 500, above=True),
    'force': Range(0, 500, 'N', above=True),
    'torque': Range(0, 100, 'N m', above=True),
    'stop_force': Range(0, 500, 'N', above=True),
    'stop_torque': Range(0, 100, 'N m', above=True),
    'state_timeout': Range(0, 1, 's', above=True),
    'command_timeout': Range(0, 1, 's', above=True),
    'bad_input_limit': Range(1, 100),
}

LOOK_RANGES = {
    'seconds': Range(0.01, 1, 's'),
    'margin': Range(0, 0.1, 'm', above=True),
}

#: Smallest side of a box, m, so that there is room to turn round in it.
LEAST_SIDE_M = 0.02


@dataclass(frozen=True)
class Box:
    """An upright box in the base frame.

    Attributes:
        low: least x, y, z, m.
        high: greatest x, y, z, m.
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]

    def __post_init__(self) -> None:
        """Refuses corners out of range, swapped ones, and a box without room."""
        ranges.check(self, {'low': Range(-3, 3, 'm'), 'high': Range(-3, 3, 'm')})
        for axis, low, high in zip('xyz', self.low, self.high, strict=True):
            if not high - low >= LEAST_SIDE_M:
                raise ValueError(
                    f'high: {axis}: expected at least {LEAST_SIDE_M:g} m above low, {low:g} m, '
                    f'got {high:g} m'
                )


@dataclass(frozen=True)
class LookAhead:
    """How far ahead collisions of the whole arm are looked for.

    Attributes:
        seconds: for which the commanded motion is thought to go on: the time that the arm needs
            to come to rest.
        margin: m, that is kept to obstacles and between parts of the arm.
        tool_may_touch: whether what the last joint moves, hand and fingers, may come near to
            obstacles, where a task is done; it is still kept from the arm itself.
    """

    seconds: float
    margin: float
    tool_may_touch: bool = True

    def __post_init__(self) -> None:
        """Refuses numbers out of range."""
        ranges.check(self, LOOK_RANGES)


@dataclass(frozen=True)
class SafetyConfig:
    """What no command may exceed, whoever gives it.

    Attributes:
        sphere_center: m, base frame, of the ball that the tool stays in.
        sphere_radius: m.
        sphere_return_speed: m/s, of the push towards the centre at the ball's surface, and the
            fastest that the tool moves when it is found outside.
        joint_margin: rad or m, kept to the URDF's position limits.
        joint_speed_scale: share of the URDF's velocity limits.
        tool_speed: m/s.
        condition_slow: condition number of the tool's Jacobian (m and rad) from which on the arm
            may only approach a singularity more slowly; null with `condition_stop` for an arm
            with so few joints that the number means nothing.
        condition_stop: at which it may approach it no further.
        force: N at the wrist, without bias, above which the tool pushes no further; null for a
            robot without a wrist sensor, as the next three.
        torque: N m at the wrist, likewise.
        stop_force: N at the wrist, without bias, that latches a stop.
        stop_torque: N m at the wrist, likewise.
        state_timeout: s, oldest joint state and wrench to act on.
        command_timeout: s, oldest command to pass on.
        bad_input_limit: number of unusable samples of one input in a row that latch a stop.
        joint_acceleration: rad/s^2 or m/s^2, by which a joint may gain speed; losing it is free.
        keep_in: that the tool stays in, besides the sphere.
        keep_out: that the tool stays out of.
        look_ahead: for collisions of the whole arm.
        contact_budget: for how long the tool may press below `force` and `torque`.
    """

    sphere_center: tuple[float, float, float]
    sphere_radius: float
    sphere_return_speed: float
    joint_margin: float
    joint_speed_scale: float
    tool_speed: float
    condition_slow: float | None
    condition_stop: float | None
    force: float | None
    torque: float | None
    stop_force: float | None
    stop_torque: float | None
    state_timeout: float
    command_timeout: float
    bad_input_limit: int
    joint_acceleration: float | None = None
    keep_in: Box | None = None
    keep_out: tuple[Box, ...] = ()
    look_ahead: LookAhead | None = None
    contact_budget: ContactBudget | None = None

    def __post_init__(self) -> None:
        """Refuses numbers out of range, NaN among them, and limits that contradict each other."""
        ranges.check(self, RANGES)
        if len(self.sphere_center) != 3:
            raise ValueError(f'sphere_center: expected x, y, z, got {self.sphere_center}')
        if not self.sphere_return_speed <= self.tool_speed:
            raise ValueError(
                f'sphere_return_speed: expected at most tool_speed, {self.tool_speed:g} m/s, '
                f'got {self.sphere_return_speed:g} m/s'
            )
        self._check_condition()
        self._check_volumes()
        for name in ('force', 'torque'):
            first, last = getattr(self, name), getattr(self, f'stop_{name}')
            if first is not None and last is not None and not last > first:
                raise ValueError(f'stop_{name}: expected above {name}, {first:g}, got {last:g}')
        self._check_budget()

    def _check_budget(self) -> None:
        for name in ('force', 'torque'):
            counted, most = getattr(self.contact_budget, name, None), getattr(self, name)
            if counted is None:
                continue
            if most is None:
                raise ValueError(f'contact_budget: {name}: expected null as {name} is null')
            if not counted < most:
                raise ValueError(
                    f'contact_budget: {name}: expected below {name}, {most:g}, got {counted:g}'
                )

    def _check_condition(self) -> None:
        slow, stop = self.condition_slow, self.condition_stop
        if (slow is None) != (stop is None):
            raise ValueError('condition_stop: expected null exactly where condition_slow is')
        if slow is not None and stop is not None and not stop > slow:
            raise ValueError(
                f'condition_stop: expected above condition_slow, {slow:g}, got {stop:g}'
            )

    def _check_volumes(self) -> None:
        center, radius = self.sphere_center, self.sphere_radius
        if self.keep_in is not None:
            sides = zip(self.keep_in.low, center, self.keep_in.high, strict=True)
            away = math.dist(center, [min(max(c, low), high) for low, c, high in sides])
            if not away < radius:
                raise ValueError(
                    f'keep_in: {away:.2f} m from the centre of the sphere, beyond its radius of '
                    f'{radius:g} m'
                )
        for box in self.keep_out:
            sides = zip(box.low, center, box.high, strict=True)
            if all(low <= c - radius and c + radius <= high for low, c, high in sides):
                raise ValueError(f'keep_out: no room is left in the sphere of {radius:g} m')
