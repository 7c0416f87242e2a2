# SPDX-License-Identifier: Apache-2.0
"""An independent judge of safe commands: every limit written once more, over many at a time."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_rl.safety.budget import ContactBudget
from robot_rl.safety.config import Box, SafetyConfig
from robot_rl.types import FloatArray, Wrench

#: What rounding may add, relative to speeds and absolute in m and rad.
SLACK = 1e-6


@dataclass
class Moves:
    """N joint velocities, and where the arm was when they were allowed.

    Attributes:
        joints: rad/s or m/s, [N, J].
        position: rad or m, [N, J].
        before: joint velocity of the last command that passed, [N, J].
        tool_xyz: m, base frame, [N, 3].
        rotation: the tool's axes in the base frame, [N, 3, 3].
        jacobian: [N, 6, J].
        wrench: force and torque on the tool, tool frame, without bias, [N, 6]; zeros without.
        worn: whether the contact budget was used up, [N].
    """

    joints: FloatArray
    position: FloatArray
    before: FloatArray
    tool_xyz: FloatArray
    rotation: FloatArray
    jacobian: FloatArray
    wrench: FloatArray
    worn: NDArray[np.bool_]

    @classmethod
    def of(cls, rows: list[tuple[Any, ...]]) -> 'Moves':
        """From rows of the attributes."""
        names = [field.name for field in fields(cls)]
        return cls(**{n: np.array(c) for n, c in zip(names, zip(*rows, strict=True), strict=True)})


class Pressing:
    """All wrenches that the filter may believe, for the contact budget."""

    def __init__(self, limits: SafetyConfig) -> None:
        """Starts without any."""
        self._limits = limits
        self._last_ns: int | None = None
        self._taken: list[tuple[int, int, bool]] = []  # stamp, time gone by in all, whether hard

    def renew(self) -> None:
        """The whole budget again, as after the reset of a stop."""
        self._taken = []

    def take(self, wrench: Wrench | None, now_ns: int) -> bool:
        """Takes what the filter is given; whether the budget is used up by now."""
        budget, age_ns = self._limits.contact_budget, 100_000_000
        if budget is None or wrench is None or not abs(now_ns - wrench.stamp_ns) <= age_ns:
            return False
        values = [*wrench.force_xyz, *wrench.torque_xyz]
        if len(values) != 6 or len(wrench.force_xyz) != 3 or not np.isfinite(values).all():
            return False
        if self._last_ns is not None and wrench.stamp_ns < self._last_ns <= now_ns + age_ns:
            return False
        self._last_ns = wrench.stamp_ns
        last_ns, gone_ns, _ = self._taken[-1] if self._taken else (wrench.stamp_ns, 0, False)
        gone_ns += max(0, wrench.stamp_ns - last_ns)
        self._taken.append((wrench.stamp_ns, gone_ns, self._hard(values, budget)))
        return self._spent_s(budget) > budget.seconds + 1e-9

    def _hard(self, values: list[float], budget: ContactBudget) -> bool:
        with np.errstate(all='ignore'):
            force, torque = np.linalg.norm(np.reshape(values, (2, 1, 3)), axis=2)
        return bool(_beyond(force, torque, budget)[0])

    def _spent_s(self, budget: ContactBudget) -> float:
        gone_s = np.array([gone for _, gone, _ in self._taken]) * 1e-9
        hard = np.array([hard for *_, hard in self._taken])
        pieces = np.minimum(np.diff(gone_s, prepend=gone_s[0]), self._limits.state_timeout)
        return float(pieces[hard & (gone_s > gone_s[-1] - budget.window + 1e-9)].sum())


def complaints(
    moves: Moves, arm: Any, limits: SafetyConfig, period_s: float, model: Any = None
) -> list[tuple[int, str]]:
    """Which of the moves are not allowed, and why.

    Args:
        moves: to judge.
        arm: with limits of the joints and `evaluate`.
        limits: of the task.
        period_s: for which a command acts.
        model: of the surroundings, with `near`, where the task looks ahead.
    """
    twist = np.einsum('nij,nj->ni', moves.jacobian, moves.joints)
    found = {
        **_joints(moves, arm, limits, period_s),
        **_tool(moves.tool_xyz, twist[:, :3], limits, period_s),
        'pushes on': _pushes(moves, twist, limits),
        'approaches a singularity': _approaches(moves, twist, arm, limits),
        'collides': _collides(moves, limits, model),
    }
    return [(int(n), name) for name, wrong in found.items() for n in np.flatnonzero(wrong)]


def _joints(
    moves: Moves, arm: Any, limits: SafetyConfig, period_s: float
) -> dict[str, FloatArray]:
    joints, fastest = moves.joints, arm.velocity_limits * limits.joint_speed_scale
    margin = np.full(len(fastest), limits.joint_margin)
    if arm.gripping:
        margin[-1] = 0.0
    lower, upper = arm.position_limits[:, 0] + margin, arm.position_limits[:, 1] - margin
    ahead = moves.position + joints * period_s
    found = {
        'joint speed': (np.abs(joints) > fastest * (1 + SLACK)).any(axis=1),
        'upper limit': ((ahead > upper + SLACK) & (joints > SLACK)).any(axis=1),
        'lower limit': ((ahead < lower - SLACK) & (joints < -SLACK)).any(axis=1),
    }
    if limits.joint_acceleration is not None:
        # Only what a joint gains in the direction in which it goes counts.
        gained = np.sign(joints) * (joints - np.where(joints * moves.before > 0, moves.before, 0))
        found['acceleration'] = (gained > limits.joint_acceleration * period_s + SLACK).any(axis=1)
    return found


def _tool(
    tool_xyz: FloatArray, velocity: FloatArray, limits: SafetyConfig, period_s: float
) -> dict[str, FloatArray]:
    speed, ahead = np.linalg.norm(velocity, axis=1), tool_xyz + velocity * period_s
    center = np.array(limits.sphere_center)
    now, then = (np.linalg.norm(xyz - center, axis=1) for xyz in (tool_xyz, ahead))
    outside = now > limits.sphere_radius + 1e-9
    found = {
        'tool speed': speed > limits.tool_speed * (1 + SLACK),
        'leaves the sphere': then > np.maximum(now, limits.sphere_radius) + SLACK,
    }
    if limits.keep_in is not None:
        low, high = np.array(limits.keep_in.low), np.array(limits.keep_in.high)
        past = (ahead > np.maximum(high, tool_xyz) + SLACK).any(axis=1)
        found['leaves the box'] = past | (ahead < np.minimum(low, tool_xyz) - SLACK).any(axis=1)
        outside |= ((tool_xyz > high + SLACK) | (tool_xyz < low - SLACK)).any(axis=1)
    for box in limits.keep_out:
        deep, deeper = _depth(box, tool_xyz), _depth(box, ahead)
        found['enters a box'] = (deeper > np.maximum(deep, 0.0) + SLACK) | found.get(
            'enters a box', np.zeros(len(speed), bool)
        )
        outside |= deep > SLACK
    slow = limits.sphere_return_speed * (1 + SLACK)
    return found | {'fast outside': outside & (speed > slow)}


def _depth(box: Box, xyz: FloatArray) -> FloatArray:
    """How far points [N, 3] lie below the nearest face, m; 0 or less outside."""
    return np.minimum(xyz - np.array(box.low), np.array(box.high) - xyz).min(axis=1)


def _pushes(moves: Moves, twist: FloatArray, limits: SafetyConfig) -> FloatArray:
    force, torque = moves.wrench[:, :3], moves.wrench[:, 3:]
    with np.errstate(all='ignore'):
        sizes = np.linalg.norm(force, axis=1), np.linalg.norm(torque, axis=1)
        hard = _beyond(*sizes, limits)
        if limits.contact_budget is not None:
            hard = hard | (moves.worn & _beyond(*sizes, limits.contact_budget))
        power = np.einsum('ni,nij,nj->n', twist[:, :3], moves.rotation, force)
        power = power + np.einsum('ni,nij,nj->n', twist[:, 3:], moves.rotation, torque)
        # Written so that NaN, of readings too large to multiply, passes: such a wrench is a stop.
        return np.asarray(hard & (power < -SLACK * np.hypot(*sizes)))


def _beyond(
    force: FloatArray, torque: FloatArray, limits: SafetyConfig | ContactBudget
) -> NDArray[np.bool_]:
    most = [np.inf if m is None else m for m in (limits.force, limits.torque)]
    return np.asarray((force > most[0]) | (torque > most[1]))


def _approaches(moves: Moves, twist: FloatArray, arm: Any, limits: SafetyConfig) -> FloatArray:
    wrong = np.zeros(len(twist), bool)
    if limits.condition_slow is None or limits.condition_stop is None:
        return wrong
    size = len(arm.velocity_limits) - arm.gripping
    conditions = _conditions(moves.jacobian, size)
    slow, stop = limits.condition_slow, limits.condition_stop
    share = np.clip((stop - conditions) / (stop - slow), 0.0, 1.0)
    fastest = arm.velocity_limits * limits.joint_speed_scale
    used = np.abs(moves.joints / fastest).max(axis=1)
    used = np.maximum(used, np.linalg.norm(twist[:, :3], axis=1) / limits.tool_speed)
    for n in np.flatnonzero(used > share * (1 + SLACK)):
        way = moves.joints[n] * (1e-3 / np.abs(moves.joints[n]).max())
        there = arm.evaluate(moves.position[n] + way).jacobian
        wrong[n] = not _conditions(there[None], size)[0] < conditions[n]
    return wrong


def _conditions(jacobian: FloatArray, size: int) -> FloatArray:
    """Of Jacobians [N, 6, J], the first joints alone."""
    values = np.linalg.svd(jacobian[:, :, :size], compute_uv=False)
    return np.asarray(values[:, 0] / np.maximum(values[:, -1], values[:, 0] * 1e-6))


def _collides(moves: Moves, limits: SafetyConfig, model: Any) -> FloatArray:
    wrong = np.zeros(len(moves.joints), bool)
    if limits.look_ahead is None:
        return wrong
    for n in np.flatnonzero(moves.joints.any(axis=1)):
        start, way = moves.position[n], moves.joints[n] * limits.look_ahead.seconds
        now = model.near(start)
        for share in (0.5, 1.0):
            there = model.near(start + way * share)
            wrong[n] |= any(d < now.get(pair, np.inf) - SLACK * 2 for pair, d in there.items())
    return wrong
