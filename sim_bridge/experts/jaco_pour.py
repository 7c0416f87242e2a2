# SPDX-License-Identifier: Apache-2.0
"""Scripted expert of pouring, in joint velocities."""

import mujoco
import numpy as np

from robot_rl.control.kinematics import least_squares, rotation_from_rpy, rotation_vector
from robot_rl.types import FloatArray
from sim_bridge.experts.jaco import up
from sim_bridge.experts.view import GAIN, Script, View
from sim_bridge.tasks.jaco_pour import BOWL, JacoPour

DAMPING = 0.03  # m/rad, near which a direction counts as singular
CLOSE = 16  # periods that the hand takes to close around the mug
INTO = 0.020  # m, of the mug's axis beyond the tool
TILT = np.deg2rad(125)
LIP = 0.05  # m, from the mug's middle to where it pours, once tilted


def steer(view: View, xyz: FloatArray, rotation: FloatArray) -> FloatArray:
    """The action that moves the tool towards a pose by its joints."""
    data, names = view.data, view.axes[:-1]
    model, jacobian = data.model, np.zeros((6, data.model.nv))
    mujoco.mj_jac(model, data, jacobian[:3], jacobian[3:], view.tool, model.body('tool0').id)
    columns = [int(model.joint(name).dofadr[0]) for name in names]
    turn = rotation_vector(rotation @ view.rotation.T)
    way = np.concatenate((np.clip(xyz - view.tool, -0.03, 0.03), np.clip(turn, -0.1, 0.1)))
    moves = least_squares(jacobian[:, columns], GAIN * way, DAMPING)
    moves *= min(1.0, float((view.scale[:-1] / np.maximum(np.abs(moves), 1e-9)).min()))
    return view.action(**dict(zip(names, moves.tolist(), strict=True)))


def reach(view: View, xyz: FloatArray, rotation: FloatArray, steps: int = 80) -> Script:
    """Moves the tool to a pose, until it is there or for so many periods."""
    for _ in range(steps):
        turned = np.linalg.norm(rotation_vector(rotation @ view.rotation.T)) < 0.06
        if float(np.linalg.norm(xyz - view.tool)) < 0.008 and turned:
            return
        yield steer(view, xyz, rotation)


def pour(view: View) -> Script:
    """Grips the mug from behind, carries it beside the bowl, and turns the hand."""
    scene = view.scene
    assert isinstance(scene, JacoPour)
    level, height = view.rotation, view.tool[2] - scene.top
    mug, bowl = view.object(0), view.object(1)
    at = np.array([mug[0] - INTO, mug[1], scene.top + height])
    yield from reach(view, at, level)
    yield from view.grip(-1.0, CLOSE)
    yield from reach(view, at + up(0.12), level)
    over = np.array([bowl[0] - INTO, bowl[1] - LIP, scene.top + BOWL.height + 0.09])
    yield from reach(view, over, level)
    tilt = 0.0
    while True:
        tilt = min(tilt + 0.03, TILT)
        yield steer(view, over, rotation_from_rpy(np.array([-tilt, 0.0, 0.0])) @ level)
