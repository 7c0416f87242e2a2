# SPDX-License-Identifier: Apache-2.0
"""Scripted experts of the tasks of an arm that is moved joint by joint."""

import numpy as np

from robot_rl.control.kinematics import Kinematics, least_squares, rotation_vector
from robot_rl.task import robot_of
from robot_rl.types import FloatArray
from sim_bridge.experts.view import Script, View
from sim_bridge.tasks import door, door_parts

GAIN = 0.5  # of the way that is left, in one action period
DAMPING = 0.05  # of the least squares, m/rad
POSTURE = 0.05  # share of the way back to the first posture, where the tool leaves it free


class Arm:
    """Moves the tool of the arm by its joints.

    Attributes:
        ahead: the tool's z axis, which is kept, in the base frame, shape [3].
    """

    def __init__(self, view: View) -> None:
        """Takes the present posture as the one to keep near, its orientation as the tool's."""
        self._view = view
        self._kinematics = Kinematics(robot_of(view.task))
        self._posture = view.joints
        self._rotation = self._kinematics.evaluate(self._posture).rotation
        self.ahead = self._rotation[:, 2]

    def towards(self, xyz: FloatArray, gain: float = GAIN) -> FloatArray:
        """The action that goes a share of the way to a point, m, base frame, shape [3]."""
        joints = self._view.joints
        tool = self._kinematics.evaluate(joints)
        turn = rotation_vector(self._rotation @ tool.rotation.T)
        back = POSTURE * (self._posture - joints)
        twist = gain * np.concatenate((xyz - tool.position_xyz, turn)) - tool.jacobian @ back
        return self._view.slowed(least_squares(tool.jacobian, twist, DAMPING) + back)

    def go(self, xyz: FloatArray, near: float = 0.01, steps: int = 60) -> Script:
        """Moves the tool to a point, until it is as near as this, m, or for so many periods."""
        for _ in range(steps):
            if float(np.linalg.norm(xyz - self._view.tool)) < near:
                return
            yield self.towards(xyz)


def reach(view: View) -> Script:
    """Goes straight to the goal."""
    arm = Arm(view)
    while True:
        yield arm.towards(view.goal)


# ---- door ------------------------------------------------------------------------------------

GRIP = 0.095  # m, from the spindle, where the rod lies on the lever
TOUCH = door_parts.ROD_RADIUS + door_parts.LEVER_RADIUS
ABOVE = 0.05  # m, over the touch, on the way there
PRESS = 0.006  # m, under the touch, so that the rod pushes
TURNED, TURN = np.radians(80.0), 0.04  # rad, of the lever when the door may go; a period
LEAD, SWING = 0.10, 0.008  # rad, that the hook is led beyond the goal; a period
BEFORE = 0.10  # m, in front of the lever


def open_door(view: View) -> Script:
    """Hooks the lever from above, turns it, and pushes or pulls the door along."""
    scene, arm = view.scene, Arm(view)
    assert isinstance(scene, door.Door)

    def over(angle: float, turn: float, height: float) -> FloatArray:
        point, upper, _ = scene.lever_point(angle, turn, GRIP)
        return point + (TOUCH + height) * upper - door_parts.HOLD * arm.ahead

    start = over(0.0, 0.0, ABOVE)
    yield from arm.go(start - BEFORE * arm.ahead)
    yield from arm.go(start)
    for turn in np.arange(0.0, TURNED, TURN):
        yield arm.towards(over(0.0, turn, -PRESS))
    way = np.sign(view.goal[0])
    for angle in np.arange(0.0, door.OPEN + LEAD, SWING):
        yield arm.towards(over(way * angle, TURNED, -PRESS))
