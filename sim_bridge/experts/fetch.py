# SPDX-License-Identifier: Apache-2.0
"""Scripted experts of the tasks of Fetch."""

from collections.abc import Callable

import numpy as np

from robot_rl.types import FloatArray
from sim_bridge.experts.view import GAIN, Script, View
from sim_bridge.tasks.fetch_slide import FRICTION

BRAKING = 2.5  # m/s^2, with which the arm can count on coming to rest
UP = np.array([0.0, 0.0, 1.0])
GRASP = np.array([0.0, 0.0, 0.012])  # from the block's centre; the fingers then clear the table
ABOVE = np.array([0.0, 0.0, 0.08])  # from the block's centre; the fingers then clear the block
READY = 0.032  # m, of each finger, open just wide enough for a block among others
WIDE = 0.042  # m, the same for a block alone, which may lie a little beside where it is seen
CLEAR = 0.12  # m, from a tower's middle, at which the fingers do not touch it
TOUCH = 0.038  # m, from the block's centre to the tool when the closed fingers touch a side
PLACED = 0.012  # m, along each axis, at which a pushed block is left alone
BEHIND = np.array([-0.062, 0.0, 0.02])  # m, from the puck to the tool just behind it
SLIDING = FRICTION * 9.81  # m/s^2, deceleration of the puck
FINE = 0.012  # m/s a period, that the tool speeds up near the end of a push
PARTING = 0.79  # of the puck's speed, what the tool has a period before it is left behind

Where = Callable[[], FloatArray]


def reach(view: View) -> Script:
    """Goes straight to the goal."""
    return go(view, lambda: view.goal)


def go(
    view: View, where: Where, near: float = 0.0, fingers: float | None = None, stop: bool = True
) -> Script:
    """Goes to a place that may move, as fast as the arm can brake: v = sqrt(2 a d).

    Args:
        view: the world.
        where: gives the place.
        near: m, to the place, at which it is reached; 0 for never.
        fingers: m, to which each finger opens on the way; none leaves them.
        stop: whether the tool comes to rest there, and does not pass at full speed.
    """
    before = view.tool
    for _ in range(50):
        left = max(float(np.linalg.norm(where() - view.tool)), 1e-6)
        if left < near and (not stop or np.linalg.norm(view.tool - before) < 0.012):
            return
        if fingers is not None:
            wanted = (fingers - view.joints[-1]) / view.task.action.scale[-1]
            view.opening = float(np.clip(wanted, -1.0, 1.0))
        share = np.sqrt(2 * BRAKING / left) / view.task.rates.action_hz
        before = view.tool
        yield view.towards(where(), share=min(GAIN, share) if stop else 1.0)


def close(view: View) -> Script:
    """Closes the fingers until what is between them stops them."""
    before = np.inf
    while before - view.joints[-1] > 2e-4:
        before = view.joints[-1]
        yield from view.grip(-1.0, 1)
    view.opening = 0.0


def release(view: View) -> Script:
    """Opens the fingers until they have left what is between them."""
    before = view.joints[-1]
    while view.joints[-1] - before < 0.001:
        yield from view.grip(1.0, 1)


# ---- with open fingers -------------------------------------------------------------------


def pick(view: View) -> Script:
    """Grips the block from above and brings it to the goal."""
    if not np.linalg.norm(view.object() - view.tool) < 0.03:
        yield from _fetch(view, 0, view.object()[2], WIDE)
    yield from close(view)
    yield from go(view, lambda: view.goal - view.object() + view.tool)


def stack(view: View) -> Script:
    """Puts one block after the other on the tower."""
    goals = view.goal.reshape(-1, 3)
    for index in range(1, len(goals)):
        yield from _fetch(view, index, goals[index - 1, 2])
        yield from close(view)
        yield from _put(view, index, goals[index])


def _fetch(view: View, index: int, height: float, fingers: float = READY) -> Script:
    """Comes down on a block from above, with blocks up to a height, m, on the way there."""
    high = max(height, view.object(index)[2]) + ABOVE[2]
    if view.tool[2] < high - 0.01:
        up = np.array([*view.tool[:2], high])
        yield from go(view, lambda: up, 0.012, fingers, stop=False)
        aside = np.array([*_beside(up, view.object(index)), high])
        yield from go(view, lambda: aside, 0.03, fingers, stop=False)
    yield from go(view, lambda: _onto(view.object(index) + GRASP, view.tool, 0.07), 0.006, fingers)


