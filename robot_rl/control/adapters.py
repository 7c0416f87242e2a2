# SPDX-License-Identifier: Apache-2.0
"""Between joint arrays and the vendors' messages as plain data, with joints mapped by name.

The driver node fills the messages in.
"""

from dataclasses import dataclass

import numpy as np

from robot_rl.control.driver import Setpoint
from robot_rl.control.driver_config import DriverConfig
from robot_rl.errors import InputError
from robot_rl.types import FloatArray


@dataclass(frozen=True, slots=True)
class TrajectoryPoint:
    """The content of a `trajectory_msgs/JointTrajectory` with one point and a zero stamp.

    A zero stamp means *from now on*, so that no clock of ours reaches the robot.

    Attributes:
        joint_names: the vendor's.
        positions: rad or m, shape [J].
        time_from_start_ns: when the point shall be reached.
    """

    joint_names: list[str]
    positions: list[float]
    time_from_start_ns: int


def joint_trajectory(
    config: DriverConfig, joints: tuple[str, ...], setpoint: Setpoint
) -> TrajectoryPoint:
    """For ros2_control's `joint_trajectory_controller`: where the joints shall be in a moment.

    The point is given as positions alone, because by default the controller refuses a trajectory
    that ends with a velocity (`allow_nonzero_velocity_at_trajectory_end`, Jazzy and later). When
    nothing more comes, it stops there: at most `horizon_s` of motion beyond the set-point.
    """
    ahead: FloatArray = setpoint.position + setpoint.velocity * config.horizon_s
    return TrajectoryPoint(
        joint_names=[config.names.get(joint, joint) for joint in joints],
        positions=ahead.tolist(),
        time_from_start_ns=round(config.horizon_s * 1e9),
    )


def velocity_array(setpoint: Setpoint) -> list[float]:
    """For ros2_control's velocity group controller, `std_msgs/Float64MultiArray`: rad/s, [J].

    The message carries no names; the controller's own joint list must be in the robot's order.
    That controller repeats the last velocity for ever: should this process die, the robot's own
    command time-out has to stop it.
    """
    velocity: list[float] = setpoint.velocity.tolist()
    return velocity


def by_name(
    names: list[str], values: FloatArray, joints: tuple[str, ...], topic: str
) -> FloatArray:
    """Values in the order of `joints`, shape [J].

    Raises:
        InputError: a joint is missing, double or unknown, or the counts differ; names the topic.
    """
    if len(values) != len(names):
        raise InputError(f'{topic}: {len(names)} names but {len(values)} values')
    for name in joints:
        if names.count(name) != 1:
            raise InputError(f'{topic}: expected joint {name!r} once, got {list(names)}')
    for name in names:
        if name not in joints:
            raise InputError(f'{topic}: unknown joint {name!r}; known: {list(joints)}')
    return np.asarray(values, dtype=np.float64)[[names.index(name) for name in joints]]
