# SPDX-License-Identifier: Apache-2.0
"""How far the dynamics of a simulated task vary from episode to episode."""

from dataclasses import dataclass, fields

from robot_rl.ranges import Range

Span = tuple[float, float]

ALLOWED = {
    'friction': Range(0.1, 10),
    'damping': Range(0.1, 10),
    'armature': Range(0, 10, 'kg m^2'),
    'mass': Range(0.1, 10),
    'size': Range(0.5, 2),
    'latency': Range(0, 1, 's'),
    'dropped': Range(0, 0.9),
}


@dataclass(frozen=True)
class RandomizationConfig:
    """Least and greatest of what is drawn, uniformly, at the start of each episode.

    What is absent stays as it is. Dynamics randomization makes a policy bear what no model knows
    exactly (Pinto et al. 2017, section IV-C, does the same for what cameras see).

    Attributes:
        friction: factor of all sliding friction.
        damping: factor of all joints' damping, that of the firmware's stand-in included.
        armature: kg m^2 or kg, added to the inertia of each of the robot's joints.
        mass: factor of the mass of each object, one for each.
        size: factor of the size of each loose object on a table, one for each; its mass
            changes with its cube.
        latency: s, by which every command comes late, in whole control periods.
        dropped: share of the commands that never arrive; the arm then stands still for a control
            period.
    """

    friction: Span = (1.0, 1.0)
    damping: Span = (1.0, 1.0)
    armature: Span = (0.0, 0.0)
    mass: Span = (1.0, 1.0)
    size: Span = (1.0, 1.0)
    latency: Span = (0.0, 0.0)
    dropped: Span = (0.0, 0.0)

    def __post_init__(self) -> None:
        """Refuses numbers out of range, NaN among them, and ranges the wrong way round."""
        for name, allowed in ALLOWED.items():
            low, high = getattr(self, name)
            if not (low in allowed and high in allowed and low <= high):
                raise ValueError(f'{name}: expected low <= high in {allowed}, got {[low, high]}')

    @property
    def varies(self) -> bool:
        """Whether anything differs from the task as it stands."""
        return any(getattr(self, field.name) != field.default for field in fields(self))
