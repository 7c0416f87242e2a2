# SPDX-License-Identifier: Apache-2.0
"""Scripted experts of the tasks of Jaco with toys."""

import numpy as np

from robot_rl.types import FloatArray
from sim_bridge.experts.jaco import CLOSE, NARROW, OVER, TIPS, open_to, release, up
from sim_bridge.experts.view import Script, View
from sim_bridge.tasks.jaco_toys import JacoClearBox, JacoOrder, JacoToys
from sim_bridge.tasks.objects import Loose

LOW = 0.052  # m, of the tool over the table, at which fingers just clear it
DROP = 0.07  # m, of a toy over the table when it falls into a box
WIDE = 0.28  # rad, of the fingers around a box


def place_of(view: View, loose: Loose) -> int:
    """Number of an object among those of the scene."""
    assert isinstance(view.scene, JacoToys)
    return view.scene.objects.index(loose)


def across(view: View, loose: Loose, axis: int) -> float:
    """The nearest yaw of the tool at which its fingers close along an axis of an object, rad."""
    index = place_of(view, loose)
    apart = view.yaw_error(float(np.arctan2(*view.turn(index)[1::-1, axis])))
    mine = float(np.arctan2(view.rotation[1, 0], view.rotation[0, 0]))
    return mine + (apart + np.pi / 2) % np.pi - np.pi / 2


def take(view: View, loose: Loose, axis: int, height: float, opening: float) -> Script:
    """Grips an object across its middle, with the tool so far over its underside."""
    index, yaw = place_of(view, loose), across(view, loose, axis)
    above = up(OVER)
    view.opening = 0.0
    yield from view.go(lambda: view.object(index) + above, yaw, near=0.02, steps=90)
    yield from open_to(view, opening)
    down = up(height)
    yield from view.go(lambda: view.object(index) + down, yaw, near=0.005)
    yield from view.grip(-1.0, CLOSE)


def bring(view: View, loose: Loose, xyz: FloatArray, yaw: float | None = None) -> Script:
    """Moves a held object up and over to a place."""
    index = place_of(view, loose)
    yield from view.go(view.tool + up(0.09), near=0.03)
    yield from view.go(lambda: xyz - view.object(index) + view.tool, yaw, near=0.012, steps=90)


def toy_height(scene: JacoOrder | JacoClearBox, loose: Loose) -> float:
    """Of the tool over a toy's underside when it grips the toy, m."""
    return max(scene.grips[loose.name] + TIPS, LOW)


def clear_box(view: View) -> Script:
    """Drops the car into the box and lifts the box."""
    scene = view.scene
    assert isinstance(scene, JacoClearBox)
    box, car = scene.pair(view.data)
    index, (_, _, height) = scene.objects.index(box), scene.sizes[box.name]
    yield from take(view, car, 1, toy_height(scene, car), NARROW)
    yield from bring(view, car, view.object(index) + up(height + 0.01), across(view, box, 0))
    yield from release(view)
    yield from take(view, box, 0, height + 0.012, WIDE)
    while True:
        yield view.towards(view.tool + up(0.14 - view.object(index)[2]))


def order(view: View) -> Script:
    """Takes one toy after another to its box."""
    scene = view.scene
    assert isinstance(scene, JacoOrder)
    most = scene.options.most
    for _ in range(3):
        for slot, loose in enumerate(scene.slots(view.data)):
            if loose is None or not view.achieved[3 * slot : 3 * slot + 3].any():
                continue
            yield from take(view, loose, 1, toy_height(scene, loose), NARROW)
            aside = 0.08 * (slot % most) - 0.04
            goal = scene.boxes_xyz[slot // most] + np.array([aside, 0.0, DROP])
            yield from bring(view, loose, goal)
            yield from release(view)
