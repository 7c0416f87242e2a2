# SPDX-License-Identifier: Apache-2.0
"""Scripted experts of Sawyer's tasks with a gripper at a table."""

import numpy as np

from robot_rl.types import FloatArray
from sim_bridge.experts.view import Script, View
from sim_bridge.tasks.drawer import TRAVEL
from sim_bridge.tasks.sawyer_drawer import SawyerDrawer
from sim_bridge.tasks.sawyer_pick import KNOB_HALF, LID_HALF, SawyerPick
from sim_bridge.tasks.table import FAR

UP = np.array([0.0, 0.0, 1.0])
SAFE = 0.15  # m, over the table, where the hand passes over everything
LOW = 0.042  # m, over the table, at the height of the handle
HOOK = -0.022  # m, from the bar, of fingers behind it
PUSH = 0.035  # m, from the bar, of fingers before it
PRESSED = 0.022  # m, that the tool goes down at a button, from where its fingers touch it
TIP = 0.007  # m, from the tool to the fingertips


def drawer(view: View) -> Script:
    """Brings away the can, if there is one, then presses the button, or moves the handle."""
    scene = view.scene
    assert isinstance(scene, SawyerDrawer)
    if scene.options.can:
        yield from carry(view, view.goal[:3], grasp=0.015)
    yield from view.grip(-1.0, 2)
    if scene.button:
        yield from _press(view)
        return
    wanted = view.goal[0] if not scene.options.can else _opening(view, view.goal[3:])
    if wanted > view.told('drawer')[0]:
        yield from _slide(view, wanted, HOOK)
    else:
        yield from _slide(view, wanted, PUSH)


def _opening(view: View, handle: FloatArray) -> float:
    """The opening at which the handle is at a place."""
    told = view.told('drawer')
    return float(told[0] + (handle[:2] - told[2:4]) @ told[5:])


def _slide(view: View, wanted: float, offset: float) -> Script:
    """Puts the fingers down behind or before the bar, moves it, and lifts them again."""

    def ahead(out: float, height: float) -> FloatArray:
        told = view.told('drawer')
        xy = told[2:4] + out * told[5:]
        return np.array([*xy, view.scene.goal_xyz[2] + height])

    yield from view.go(lambda: np.array([*view.tool[:2], SAFE]), near=0.03)
    yield from view.go(lambda: ahead(offset, SAFE), near=0.008)
    yield from view.go(lambda: ahead(offset, LOW), near=0.006)
    for _ in range(40):
        left = wanted - view.told('drawer')[0]
        if left * np.sign(offset) > -0.004:
            break
        far = np.sign(left) * np.clip(abs(left), 0.008, 0.03)
        here = view.tool
        along = view.told('drawer')[5:]
        yield view.towards(np.array([*(here[:2] + far * along), here[2]]), share=1.0)
    yield from view.go(view.tool + (SAFE - LOW) * UP, near=0.02)


def _press(view: View) -> Script:
    """Presses the button until the drawer has come out."""
    above = view.told('button') + (0.05 + TIP) * UP
    yield from view.go(np.array([*above[:2], SAFE]), near=0.01)
    yield from view.go(above, near=0.01)
    for _ in range(25):
        if view.told('drawer')[0] > 0.9 * TRAVEL:
            break
        yield view.towards(view.told('button') + (TIP - PRESSED) * UP)
    yield from view.go(np.array([*above[:2], SAFE]), near=0.01)


def carry(view: View, place: FloatArray, grasp: float, index: int = 0) -> Script:
    """Grips an object from above, this far over its middle, and sets it down at a place."""
    over, lift = grasp * UP, np.array([0.0, 0.0, 0.10])
    yield from view.grip(1.0, 2)
    yield from view.go(lambda: view.object(index) + over + lift, near=0.01)
    yield from view.go(lambda: view.object(index) + over, near=0.006)
    yield from view.grip(-1.0, 4)
    held = view.tool - view.object(index)
    yield from view.go(view.tool + lift, near=0.02)
    yield from view.go(place + held + lift, near=0.008)
    yield from view.go(place + held + 0.002 * UP, near=0.005)
    yield from view.grip(1.0, 4)
    yield from view.go(lambda: place + held + lift, near=0.02)


def pick(view: View) -> Script:
    """Puts the block, or the episode's toy, where it shall be."""
    scene = view.scene
    assert isinstance(scene, SawyerPick)
    index = next(i for i in range(len(scene.objects)) if view.object(i)[0] < FAR / 2)
    yield from carry(view, view.goal, scene.grips[index], index)


def lid(view: View) -> Script:
    """Takes the lid by its knob and sets it on the pot."""
    yield from carry(view, view.goal, grasp=LID_HALF + KNOB_HALF + 0.004)
