# SPDX-License-Identifier: Apache-2.0
"""How far a motion stays from each limit, for people and logs; nothing is decided here."""

import math

from robot_rl.safety import boxes
from robot_rl.safety.motion import Motion
from robot_rl.types import FloatArray


def margins(
    velocity: FloatArray,
    motion: Motion,
    wrench: tuple[float, ...] = (),
    contact_seconds: float | None = None,
) -> dict[str, float]:
    """Distance to each limit by name; below 0 beyond it.

    Args:
        velocity: rad/s or m/s, as passed on, [J].
        motion: where the arm is.
        wrench: force and torque without bias, N and N m, six values or none.
        contact_seconds: that are left of the contact budget; None without one.

    Returns:
        joint_position: rad or m, of the joint that is nearest to its limit less the margin.
        joint_speed: share of the limit that is left to the joint nearest to it.
        tool_speed: m/s.
        sphere: m to its surface.
        box: m to the nearest face, where there are boxes.
        singularity: by which the condition number may still rise, where it is limited.
        force: N, torque: N m, until the tool pushes no further, where they are limited.
        contact_budget: s of contact until the tool pushes no further, where there is a budget.
    """
    limits, config = motion.limits, motion.limits.config
    ends = zip(motion.position, limits.lower, limits.upper, strict=True)
    found = {
        'joint_position': min(min(q - low, high - q) for q, low, high in ends),
        'joint_speed': 1.0 - motion.joint_share(velocity),
        'tool_speed': config.tool_speed - math.hypot(*motion.tool_velocity(velocity)),
        'sphere': config.sphere_radius - motion.distance,
    }
    rooms = [room for _, room in boxes.faces(motion)]
    if rooms:
        found['box'] = min(rooms)
    if config.condition_stop is not None:
        found['singularity'] = config.condition_stop - motion.condition
    for name, values in (('force', wrench[:3]), ('torque', wrench[3:])):
        limit = getattr(config, name)
        if limit is not None and values:
            found[name] = limit - math.hypot(*values)
    if contact_seconds is not None:
        found['contact_budget'] = contact_seconds
    return found
