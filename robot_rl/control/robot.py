# SPDX-License-Identifier: Apache-2.0
"""A robot, read from one YAML: its URDF, arm joints, home, tool frame and low-level control."""

from dataclasses import dataclass, field

from robot_rl import config, resources
from robot_rl.control import urdf
from robot_rl.control.driver import DriverConfig
from robot_rl.errors import InputError
from robot_rl.types import CommandMode


@dataclass(frozen=True)
class LowLevel:
    """The simulated stand-in for the firmware's joint controller and wrist sensor.

    Attributes:
        stiffness: N m/rad per joint.
        damping: N m s/rad per joint.
        push_force: N per base axis; the set-point runs ahead of a blocked tool by no more.
        push_torque: N m per base axis, likewise.
        gravity_compensation: whether the firmware carries the arm's weight.
        force_noise: N, standard deviation of the wrist sensor per axis.
        torque_noise: N m, standard deviation of the wrist sensor per axis.
    """

    stiffness: tuple[float, ...]
    damping: tuple[float, ...]
    push_force: float
    push_torque: float
    gravity_compensation: bool = True
    force_noise: float = 0.0
    torque_noise: float = 0.0

    def __post_init__(self) -> None:
        """Refuses gains, forces and noise without meaning."""
        gains = (*self.stiffness, *self.damping, self.push_force, self.push_torque)
        if not all(gain > 0 for gain in gains):
            raise ValueError('low_level: stiffness, damping and push limits must be above 0')
        if not (self.force_noise >= 0 and self.torque_noise >= 0):
            raise ValueError('low_level: noise must be 0 or above')


@dataclass(frozen=True)
class RobotConfig:
    """What the software knows of a robot besides its URDF.

    Attributes:
        name: as in the file's name.
        urdf: name in `urdf/`, with xacro arguments behind it where it takes any.
        base_frame: URDF link in which tool positions are given.
        tool_frame: URDF link of the grasp point.
        joints: the J commanded joints, in the order of every joint array.
        home: rad or m, shape [J]; posture that redundant joints are drawn to.
        command_mode: what the joints understand. 'velocity' and 'position' both move a set-point
            that springs pull to, and a simulated robot takes either; 'torque' is N m or N
            straight to the joints, without springs, and is for simulation only.
        low_level: simulated stand-in for the firmware.
        held: rad or m by name; joints that stay where they are while the arm moves. Joints
            named neither here nor in `joints` stay at zero.
        wrist: URDF link that the wrist sensor carries, with all behind it; the first link behind
            the last joint on the way to the tool where none is named.
        base_height: m, of the URDF's root over the floor, for pictures.
        driver: topics of the real robot.
    """

    name: str
    urdf: str
    base_frame: str
    tool_frame: str
    joints: tuple[str, ...]
    home: tuple[float, ...]
    command_mode: CommandMode
    low_level: LowLevel
    held: dict[str, float] = field(default_factory=dict)
    wrist: str = ''
    base_height: float = 0.0
    driver: DriverConfig | None = None

    def __post_init__(self) -> None:
        """Refuses lists that do not match the joints."""
        if not self.joints or len(set(self.joints)) != len(self.joints):
            raise ValueError(f'joints: expected distinct names, got {list(self.joints)}')
        for key, values in (
            ('home', self.home),
            ('low_level: stiffness', self.low_level.stiffness),
            ('low_level: damping', self.low_level.damping),
        ):
            if len(values) != len(self.joints):
                raise ValueError(
                    f'{key}: expected {len(self.joints)} values, one a joint, got {len(values)}'
                )
        both = set(self.joints) & set(self.held)
        if both:
            raise ValueError(f'held: {sorted(both)} are in joints, too')


def load_robot(name: str) -> RobotConfig:
    """Reads a robot by name or path and checks it against its URDF.

    Raises:
        InputError: names the file and the key; a joint or frame that the URDF lacks is
            answered with the list of those that it has.
    """
    path = resources.find('config/robots', name)
    robot = config.load(RobotConfig, path)
    _check_names(robot, str(path))
    joints = urdf.joints(robot.urdf)
    for joint, position in (*zip(robot.joints, robot.home, strict=True), *robot.held.items()):
        lower, upper = joints[joint].lower, joints[joint].upper
        if not lower <= position <= upper:
            raise InputError(
                f'{path}: joint {joint} at {position}: expected within the limits '
                f'[{lower}, {upper}] of URDF {robot.urdf!r}'
            )
    return robot


def _check_names(robot: RobotConfig, where: str) -> None:
    joints, links = urdf.joints(robot.urdf), urdf.links(robot.urdf)
    for key, names, known in (
        ('joints', robot.joints, tuple(joints)),
        ('held', tuple(robot.held), tuple(joints)),
        ('base_frame', (robot.base_frame,), links),
        ('tool_frame', (robot.tool_frame,), links),
        ('wrist', (robot.wrist,) if robot.wrist else (), links),
    ):
        missing = [name for name in names if name not in known]
        if missing:
            raise InputError(
                f'{where}: {key}: URDF {robot.urdf!r} has no {", ".join(missing)}; '
                f'it has {", ".join(known)}'
            )
