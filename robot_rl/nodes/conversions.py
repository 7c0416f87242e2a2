# SPDX-License-Identifier: Apache-2.0
"""Between messages and the core's types: time, joints, wrenches, commands and pictures.

What the graph's own messages carry is in `records.py`.
"""

from typing import Any

import numpy as np
from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import WrenchStamped
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, Image, JointState as JointStateMsg
from std_msgs.msg import Header
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from robot_rl.control.adapters import by_name
from robot_rl.errors import InputError
from robot_rl.perception.image import decode, encode
from robot_rl.perception.lens import MODELS, Lens, Matrix
from robot_rl.types import CommandMode, JointCommand, JointState, Wrench


def to_time(stamp_ns: int) -> Time:
    """Nanoseconds as a message."""
    return Time(sec=stamp_ns // 1_000_000_000, nanosec=stamp_ns % 1_000_000_000)


def from_time(stamp: Time) -> int:
    """A message's time in nanoseconds."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def to_duration(duration_ns: int) -> Duration:
    """Nanoseconds as a message."""
    return Duration(sec=duration_ns // 1_000_000_000, nanosec=duration_ns % 1_000_000_000)


def publisher_id(info: dict[str, Any]) -> bytes:
    """GID of who sent a message, the first 16 bytes that also name its endpoint."""
    return bytes(info['publisher_gid']['data'])[:16]


def header(stamp_ns: int, frame: str = '') -> Header:
    """A header with stamp and frame."""
    return Header(stamp=to_time(stamp_ns), frame_id=frame)


class JointOrder:
    """Maps joints by name into the robot's own order."""

    def __init__(self, joints: tuple[str, ...], strict: bool = False) -> None:
        """Keeps the robot's order.

        Args:
            joints: the robot's.
            strict: whether other names are refused, as in a command, or passed over, as in the
                joint states of a robot with more joints than its arm.
        """
        self._joints = joints
        self._strict = strict
        self._names: list[str] | None = None
        self._index: list[int] = []

    def of(self, names: list[str], topic: str) -> list[int]:
        """Positions of the robot's joints in `names`.

        Raises:
            InputError: a joint is missing, or, where that is strict, double or unknown; names
                the topic and the joint.
        """
        if names != self._names:
            if self._strict:
                by_name(list(names), np.zeros(len(names)), self._joints, topic)
            missing = [joint for joint in self._joints if joint not in names]
            if missing:
                raise InputError(f'{topic}: missing joint {missing[0]!r}; got {list(names)}')
            self._names = list(names)
            self._index = [self._names.index(joint) for joint in self._joints]
        return self._index


def to_joint_state(state: JointState, joints: tuple[str, ...], frame: str) -> JointStateMsg:
    """Joint positions and velocities, rad and rad/s."""
    return JointStateMsg(
        header=header(state.stamp_ns, frame),
        name=list(joints),
        position=state.position.tolist(),
        velocity=state.velocity.tolist(),
    )


def from_joint_state(message: JointStateMsg, order: JointOrder) -> JointState:
    """Joint positions and velocities in the robot's order."""
    index = order.of(message.name, 'joint_states')
    if len(message.position) != len(message.name):
        raise InputError(
            f'joint_states: {len(message.name)} names but {len(message.position)} positions'
        )
    velocity = message.velocity or [0.0] * len(message.name)
    return JointState(
        from_time(message.header.stamp),
        np.array(message.position)[index],
        np.array(velocity)[index],
    )


def to_wrench(wrench: Wrench, frame: str) -> WrenchStamped:
    """Force and torque, N and N m."""
    message = WrenchStamped(header=header(wrench.stamp_ns, frame))
    force, torque = message.wrench.force, message.wrench.torque
    force.x, force.y, force.z = wrench.force_xyz.tolist()
    torque.x, torque.y, torque.z = wrench.torque_xyz.tolist()
    return message


def from_wrench(message: WrenchStamped) -> Wrench:
    """Force and torque, N and N m."""
    force, torque = message.wrench.force, message.wrench.torque
    return Wrench(
        from_time(message.header.stamp),
        np.array([force.x, force.y, force.z]),
        np.array([torque.x, torque.y, torque.z]),
    )


def to_command(command: JointCommand, joints: tuple[str, ...]) -> JointTrajectory:
    """One point with velocities, positions or efforts."""
    values = command.value.tolist()
    point = JointTrajectoryPoint()
    if command.mode == 'velocity':
        point.velocities = values
    elif command.mode == 'position':
        point.positions = values
    else:
        point.effort = values
    return JointTrajectory(
        header=header(command.stamp_ns), joint_names=list(joints), points=[point]
    )


def from_command(message: JointTrajectory, order: JointOrder, topic: str) -> JointCommand:
    """One point, in the robot's order.

    Raises:
        InputError: more or fewer points than one, a missing joint, or a wrong number of values.
    """
    if len(message.points) != 1:
        raise InputError(f'{topic}: expected one point, got {len(message.points)}')
    index = order.of(message.joint_names, topic)
    point = message.points[0]
    mode: CommandMode = 'velocity' if point.velocities else 'position'
    if point.effort and not (point.velocities or point.positions):
        mode = 'torque'
    values = np.array(point.velocities or point.positions or point.effort)
    if len(values) != len(message.joint_names):
        raise InputError(f'{topic}: expected {len(message.joint_names)} values, got {len(values)}')
    return JointCommand(from_time(message.header.stamp), mode, values[index])


def to_image(pixels: NDArray[np.generic], stamp_ns: int, frame: str) -> Image:
    """A picture [H, W, C] as the core gives it: RGB, gray, metres or millimetres."""
    encoding, step, data = encode(pixels if pixels.dtype == np.uint8 else pixels[..., 0])
    height, width = pixels.shape[:2]
    return Image(
        header=header(stamp_ns, frame),
        height=height,
        width=width,
        encoding=encoding,
        step=step,
        data=data,
    )


def from_image(message: Image, topic: str) -> NDArray[np.generic]:
    """Pixels, shape [H, W, C]; colour is RGB whatever the encoding.

    Raises:
        InputError: an encoding that the graph does not speak, or bytes that do not fill it.
    """
    layout = message.encoding, message.height, message.width, message.step
    try:
        image = decode(message.data, *layout, bool(message.is_bigendian))
    except InputError as error:
        raise InputError(f'{topic}: {error}') from error
    return image if image.ndim == 3 else image[..., None]


def from_camera_info(message: CameraInfo, topic: str) -> Lens:
    """The lens that a message tells.

    Raises:
        InputError: it is none; names the topic.
    """
    model = message.distortion_model or 'plumb_bob'
    if model not in MODELS:
        known = ', '.join(MODELS)
        raise InputError(f'{topic}: distortion_model {model}: expected one of {known}')
    matrix, coefficients = Matrix.of(np.array(message.k).reshape(3, 3)), Matrix.of(message.d)
    try:
        return Lens(message.width, message.height, matrix, model, coefficients)
    except ValueError as error:
        raise InputError(f'{topic}: {error}') from error
