# SPDX-License-Identifier: Apache-2.0
"""Scripted expert of Sawyer's tasks in a plane: it pushes pucks one by one."""

from collections.abc import Iterator, Sequence

import numpy as np

from robot_rl.types import FloatArray
from sim_bridge.experts.view import Script, View
from sim_bridge.tasks.sawyer_push import AREA, RADIUS, SawyerPush

FINGERS = 0.016  # m, radius of the circle around the closed fingers
TOUCH = RADIUS + FINGERS
CLEAR = TOUCH + 0.008  # m, from a puck's middle, where the tool passes it
IN_PLACE = 0.012  # m
STRIDE = 0.015  # m, that a push aims ahead in a period
ALIGNED = np.cos(0.45)  # of the angle between the push and the way from the tool to the puck
AHEAD = 0.10  # m, of a push that must be clear of the other pucks
BORDER = 0.09  # m, beyond the area of goals, where the tool may go

#: Position of a puck and its goal, m, shape [2] each.
Pair = tuple[FloatArray, FloatArray]
#: Which puck, and the direction [2] to push it in.
Plan = tuple[int, FloatArray]


def push(view: View) -> Script:
    """Pushes each puck to its goal, goes round the others meanwhile, then brings the hand home."""
    scene = view.scene
    assert isinstance(scene, SawyerPush)
    plan: Plan | None = None
    while (plan := _plan(view, scene, plan)) is not None:
        yield _push(view, scene, *plan)
    while scene.options.hand:
        yield _slide(view, view.goal[:2], [at for at, _ in _pairs(view, scene)])


def _pairs(view: View, scene: SawyerPush) -> list[Pair]:
    """The pucks of the episode, and their goals."""
    goals = view.goal[3 * scene.options.hand :].reshape(-1, 3)
    return [(view.object(i)[:2], goals[i, :2]) for i in range(len(goals)) if goals[i].any()]


def _plan(view: View, scene: SawyerPush, last: Plan | None) -> Plan | None:
    """What to push next and where to: what needs the least detour; a push goes on if it can."""
    pairs, best = _pairs(view, scene), None
    for index, (at, goal) in enumerate(pairs):
        left = float(np.hypot(*(goal - at)))
        if left < IN_PLACE:
            continue
        others = [other for i, (other, _) in enumerate(pairs) if i != index]
        for angle, way in _ways(goal - at):
            clear = _possible(at, way, min(left, AHEAD), others)
            if clear and _inside(scene, at - CLEAR * way):
                cost = abs(angle) - (last is not None and last[0] == index)
                if best is None or cost < best[0]:
                    best = cost, (index, way)
                break
    return best[1] if best else None


def _ways(towards: FloatArray) -> Iterator[tuple[float, FloatArray]]:
    """Directions [2], the straight one first, and the angles that they deviate by, rad."""
    straight = towards / np.hypot(*towards)
    for angle in sorted(np.linspace(-2.1, 2.1, 13), key=abs):
        yield angle, _turned(straight, angle)


def _possible(at: FloatArray, way: FloatArray, reach: float, others: list[FloatArray]) -> bool:
    """Whether a puck can be pushed so far without the others, and the tool has room behind it."""
    behind = at - CLEAR * way
    free = all(np.hypot(*(other - behind)) > TOUCH for other in others)
    return free and all(_apart(at, at + reach * way, other) > 2 * RADIUS for other in others)


def _inside(scene: SawyerPush, xy: FloatArray) -> bool:
    low, high = scene.area(*(half + BORDER for half in AREA))
    return bool((xy > low).all() and (xy < high).all())


def _push(view: View, scene: SawyerPush, index: int, way: FloatArray) -> FloatArray:
    """The action that gets behind a puck, or pushes it from there."""
    pairs, tool = _pairs(view, scene), view.tool[:2]
    at, goal = pairs[index]
    offset, left = at - tool, float(np.hypot(*(goal - at)))
    apart = float(np.hypot(*offset))
    if apart < TOUCH + 0.02 and offset @ way > ALIGNED * apart:
        return _move(view, at - way * (TOUCH - min(left, STRIDE) - 0.004))
    return _slide(view, at - CLEAR * way, [puck for puck, _ in pairs])


def _slide(view: View, goal: FloatArray, pucks: Sequence[FloatArray]) -> FloatArray:
    """The action that brings the tool nearer to a place [2], round all pucks."""
    tool = view.tool[:2]
    blocking = [p for p in pucks if _apart(tool, goal, p) < CLEAR - 0.004]
    if not blocking:
        return _move(view, goal)
    middle = min(blocking, key=lambda p: float(np.hypot(*(p - tool))))
    out = tool - middle
    side = np.sign(out[0] * (goal - middle)[1] - out[1] * (goal - middle)[0]) or 1.0
    step = _turned(out / np.hypot(*out), 0.7 * side)
    return _move(view, middle + step * (CLEAR + 0.006))


def _move(view: View, xy: FloatArray) -> FloatArray:
    return view.towards(np.array([*xy, view.tool[2]]), share=0.8)


def _apart(start: FloatArray, end: FloatArray, point: FloatArray) -> float:
    """Distance of a point from a straight way, m; from its end alone where it leads away."""
    way = end - start
    share = float(np.clip((point - start) @ way / max(float(way @ way), 1e-12), 0.0, 1.0))
    if share == 0.0:
        return np.inf
    return float(np.hypot(*(start + share * way - point)))


def _turned(vector: FloatArray, angle: float) -> FloatArray:
    (x, y), c, s = vector, np.cos(angle), np.sin(angle)
    return np.array([c * x - s * y, s * x + c * y])
