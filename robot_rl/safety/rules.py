# SPDX-License-Identifier: Apache-2.0
"""The limits on motion as an ordered table of pure rules on one joint velocity.

A rule gives back the very array that it was given when that holds, and otherwise one near to it
that does. Shortening a vector never breaks a rule, so standing still is always allowed, and a
rule may shorten what it corrected.

    joint_speed         |v_i| <= scale * URDF limit, kept by scaling all joints alike
    joint_acceleration  no joint gains more than a dt over the last command; losing speed is free
    tool_speed          |J_v v| <= tool_speed, kept by scaling all joints alike
    joint_position      q + v dt stays in the limits less the margin; beyond, only the way back
    sphere              p + J_v v dt stays in the ball; outside, only towards the centre, slowly
    box                 the same in the box that is kept in and out of those that are kept out
    contact             while force or torque is above its limit, no work against it
    contact_budget      the same above a lower force or torque, once it lasted for too long
    singularity         a share of the speed limits, 1 at condition_slow, 0 at condition_stop,
                        unless the motion lowers the condition number
    collision           q + v t, t up to the look-ahead's time, brings nothing too near that is
                        not led apart; the motion is halved, then stopped

J_v are the three rows of the Jacobian that give the tool's linear velocity in the base frame, dt
is the control period. The ball is the bounding sphere of Gu et al. 2016, section IV-B: a velocity
that would leave it is projected onto its surface, plus a velocity towards the centre. Condition
numbers as in MoveIt Servo.
"""

import math
import operator
from collections.abc import Callable

import numpy as np

from robot_rl.safety import ahead, boxes
from robot_rl.safety.motion import Motion
from robot_rl.safety.redirect import (
    TOLERANCE,
    least_squares,
    redirected,
    slowed,
    step,
)
from robot_rl.types import FloatArray


def joint_speed(velocity: FloatArray, motion: Motion) -> FloatArray:
    """Scales all joints alike until the fastest keeps its limit; the direction stays."""
    excess = motion.joint_share(velocity)
    return velocity if excess <= 1 + TOLERANCE else velocity / excess


def joint_acceleration(velocity: FloatArray, motion: Motion) -> FloatArray:
    """Cuts what a joint gains too fast."""
    if motion.limits.config.joint_acceleration is None:
        return velocity
    return _clipped(velocity, *motion.gain())


def tool_speed(velocity: FloatArray, motion: Motion) -> FloatArray:
    """Scales all joints alike until the tool keeps its limit; the direction stays."""
    return slowed(velocity, motion, motion.limits.config.tool_speed)


def joint_position(velocity: FloatArray, motion: Motion) -> FloatArray:
    """Stops what leads a joint past its limit less the margin; the other joints go on.

    Stopping some joints can speed up the tool, so its speed is capped once more.
    """
    if _in_limits(velocity, motion):
        return velocity
    kept = _clipped(velocity, *motion.room())
    return velocity if kept is velocity else tool_speed(kept, motion)


def sphere(velocity: FloatArray, motion: Motion) -> FloatArray:
    """Keeps the tool in the ball, or brings it back (Gu et al. 2016, section IV-B)."""
    tool = motion.tool_velocity(velocity)
    if _in_sphere(tool, motion):
        return velocity
    config = motion.limits.config
    fastest_tool = config.tool_speed if motion.inside else config.sphere_return_speed

    def fits(joints: FloatArray) -> bool:
        return _in_sphere(motion.tool_velocity(joints), motion)

    return redirected(velocity, _return(tool, motion), motion, fastest_tool, fits)


def box(velocity: FloatArray, motion: Motion) -> FloatArray:
    """Keeps the tool in and out of the boxes, and in the ball."""
    config = motion.limits.config
    if config.keep_in is None and not config.keep_out:
        return velocity
    tool = motion.tool_velocity(velocity)
    if boxes.keeps(tool, motion):
        return velocity
    slow = boxes.outside(motion) or not motion.inside
    fastest_tool = config.sphere_return_speed if slow else config.tool_speed

    def fits(joints: FloatArray) -> bool:
        tool = motion.tool_velocity(joints)
        return _in_sphere(tool, motion) and boxes.keeps(tool, motion)

    return redirected(velocity, boxes.kept(tool, motion), motion, fastest_tool, fits)


