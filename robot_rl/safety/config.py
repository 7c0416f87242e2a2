# SPDX-License-Identifier: Apache-2.0
"""The limits of the safety filter. None has a default: nobody is safe by accident."""

from dataclasses import dataclass

from robot_rl import ranges
from robot_rl.ranges import Range

RANGES = {
    'sphere_center': Range(-3, 3, 'm'),
    'sphere_radius': Range(0, 3, 'm', above=True),
    'sphere_return_speed': Range(0.001, 0.25, 'm/s'),
    'joint_margin': Range(0, 0.5, 'rad'),
    'joint_speed_scale': Range(0.001, 1),
    'tool_speed': Range(0.001, 2, 'm/s'),
    'force': Range(0, 500, 'N', above=True),
    'torque': Range(0, 100, 'N m', above=True),
    'stop_force': Range(0, 500, 'N', above=True),
    'stop_torque': Range(0, 100, 'N m', above=True),
    'state_timeout': Range(0, 1, 's', above=True),
    'command_timeout': Range(0, 1, 's', above=True),
    'bad_input_limit': Range(1, 100),
}


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
        force: N at the wrist, without bias, above which the tool pushes no further; null for a
            robot without a wrist sensor, as the next three.
        torque: N m at the wrist, likewise.
        stop_force: N at the wrist, without bias, that latches a stop.
        stop_torque: N m at the wrist, likewise.
        state_timeout: s, oldest joint state and wrench to act on.
        command_timeout: s, oldest command to pass on.
        bad_input_limit: number of unusable samples of one input in a row that latch a stop.
    """

    sphere_center: tuple[float, float, float]
    sphere_radius: float
    sphere_return_speed: float
    joint_margin: float
    joint_speed_scale: float
    tool_speed: float
    force: float | None
    torque: float | None
    stop_force: float | None
    stop_torque: float | None
    state_timeout: float
    command_timeout: float
    bad_input_limit: int

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
        for name in ('force', 'torque'):
            first, last = getattr(self, name), getattr(self, f'stop_{name}')
            if first is not None and last is not None and not last > first:
                raise ValueError(f'stop_{name}: expected above {name}, {first:g}, got {last:g}')
