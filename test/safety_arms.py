# SPDX-License-Identifier: Apache-2.0
"""A planar arm that can be computed by hand, and an independent judge of safe commands."""

import dataclasses
import math
from types import SimpleNamespace

import numpy as np

from robot_rl.safety.config import SafetyConfig
from robot_rl.types import JointCommand, JointState, Wrench

PERIOD_S = 0.05
PERIOD_NS = 50_000_000

#: The planar arm's tool is 0.5 m in front of the base in this posture.
HOME = np.array([0.5, -1.0, 0.5])

CONFIG = SafetyConfig(
    sphere_center=(0.8, 0.0, 0.0),
    sphere_radius=0.3,
    sphere_return_speed=0.05,
    joint_margin=0.1,
    joint_speed_scale=0.5,
    tool_speed=0.25,
    force=60.0,
    torque=10.0,
    stop_force=120.0,
    stop_torque=20.0,
    state_timeout=0.1,
    command_timeout=0.1,
    bad_input_limit=3,
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
    return [
        *_joint_complaints(joints, position, arm, limits, period_s),
        *_tool_complaints(joints, arm.evaluate(position), limits, period_s),
        *_touch_complaints(joints, arm.evaluate(position), limits, touch),
    ]


def _joint_complaints(joints, position, arm, limits, period_s):
    found = []
    if (np.abs(joints) > arm.velocity_limits * limits.joint_speed_scale * (1 + 1e-6)).any():
        found.append('joint speed')
    lower, upper = (arm.position_limits + limits.joint_margin * np.array([1.0, -1.0])).T
    ahead = position + joints * period_s
    if ((ahead > upper + 1e-6) & (joints > 1e-6)).any():
        found.append('upper limit')
    if ((ahead < lower - 1e-6) & (joints < -1e-6)).any():
        found.append('lower limit')
    return found


def _tool_complaints(joints, tool, limits, period_s):
    motion = tool.jacobian[:3] @ joints
    now = tool.position_xyz - np.array(limits.sphere_center)
    before, after = np.linalg.norm(now), np.linalg.norm(now + motion * period_s)
    found = []
    if np.linalg.norm(motion) > limits.tool_speed * (1 + 1e-6):
        found.append('tool speed')
    if after > max(before, limits.sphere_radius) + 1e-6:
        found.append('leaves the sphere')
    outside = before > limits.sphere_radius + 1e-9
    if outside and np.linalg.norm(motion) > limits.sphere_return_speed * (1 + 1e-6):
        found.append('fast outside')
    return found


def _touch_complaints(joints, tool, limits, touch):
    if touch is None:
        return []
    force, torque = math.hypot(*touch.force_xyz), math.hypot(*touch.torque_xyz)
    most_force = math.inf if limits.force is None else limits.force
    most_torque = math.inf if limits.torque is None else limits.torque
    if force <= most_force and torque <= most_torque:
        return []
    twist = tool.jacobian @ joints
    power = (tool.rotation @ touch.force_xyz) @ twist[:3]
    power += (tool.rotation @ touch.torque_xyz) @ twist[3:]
    # Written so that NaN, of readings too large to multiply, passes: such a wrench is a stop.
    return ['pushes on'] if power < -1e-6 * math.hypot(force, torque) else []


def angle(a, b):
    """Angle between two vectors, rad."""
    cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
    return math.acos(min(1.0, max(-1.0, float(cosine))))
