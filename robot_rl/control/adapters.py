# SPDX-License-Identifier: Apache-2.0
"""Between joint arrays and the vendors' messages as plain data, with joints mapped by name.

`nodes/vendors.py` fills the messages in.
"""

import json
from dataclasses import dataclass

import numpy as np

from robot_rl.control.driver import Setpoint
from robot_rl.control.driver_config import DriverConfig, GripperDriver
from robot_rl.errors import InputError
from robot_rl.types import FloatArray, JointState


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
        joint_names=list(config.vendor_names(joints)),
        positions=ahead.tolist(),
        time_from_start_ns=round(config.horizon_s * 1e9),
    )


def efforts(
    config: DriverConfig, setpoint: Setpoint, state: JointState, limits: FloatArray
) -> FloatArray:
    """For ros2_control's effort controller: springs and dampers to the set-point, N m or N, [J].

    The robot itself carries its weight. It repeats the last effort for ever: should this process
    die, its own time limit has to stop it.

    Args:
        config: with `stiffness` and `damping`.
        setpoint: where the joints shall be, and how fast.
        state: measured; a finger joint behind the arm's is left out.
        limits: greatest effort of each joint, N m or N, shape [J].
    """
    n = len(setpoint.position)  # without fingers
    behind = np.multiply(config.stiffness, setpoint.position - state.position[:n])
    slower = np.multiply(config.damping, setpoint.velocity - state.velocity[:n])
    return np.asarray(np.clip(behind + slower, -limits, limits))


def kinova_degrees(setpoint: Setpoint) -> list[float]:
    """For `kinova_msgs/JointVelocity`: deg/s of seven joints; those that an arm lacks stand still.

    Each message moves the arm for one period of its firmware, 10 ms.
    """
    degrees = np.degrees(setpoint.velocity).tolist()
    return [*degrees, *[0.0] * (7 - len(degrees))]


def intera_gripper(width: float) -> str:
    """The arguments of an `intera_io_msgs/IOComponentCommand` that opens the gripper so far, m."""
    signal = {'format': {'type': 'float'}, 'data': [width]}
    return json.dumps({'signals': {'position_m': signal}})


class Fingers:
    """Where the fingers shall be, in the vendor's units, told when it has changed.

    Grippers are moved by goals: one for each period of the arm would be one too many.
    """

    def __init__(self, config: GripperDriver) -> None:
        """Starts with nothing told."""
        self._config = config
        self._told: float | None = None
        self._told_ns = 0

    def due(self, position: float, now_ns: int) -> float | None:
        """The goal to send now, if any.

        Args:
            position: set-point of the leading finger joint, rad or m.
            now_ns: monotonic clock.
        """
        config = self._config
        wanted = config.scale * position + config.offset
        near = self._told is not None and abs(wanted - self._told) < config.step
        if near or now_ns - self._told_ns < 1e9 / config.rate_hz:
            return None
        self._told, self._told_ns = wanted, now_ns
        return wanted


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