def contact(velocity: FloatArray, motion: Motion) -> FloatArray:
    """Takes away what pushes further into a contact that is hard already.

    With the force f and torque t that the surroundings apply to the tool, and the tool's velocity
    u and turning rate w, allowed is f . u + t . w >= 0. Of a mere force that is u . f >= 0: away
    from what is touched and along it. The product is the same for every point of the tool, so a
    touch far from `tool0` is judged by the motion of the point that touches.

    What is too much is taken off along f and t by damped least squares, then, should other limits
    object, along the joints' torques J^T (f, t). Where neither can be done, the arm stands still.
    """
    return _yielding(velocity, motion, motion.load)


def contact_budget(velocity: FloatArray, motion: Motion) -> FloatArray:
    """Takes away what pushes further into a contact that has lasted for too long."""
    return _yielding(velocity, motion, motion.worn)


def singularity(velocity: FloatArray, motion: Motion) -> FloatArray:
    """Lets the arm approach a singularity only at a share of its speed; leaving it is free."""
    share = ahead.share_of_speed(motion)
    if share == 1:
        return velocity
    used = ahead.speed_share(velocity, motion)
    if used <= share * (1 + TOLERANCE) or ahead.leaves(velocity, motion):
        return velocity
    return velocity * (share / used)


def collision(velocity: FloatArray, motion: Motion) -> FloatArray:
    """Shortens, or stops, what leads any part of the arm into something."""
    share = ahead.free_share(velocity, motion)
    return velocity if share == 1 else velocity * share


def _yielding(velocity: FloatArray, motion: Motion, load: FloatArray | None) -> FloatArray:
    """Without the work against a load; the same array where there is none."""
    if load is None or not _pushes(velocity, motion, load):
        return velocity
    against = load @ motion.jacobian @ velocity
    for change in (least_squares(motion.jacobian, load.tolist()), load @ motion.jacobian):
        kept = velocity - change * (against / (load @ motion.jacobian @ change))
        for rule in BEFORE_CONTACT.values():
            kept = rule(kept, motion)
        if not _pushes(kept, motion, load):
            return kept
    return np.zeros_like(velocity)


Rule = Callable[[FloatArray, Motion], FloatArray]

#: In the order in which they act.
BEFORE_CONTACT: dict[str, Rule] = {
    'joint_speed': joint_speed,
    'joint_acceleration': joint_acceleration,
    'tool_speed': tool_speed,
    'joint_position': joint_position,
    'sphere': sphere,
    'box': box,
}
RULES: dict[str, Rule] = BEFORE_CONTACT | {
    'contact': contact,
    'contact_budget': contact_budget,
    'singularity': singularity,
    'collision': collision,
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
    pairs = zip(motion.position, motion.joints(velocity), strict=True)
    then = [q + v * dt for q, v in pairs]
    lower = map(operator.le, limits.lower, then)
    return all(lower) and all(map(operator.le, then, limits.upper))


def _clipped(velocity: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Each joint between its bounds; the same array where rounding alone is beyond them."""
    kept = np.minimum(np.maximum(velocity, low), high)
    return velocity if float(np.abs(kept - velocity).max()) <= TOLERANCE else kept


def _pushes(velocity: FloatArray, motion: Motion, load: FloatArray) -> bool:
    """Whether the tool works against a load, unit [6], by more than rounding."""
    return not float(load @ motion.jacobian @ velocity) >= -TOLERANCE


def _in_sphere(tool: list[float], motion: Motion) -> bool:
    """Whether the tool stays in the ball, or, outside it, comes no further out and is slow."""
    dt, (x, y, z), (u, v, w) = motion.limits.period_s, motion.from_center, tool
    if not math.hypot(x + u * dt, y + v * dt, z + w * dt) <= motion.reach + TOLERANCE:
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
    ahead = step(tool, motion.from_center, motion)
    goal = max(0.0, motion.reach - motion.limits.config.sphere_return_speed * dt)
    shrink = goal / max(goal, math.hypot(*ahead), TOLERANCE)
    return [(a * shrink - d) / dt for a, d in zip(ahead, motion.from_center, strict=True)]
