# SPDX-License-Identifier: Apache-2.0
"""Scripted experts of the tasks of Jaco at a table."""

import numpy as np

from robot_rl.types import FloatArray
from sim_bridge.experts.view import Script, View
from sim_bridge.tasks.jaco_blocks import JacoClearBlocks

TIPS = 0.030  # m, of a closed hand's fingertips beyond the tool, where they press
OVER = 0.12  # m, of the tool over a thing, before it goes down
CLOSE = 20  # periods that the hand takes to close around a thing
NARROW = 0.55  # rad, of the fingers around a small thing
LET_GO = 9  # periods in which it opens enough
BIN_PLACES = 0.001 * np.array([[-45, -25, 85], [45, -25, 85], [0, 30, 85]])  # m, from the bin
GENTLE = 0.15  # of the way that is left, in a period of 10 ms
STICK = np.array([0.025, 0.0, 0.0])  # m, of a stick beyond the tool, where fingers meet


def up(height: float) -> FloatArray:
    """So far straight up, m, shape [3]."""
    return np.array([0.0, 0.0, height])


def squarely(view: View, index: int) -> float:
    """The nearest yaw of the tool at which its fingers meet two faces of a block, rad."""
    quarter = np.pi / 2
    apart = view.yaw_error(float(np.arctan2(*view.turn(index)[1::-1, 0])))
    mine = float(np.arctan2(view.rotation[1, 0], view.rotation[0, 0]))
    return mine + (apart + quarter / 2) % quarter - quarter / 2


def open_to(view: View, angle: float) -> Script:
    """Opens or closes the fingers to an angle, rad."""
    for _ in range(20):
        left = float(view.joints[-1]) - angle
        if abs(left) < 0.03:
            return
        yield view.action(gripper=left)


def grasp(view: View, index: int, height: float = TIPS) -> Script:
    """Grips a block from above; the tool is then this far over its middle."""
    yaw, view.opening = squarely(view, index), 0.0
    yield from view.go(lambda: view.object(index) + up(OVER), yaw)
    yield from open_to(view, NARROW)
    yield from view.go(lambda: view.object(index) + up(height), yaw, near=0.005)
    yield from view.grip(-1.0, CLOSE)


def carry(view: View, index: int, xyz: FloatArray, near: float = 0.01, steps: int = 60) -> Script:
    """Moves what the hand holds to a place."""
    yield from view.go(lambda: xyz - view.object(index) + view.tool, near=near, steps=steps)


def lift(view: View) -> Script:
    """Grips the block and lifts it to the goal."""
    yield from grasp(view, 0)
    while True:
        yield view.towards(view.goal - view.object() + view.tool)


def release(view: View, rise: float = 0.10) -> Script:
    """Opens the hand no further than it must and goes straight up."""
    yield from view.grip(1.0, LET_GO)
    view.opening = 0.0
    yield from view.go(view.tool + up(rise), steps=20)


def stack(view: View) -> Script:
    """Puts the red block on the blue one."""
    yield from grasp(view, 0)
    yield from view.go(view.tool + up(0.09), near=0.02)
    yield from carry(view, 0, view.object(1) + up(0.10))
    yield from carry(view, 0, view.object(1) + up(0.046), near=0.003)
    yield from release(view)


def clear_blocks(view: View) -> Script:
    """Drops each block into its own corner of the bin."""
    scene = view.scene
    assert isinstance(scene, JacoClearBlocks)
    places = BIN_PLACES[: len(scene.objects)]
    for index, aside in [*enumerate(places)] * 2:
        if not view.achieved[3 * index : 3 * index + 3].any():
            continue
        yield from grasp(view, index)
        yield from view.go(view.tool + up(0.10), near=0.03)
        yield from carry(view, index, scene.bin_xyz + aside)
        yield from release(view)


def stick(view: View) -> Script:
    """Goes around the hanging stick, grips it and brings it to the goal."""
    while np.linalg.norm(view.object() - STICK - view.tool) > 0.008:
        yield view.towards(view.object() - STICK, share=GENTLE)
    yield from view.grip(-1.0, 65)
    while True:
        yield view.towards(view.goal - view.object() + view.tool, share=GENTLE)
