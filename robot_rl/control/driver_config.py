# SPDX-License-Identifier: Apache-2.0
"""How a real robot is driven, as its YAML says."""

from dataclasses import dataclass, field
from typing import Literal

from robot_rl import ranges
from robot_rl.errors import InputError

DriverKind = Literal['joint_trajectory', 'velocity_array']

RANGES = {
    'rate_hz': ranges.Range(0, 1000, 'Hz', above=True),
    'deceleration': ranges.Range(0, 100, 'rad/s^2', above=True),
    'watchdog_s': ranges.Range(0, 0.5, 's', above=True),
    'rearm_s': ranges.Range(0, 10, 's', above=True),
    'horizon_s': ranges.Range(0, 1, 's', above=True),
    'lead': ranges.Range(0, 1, 'rad', above=True),
    'tracking_error': ranges.Range(0, 1, 'rad', above=True),
}


@dataclass(frozen=True)
class DriverConfig:
    """How a robot is driven.

    Attributes:
        kind: which adapter turns set-points into the vendor's messages.
        command_topic: where they go.
        state_topic: where the robot's joint states come from.
        rate_hz: how often a set-point is sent.
        deceleration: rad/s^2 or m/s^2 per joint, used when commands end, shape [J].
        watchdog_s: silence after which the robot decelerates and holds.
        rearm_s: silence after which it must be armed again.
        horizon_s: `time_from_start` of a trajectory's point; longer than one sending period.
        lead: rad or m; the integrated set-point runs at most this far ahead of a blocked joint.
        tracking_error: rad or m, less than `lead`; a joint that stays further behind its set-point
            for as long as the watchdog waits latches a stop; null for none.
        names: the vendor's joint names by ours; ours where it says nothing.
    """

    kind: DriverKind
    command_topic: str
    state_topic: str
    rate_hz: float
    deceleration: tuple[float, ...]
    watchdog_s: float = 0.1
    rearm_s: float = 1.0
    horizon_s: float = 0.05
    lead: float = 0.1
    tracking_error: float | None = None
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuses numbers out of range and times in the wrong order."""
        ranges.check(self, RANGES)
        if not self.rearm_s > self.watchdog_s:
            raise ValueError(f'rearm_s: expected more than watchdog_s, got {self.rearm_s:g} s')
        slowest = 1 / min(self.watchdog_s, self.horizon_s)
        if not self.rate_hz >= slowest:
            raise ValueError(f'rate_hz: expected at least {slowest:g} Hz, got {self.rate_hz:g} Hz')
        if self.tracking_error is not None and not self.tracking_error < self.lead:
            raise ValueError(
                f'tracking_error: expected less than lead, {self.lead:g} rad, '
                f'got {self.tracking_error:g} rad'
            )
        if len(set(self.names.values())) != len(self.names):
            raise ValueError('names: two joints are given the same name')

    def check_joints(self, joints: tuple[str, ...]) -> None:
        """Raises `InputError` unless there is one deceleration a joint and every name is known."""
        if len(self.deceleration) != len(joints):
            got = f'got {len(self.deceleration)}'
            raise InputError(f'driver: deceleration: expected {len(joints)} values, {got}')
        for name in self.names:
            if name not in joints:
                raise InputError(f'driver: names: no joint {name!r}; known: {list(joints)}')
