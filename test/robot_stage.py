# SPDX-License-Identifier: Apache-2.0
"""Any robot in the simulated scene of the USB insertion, its goal below the robot's home."""

import dataclasses
import math

import numpy as np

from robot_rl.control.kinematics import Kinematics
from robot_rl.control.robot import load_robot
from robot_rl.types import JointCommand
from sim_bridge.world import World

ROBOTS = ('sawyer', 'fetch', 'jaco', 'jaco_j2n6s300')
CONTROL_HZ = 20.0


def quiet(name, **changes):
    """The robot without sensor noise."""
    robot = load_robot(name)
    low = dataclasses.replace(robot.low_level, force_noise=0.0, torque_noise=0.0)
    return dataclasses.replace(robot, low_level=low, **changes)


def make(robot):
    """A world with the socket's goal 5 cm below the home of any robot."""
    tool = Kinematics(robot).evaluate(np.array(robot.home))
    goal_xyz = tool.position_xyz - np.array([0.0, 0.0, 0.05])
    return World('usb_insertion', robot, goal_xyz, np.array([math.pi, 0.0, 0.0]), CONTROL_HZ)


def play(world, seconds, value=None, mode='velocity'):
    """Runs the world, with the same command in every period; without one it stands still."""
    for _ in range(round(seconds * CONTROL_HZ)):
        if value is not None:
            world.apply(JointCommand(0, mode, np.array(value, dtype=np.float64)))
        world.step()
