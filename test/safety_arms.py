# SPDX-License-Identifier: Apache-2.0
"""A planar arm that can be computed by hand, and the judge of one safe command."""

import dataclasses
import math
from types import SimpleNamespace

import numpy as np

from benchmarks import safety_judge
from benchmarks.safety_draws import LIMITS
from robot_rl.types import JointCommand, JointState, Wrench

PERIOD_S = 0.05
PERIOD_NS = 50_000_000

#: The planar arm's tool is 0.5 m in front of the base in this posture.
HOME = np.array([0.5, -1.0, 0.5])

CONFIG = dataclasses.replace(
    LIMITS,
    sphere_center=(0.8, 0.0, 0.0),
    joint_speed_scale=0.5,
    force=60.0,
    torque=10.0,
    stop_force=120.0,
)


def config(**changes):
    return dataclasses.replace(CONFIG, **changes)


class PlanarArm:
    """Three links in the x-y plane of the base, turning about z."""

    lengths = np.array([0.4, 0.3, 0.2])
    gripping = False

    def __init__(self):
        self.position_limits = np.array([[-2.0, 2.0], [-2.5, 2.5], [-np.inf, np.inf]])
        self.velocity_limits = np.array([2.0, 2.0, 4.0])

    def evaluate(self, position):
        angles = np.cumsum(position)
        links = self.lengths * np.array([np.cos(angles), np.sin(angles)])
        # Joint i moves the tool about its own origin: the sum of the links from i on.
        arms = np.cumsum(links[:, ::-1], axis=1)[:, ::-1]
        jacobian = np.zeros((6, 3))
        jacobian[0], jacobian[1], jacobian[5] = -arms[1], arms[0], 1.0
        tool = np.array([*links.sum(axis=1), 0.0])
        turn = angles[-1]
        rotation = np.array(
            [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1.0]]
        )
        return SimpleNamespace(position_xyz=tool, rotation=rotation, jacobian=jacobian)


def state(position=HOME, stamp_ns=0):
    position = np.array(position, dtype=np.float64)
    return JointState(stamp_ns, position, np.zeros(len(position)))


def velocity(value, stamp_ns=0):
    return JointCommand(stamp_ns, 'velocity', np.array(value, dtype=np.float64))


def wrench(force=(0.0, 0.0, 0.0), torque=(0.0, 0.0, 0.0), stamp_ns=0):
    return Wrench(stamp_ns, np.array(force, dtype=np.float64), np.array(torque, dtype=np.float64))


def complaints(command, position, arm, limits, touch=None, period_s=PERIOD_S):
    """Why a command is not allowed at joint positions and a wrench; empty when it is."""
    size = len(arm.velocity_limits)
    if command.value.dtype != np.float64 or command.value.shape != (size,):
        return ['size']
    if not np.isfinite(command.value).all():
        return ['finite']
    if position is None:
        return [] if command.mode == 'velocity' and not command.value.any() else ['moves blindly']
    value = command.value
    joints = value if command.mode == 'velocity' else (value - position) / period_s
    tool, load = arm.evaluate(position), np.zeros(6)
    if touch is not None:
        load = np.concatenate((touch.force_xyz, touch.torque_xyz))
    before = np.zeros(size)
    pose = tool.position_xyz, tool.rotation, tool.jacobian
    moves = safety_judge.Moves.of([(joints, position, before, *pose, load, False)])
    return [name for _, name in safety_judge.complaints(moves, arm, limits, period_s)]


def angle(a, b):
    """Angle between two vectors, rad."""
    cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
    return math.acos(min(1.0, max(-1.0, float(cosine))))
