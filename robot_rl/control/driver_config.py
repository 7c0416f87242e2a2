# SPDX-License-Identifier: Apache-2.0
"""How a real robot is driven, as its YAML says."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from robot_rl import ranges
from robot_rl.errors import InputError

DriverKind = Literal[
    'joint_trajectory',
    'velocity_array',
    'position_array',
    'effort_array',
    'servo_twist',
    'intera',
    'kinova',
]
GripperKind = Literal['gripper_command', 'position_array', 'intera', 'kinova']

RANGES = {
    'rate_hz': ranges.Range(0, 1000, 'Hz', above=True),
    'deceleration': ranges.Range(0, 100, 'rad/s^2', above=True),
    'watchdog_s': ranges.Range(0, 0.5, 's', above=True),
    'rearm_s': ranges.Range(0, 10, 's', above=True),
    'horizon_s': ranges.Range(0, 1, 's', above=True),
    'lead': ranges.Range(0, 1, 'rad', above=True),
    'tracking_error': ranges.Range(0, 1, 'rad', above=True),
}

KINOVA_HZ = 100.0  # its firmware moves as told at this rate alone


@dataclass(frozen=True)
class GripperDriver:
    """How the fingers of a real robot are driven: by where they shall be.

    Attributes:
        kind: which adapter turns the leading finger's set-point into the vendor's messages.
        command_topic: where they go; of an action its name.
        scale: vendor's units for one rad or m of the leading finger joint.
        offset: vendor's units where that joint is at zero.
        step: vendor's units; less of a change is not sent.
        rate_hz: how often a change is sent at most.
        effort: N, most that the fingers may squeeze with; kind gripper_command.
    """

    kind: GripperKind
    command_topic: str
    scale: float
    step: float
    offset: float = 0.0
    rate_hz: float = 10.0
    effort: float = 0.0

    def __post_init__(self) -> None:
        """Refuses numbers without meaning."""
        if not (self.scale and self.step > 0 and self.rate_hz > 0 and self.effort >= 0):
            raise ValueError(
                'gripper: expected scale not 0, step and rate_hz above 0, effort 0 or above, got '
                f'{self.scale:g}, {self.step:g}, {self.rate_hz:g}, {self.effort:g}'
            )


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
        stiffness: N m/rad or N/m per joint, of the pull to the set-point; kind effort_array.
        damping: N m s/rad or N s/m per joint, likewise.
        gripper: how the fingers are driven; null where a robot's fingers stay as they are.
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
    stiffness: tuple[float, ...] = ()
    damping: tuple[float, ...] = ()
    gripper: GripperDriver | None = None

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
        if self.kind == 'kinova' and self.rate_hz != KINOVA_HZ:
            raise ValueError(f'rate_hz: kinova expects {KINOVA_HZ:g} Hz, got {self.rate_hz:g} Hz')
        if bool(self.stiffness and self.damping) != (self.kind == 'effort_array'):
            raise ValueError('stiffness, damping: for kind effort_array, which needs both')

    def vendor_names(self, joints: Sequence[str]) -> tuple[str, ...]:
        """What the robot's own controllers call these joints."""
        return tuple(self.names.get(joint, joint) for joint in joints)

    def check_joints(self, joints: tuple[str, ...]) -> None:
        """Raises `InputError` unless there is one number a joint and every name is known."""
        self.check_count('deceleration', len(joints))
        for name in self.names:
            if name not in joints:
                raise InputError(f'driver: names: no joint {name!r}; known: {list(joints)}')

    def check_count(self, key: str, count: int) -> None:
        """Raises `InputError` unless a key has one number for each of so many joints."""
        if len(values := getattr(self, key)) != count:
            raise InputError(f'driver: {key}: expected {count} values, got {len(values)}')
