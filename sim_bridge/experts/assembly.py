# SPDX-License-Identifier: Apache-2.0
"""Scripted experts of the assemblies: what they add to the base controller."""

import numpy as np

from robot_rl.control.controller import XYZ
from robot_rl.types import FloatArray
from sim_bridge.experts.view import Script, View
from sim_bridge.tasks.block_insertion import BOTTOM, STANDING, BlockInsertion

PRESS = 0.012  # m above the goal, from where a plug is pressed on
CENTRED = 0.0002  # m, beside the goal, from where a plug goes down
STRAIGHT = 0.04  # rad, that a standing block may be turned for a way straight down
ASIDE = 0.060  # m, from the goal along y to where the held block passes beside the others
LOW = 0.006  # m, of the held block over the table on its way in
STRIDE = 0.012  # m a period, of that way
OVER = 2 * STANDING[2] + 0.004  # m over the goal, where the held block is clear of the others
INSIDE = 2 * STANDING[2] - 0.008  # m over the goal, where it is between them
NEAR = 0.0012  # m, off the middle of the gap, with which it goes in


def insertion(view: View) -> Script:
    """Moves the base's goal to the true one, and presses on with all the action space has.

    Without a base it goes there itself: first over the socket, then down.
    """
    goal = view.scene.goal_xyz
    while view.task.base.kind == 'none':
        off = view.tool - goal
        aside = max(abs(off[:2])) > CENTRED and off[2] > PRESS
        over = np.array([0.0, 0.0, off[2] if aside else -PRESS])
        yield view.towards(goal + over)
    while True:
        shift = goal - view.believed
        down = -1.0 if view.tool[2] - goal[2] < PRESS else 0.0
        yield view.action(x=shift[0], y=shift[1], z=down)


def block_insertion(view: View) -> Script:
    """Puts the block in, and makes up for the bias of the arm."""
    bias = np.array(view.scene.options.bias) / view.task.rates.action_hz
    against = view.action(**dict(zip(XYZ, (-bias).tolist(), strict=True)))
    for action in _put_in(view):
        yield np.clip(action + against, -1.0, 1.0)


def _put_in(view: View) -> Script:
    """Straight down, or in low from the side on which the gap is wider; that aligns the blocks."""
    assert isinstance(view.scene, BlockInsertion)
    goal = view.goal[:3]
    turns = [np.arctan2(view.turn(i)[1, 0], view.turn(i)[0, 0]) for i in range(2)]
    if max(map(abs, turns)) > STRAIGHT:
        side = 1.0 if turns[0] > turns[1] else -1.0
        aside = goal + np.array([_entry(turns, side), side * ASIDE, 0.0])
        low = view.scene.top + BOTTOM + LOW
        over = np.array([*aside[:2], low + 2 * STANDING[2] + 0.02])
        yield from view.go(over, near=0.006)
        yield from view.go(np.array([*aside[:2], low]), near=0.006)
        yield from _slide(view, np.array([*goal[:2], low]))
    while True:
        off = view.tool - goal
        over = np.array([*goal[:2], max(view.tool[2], goal[2] + OVER)])
        inside = off[2] < INSIDE or abs(off[0]) < NEAR
        yield view.towards(goal if inside else over, share=0.35)


def _entry(turns: list[float], side: float) -> float:
    """Where the middle of the gap is at its end on one side, along x, m."""
    return float(-side * STANDING[1] * np.mean(np.sin(turns)))


def _slide(view: View, xyz: FloatArray) -> Script:
    """Goes straight to a place at a steady speed."""
    for _ in range(20):
        way = xyz - view.tool
        length = float(np.linalg.norm(way))
        if length < 0.004:
            return
        yield view.towards(view.tool + way * min(1.0, STRIDE / length), share=1.0)
