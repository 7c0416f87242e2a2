# SPDX-License-Identifier: Apache-2.0
"""Scripted experts of the tasks of Jaco at a table."""

import numpy as np

from robot_rl.types import FloatArray
from sim_bridge.experts.view import Script, View

TIPS = 0.030  # m, of a closed hand's fingertips beyond the tool, where they press
OVER = 0.12  # m, of the tool over a thing, before it goes down
CLOSE = 20  # periods that the hand takes to close around a thing


def squarely(view: View, index: int) -> float:
    """The nearest yaw of the tool at which its fingers meet two faces of a block, rad."""
    quarter = np.pi / 2
    apart = view.yaw_error(float(np.arctan2(*view.turn(index)[1::-1, 0])))
    mine = float(np.arctan2(view.rotation[1, 0], view.rotation[0, 0]))
    return mine + (apart + quarter / 2) % quarter - quarter / 2


def grasp(view: View, index: int, height: float = TIPS) -> Script:
    """Grips a block from above; the tool is then this far over its middle."""
    yaw = squarely(view, index)
    yield from view.go(lambda: view.object(index) + [0.0, 0.0, OVER], yaw)
    yield from view.go(lambda: view.object(index) + [0.0, 0.0, height], yaw, near=0.005)
    yield from view.grip(-1.0, CLOSE)


def carry(view: View, index: int, xyz: FloatArray, near: float = 0.01, steps: int = 60) -> Script:
    """Moves what the hand holds to a place."""
    yield from view.go(lambda: xyz - view.object(index) + view.tool, near=near, steps=steps)


def lift(view: View) -> Script:
    """Grips the block and lifts it to the goal."""
    yield from grasp(view, 0)
    while True:
        yield view.towards(view.goal - view.object() + view.tool)