def _put(view: View, index: int, goal: FloatArray) -> Script:
    """Carries a block over its goal, sets it down there, and lets go."""
    up = view.tool + 0.06 * UP
    yield from go(view, lambda: up, near=0.02, stop=False)
    aside = np.array([*_beside(goal, view.object(index)), goal[2] + 0.03])
    grasp = view.tool - view.object(index)
    yield from go(view, lambda: aside + grasp, near=0.03, stop=False)

    def lowered() -> FloatArray:
        return _onto(goal + 0.002 * UP, view.object(index), 0.03) - view.object(index) + view.tool

    yield from go(view, lowered, near=0.005)
    yield from release(view)


def _onto(xyz: FloatArray, at: FloatArray, high: float) -> FloatArray:
    """The place itself, or so far above it as what comes down is beside it, `high` m at most."""
    beside = float(np.linalg.norm((xyz - at)[:2]))
    return xyz + UP * float(np.clip(8.0 * (beside - 0.004), 0.0, high))


def _beside(xyz: FloatArray, other: FloatArray) -> FloatArray:
    """The x and y where an arm that goes from one place to another is clear of the first."""
    way = (other - xyz)[:2]
    return np.asarray(xyz[:2] + way * min(1.0, CLEAR / max(float(np.linalg.norm(way)), 1e-6)))


# ---- with blocked fingers ----------------------------------------------------------------


def push(view: View) -> Script:
    """Pushes the block along x and along y, each from behind and square to its side."""
    while True:
        apart = np.abs(view.goal - view.object())[:2]
        if apart.max() > PLACED:
            yield from _push_along(view, int(apart.argmax()))
        else:
            yield view.action()


def _push_along(view: View, axis: int) -> Script:
    """Pushes the block along an axis until it is level with the goal."""
    side = float(np.sign(view.goal[axis] - view.object()[axis]))
    forward = side * np.eye(3)[axis]
    yield from _go_around(view, lambda: view.object() + GRASP - (TOUCH + 0.018) * forward, axis)
    for _ in range(25):
        left = side * float(view.goal[axis] - view.object()[axis])
        if left < 0.009:
            return
        line = np.where(forward != 0.0, view.tool, view.object() + GRASP)
        yield view.towards(line + forward * left, share=0.22)


def _go_around(view: View, where: Where, axis: int) -> Script:
    """Goes to a place beside the block: over it, or round one corner where the tool is low."""
    back = (view.tool - view.object())[:2]
    if view.tool[2] < where()[2] + 0.02 and abs(back[axis]) < TOUCH:
        corner = view.tool + 0.02 * np.sign([*back, 0.0]) * (np.arange(3) == 1 - axis)
        corner[axis] = where()[axis]
        yield from go(view, lambda: corner, near=0.015)
    else:
        over = ABOVE - GRASP
        if view.tool[2] < where()[2] + over[2]:
            yield from go(view, lambda: np.array([*view.tool[:2], (where() + over)[2]]), near=0.02)
        yield from go(view, lambda: where() + over, near=0.01)
    yield from go(view, where, near=0.008)


def slide(view: View) -> Script:
    """Pushes the puck ever faster along the line to its goal, and stops when it is fast enough."""
    yield from go(view, lambda: view.object() + BEHIND + ABOVE, near=0.02)
    yield from go(view, lambda: view.object() + BEHIND, near=0.008)
    period_s = 1.0 / view.task.rates.action_hz
    before, speed, have, needed = view.tool, 0.0, 0.0, 1.0
    while have < needed:
        way = (view.goal - view.object())[:2]
        left = float(np.linalg.norm(way))
        have = float((view.tool - before)[:2] @ way) / left / period_s
        needed = PARTING * np.sqrt(2 * SLIDING * max(left - have * period_s, 0.0))
        speed += FINE if needed - have < 0.1 else 0.03
        x, y = way / left * speed * period_s
        before = view.tool
        yield view.action(x=x, y=y) if have < needed else view.action()
