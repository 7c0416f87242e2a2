# SPDX-License-Identifier: Apache-2.0
"""The limits on motion as an ordered table of pure rules on one joint velocity.

A rule gives back the very array that it was given when that holds, and otherwise the nearest one
that does. Each set of allowed velocities is convex and contains zero, so that shortening a vector
never breaks a rule, standing still is always allowed, and a rule may shorten what it corrected.

    joint_speed      |v_i| <= scale * URDF limit, kept by scaling all joints alike
    tool_speed       |J_v v| <= tool_speed, kept by scaling all joints alike
    joint_position   q + v dt stays in the limits less the margin; beyond them, only the way back
    sphere           p + J_v v dt stays in the ball; outside it, only towards the centre, slowly
    contact          while force or torque is above its limit, the tool does no work against it

J_v are the three rows of the Jacobian that give the tool's linear velocity in the base frame, dt
is the control period. The ball is the bounding sphere of Gu et al. 2016, section IV-B: a velocity
that would leave it is projected onto its surface, plus a velocity towards the centre.
"""

import math
from collections.abc import Callable

import numpy as np

from robot_rl.safety.motion import Motion
from robot_rl.types import FloatArray

#: What rounding may add to a limit, relative for speeds and absolute in rad/s and m elsewhere.
TOLERANCE = 1e-7

#: Damping of the least squares that map a change of tool velocity to the joints, m/rad.
DAMPING = 0.01


def joint_speed(velocity: FloatArray, motion: Motion) -> FloatArray:
    """Scales all joints alike until the fastest keeps its limit; the direction stays."""
    pairs = zip(velocity.tolist(), motion.limits.speed, strict=True)
    excess: float = max([abs(v) / limit for v, limit in pairs])
    return velocity if excess <= 1 + TOLERANCE else velocity / excess


def tool_speed(velocity: FloatArray, motion: Motion) -> FloatArray:
    """Scales all joints alike until the tool keeps its limit; the direction stays."""
    return _slow_tool(velocity, motion, motion.limits.config.tool_speed)


def joint_position(velocity: FloatArray, motion: Motion) -> FloatArray:
    """Stops what leads a joint past its limit less the margin; the other joints go on.

    Stopping some joints can speed up the tool, so its speed is capped once more.
    """
    if _in_limits(velocity, motion):
        return velocity
    kept = np.clip(velocity, *motion.room())
    if float(np.abs(kept - velocity).max()) <= TOLERANCE:
        return velocity
    return tool_speed(kept, motion)


def sphere(velocity: FloatArray, motion: Motion) -> FloatArray:
    """Keeps the tool in the ball, or brings it back (Gu et al. 2016, section IV-B).

    The change of the tool's velocity is mapped to the joints by damped least squares, first with
    the tool's rotation kept as commanded, then with the rotation free. Where neither can be done
    within the joints' limits, the arm stands still.
    """
    tool = _tool_velocity(velocity, motion)
    if _in_sphere(tool, motion):
        return velocity
    config, fastest = motion.limits.config, np.array(motion.limits.speed)
    fastest_tool = config.tool_speed if motion.inside else config.sphere_return_speed
    change = [goal - now for goal, now in zip(_return(tool, motion), tool, strict=True)]
    low, high = motion.room()
    low, high = np.maximum(low, -fastest), np.minimum(high, fastest)
    for rows in (6, 3):
        joints = velocity + _least_squares(motion.jacobian[:rows], change)
        joints = _slow_tool(np.minimum(np.maximum(joints, low), high), motion, fastest_tool)
        if _in_sphere(_tool_velocity(joints, motion), motion):
            return joints
    return np.zeros_like(velocity)


def contact(velocity: FloatArray, motion: Motion) -> FloatArray:
    """Takes away what pushes further into a contact that is hard already.

    With the force f and torque t that the surroundings apply to the tool, and the tool's velocity
    u and turning rate w, allowed is f . u + t . w >= 0. Of a mere force that is u . f >= 0: away
    from what is touched and along it. The product is the same for every point of the tool, so a
    touch far from `tool0` is judged by the motion of the point that touches.

    What is too much is taken off along f and t by damped least squares, then, should other limits
    object, along the joints' torques J^T (f, t). Where neither can be done, the arm stands still.
    """
    if not _pushes(velocity, motion):
        return velocity
    assert motion.load is not None
    load, against = motion.load, motion.load @ motion.jacobian @ velocity
    for change in (_least_squares(motion.jacobian, load.tolist()), load @ motion.jacobian):
        kept = velocity - change * (against / (load @ motion.jacobian @ change))
        for rule in (joint_speed, tool_speed, joint_position, sphere):
            kept = rule(kept, motion)
        if not _pushes(kept, motion):
            return kept
    return np.zeros_like(velocity)


