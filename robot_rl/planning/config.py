# SPDX-License-Identifier: Apache-2.0
"""How motions are planned, and around what."""

from dataclasses import dataclass
from typing import Literal

from robot_rl import ranges

RANGES = {
    'margin': ranges.Range(0, 0.1, 'm', above=True),
    'seconds': ranges.Range(0, 60, 's', above=True),
    'speed_scale': ranges.Range(0, 1, above=True),
    'acceleration': ranges.Range(0, 100, 'rad/s^2', above=True),
    'jerk': ranges.Range(0, 1000, 'rad/s^3', above=True),
}


@dataclass(frozen=True)
class Obstacle:
    """An upright box that the arm must not touch.

    Attributes:
        name: for messages.
        center: m, base frame.
        half: m, half sizes.
    """

    name: str
    center: tuple[float, float, float]
    half: tuple[float, float, float]

    def __post_init__(self) -> None:
        """Refuses a box without volume."""
        if not all(0 < side < 10 for side in self.half):
            raise ValueError(f'obstacle {self.name}: half: expected 0 to 10 m, got {self.half}')


@dataclass(frozen=True)
class MoveItConfig:
    """A MoveIt set-up of the robot, which is the user's.

    Attributes:
        parameters: YAML file of ROS parameters, as `MoveItPy` takes them: description, semantics,
            kinematics, planning pipelines.
        group: planning group of the semantics, which holds the robot's joints.
    """

    parameters: str
    group: str

    def __post_init__(self) -> None:
        """Refuses empty names."""
        for key in ('parameters', 'group'):
            if not getattr(self, key):
                raise ValueError(f"moveit: {key}: expected a name, got ''")


@dataclass(frozen=True)
class PlannerConfig:
    """How motions are planned.

    Attributes:
        kind: who looks for a way; auto: MoveIt where it is installed and `moveit` is given, else
            the embedded planner.
        moveit: its set-up.
        margin: m, that the embedded planner keeps to obstacles and between parts of the arm.
        seconds: of a search.
        speed_scale: share of the URDF's velocity limits.
        acceleration: rad/s^2 or m/s^2, of every joint.
        jerk: rad/s^3 or m/s^3, of every joint.
    """

    kind: Literal['auto', 'moveit', 'embedded'] = 'auto'
    moveit: MoveItConfig | None = None
    margin: float = 0.01
    seconds: float = 5.0
    speed_scale: float = 0.2
    acceleration: float = 1.0
    jerk: float = 5.0

    def __post_init__(self) -> None:
        """Refuses numbers out of range, and MoveIt without set-up."""
        ranges.check(self, RANGES)
        if self.kind == 'moveit' and self.moveit is None:
            raise ValueError('kind: moveit needs the key moveit: {parameters: FILE, group: NAME}')