Rule = Callable[[FloatArray, Motion], FloatArray]

#: In the order in which they act.
RULES: dict[str, Rule] = {
    'joint_speed': joint_speed,
    'tool_speed': tool_speed,
    'joint_position': joint_position,
    'sphere': sphere,
    'contact': contact,
}


def apply(velocity: FloatArray, motion: Motion) -> tuple[FloatArray, list[str]]:
    """The velocity after all rules, and the names of those that acted.

    The same array comes back when none did. What comes back keeps all rules together; should it
    not, for whatever reason, it is zero and the last name is 'final_check'.
    """
    acted = []
    for name, rule in RULES.items():
        kept = rule(velocity, motion)
        if kept is not velocity:
            acted.append(name)
            velocity = kept
    if acted and not holds(velocity, motion):
        return np.zeros_like(velocity), [*acted, 'final_check']
    return velocity, acted


def holds(velocity: FloatArray, motion: Motion) -> bool:
    """Whether a velocity keeps every rule."""
    return all(rule(velocity, motion) is velocity for rule in RULES.values())


def _in_limits(velocity: FloatArray, motion: Motion) -> bool:
    """Whether all joints lie between their limits after one period."""
    limits, dt = motion.limits, motion.limits.period_s
    joints = zip(motion.position, velocity.tolist(), limits.lower, limits.upper, strict=True)
    return all(low <= q + v * dt <= high for q, v, low, high in joints)


def _tool_velocity(velocity: FloatArray, motion: Motion) -> list[float]:
    tool: list[float] = motion.linear.dot(velocity).tolist()
    return tool


def _slow_tool(velocity: FloatArray, motion: Motion, limit: float) -> FloatArray:
    speed = math.hypot(*_tool_velocity(velocity, motion))
    return velocity if speed <= limit * (1 + TOLERANCE) else velocity * (limit / speed)


def _pushes(velocity: FloatArray, motion: Motion) -> bool:
    """Whether the tool works against a contact above its limit, by more than rounding."""
    if motion.load is None:
        return False
    return not float(motion.load @ motion.jacobian @ velocity) >= -TOLERANCE


def _ahead(tool: list[float], motion: Motion) -> list[float]:
    """Where the tool will be after one period, from the centre."""
    (x, y, z), (vx, vy, vz), dt = motion.from_center, tool, motion.limits.period_s
    return [x + vx * dt, y + vy * dt, z + vz * dt]


def _in_sphere(tool: list[float], motion: Motion) -> bool:
    """Whether the tool stays in the ball, or, outside it, comes no further out and is slow."""
    if not math.hypot(*_ahead(tool, motion)) <= motion.reach + TOLERANCE:
        return False
    slow = motion.limits.config.sphere_return_speed * (1 + TOLERANCE)
    return motion.inside or math.hypot(*tool) <= slow


def _return(tool: list[float], motion: Motion) -> list[float]:
    """The tool velocity to have instead, m/s.

    It leads to the point of a smaller sphere that is nearest to where the tool would have been:
    smaller than the ball, or outside it than the distance, by the way of one period at the return
    speed. That is the projection onto the surface plus the velocity towards the centre.
    """
    dt = motion.limits.period_s
    ahead = _ahead(tool, motion)
    goal = max(0.0, motion.reach - motion.limits.config.sphere_return_speed * dt)
    shrink = goal / max(goal, math.hypot(*ahead), TOLERANCE)
    return [(a * shrink - d) / dt for a, d in zip(ahead, motion.from_center, strict=True)]


def _least_squares(jacobian: FloatArray, change: list[float]) -> FloatArray:
    """J^T (J J^T + DAMPING^2 I)^-1 change, with no change of the rows beyond those given."""
    rows = len(jacobian)
    square = jacobian @ jacobian.T
    square.flat[:: rows + 1] += DAMPING * DAMPING
    wanted = np.zeros(rows)
    wanted[: len(change)] = change
    return np.asarray(jacobian.T @ np.linalg.solve(square, wanted))
