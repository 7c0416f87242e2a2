# SPDX-License-Identifier: Apache-2.0
"""A robot, read from one YAML: its URDF, arm joints, home, tool frame and low-level control."""

from dataclasses import dataclass, field, replace

from robot_rl import config, resources
from robot_rl.control import urdf
from robot_rl.control.driver_config import DriverConfig
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
class GripperConfig:
    """Fingers that open and close with one joint, in velocity like the arm's joints.

    Attributes:
        joint: the leading finger joint.
        followers: joints that move with it, and how many times as far.
        open: rad or m, of the leading joint.
        closed: rad or m, of the leading joint.
        stiffness: N m/rad or N/m of each finger, in simulation.
        damping: N m s/rad or N s/m of each finger, in simulation.
        force: N m or N, most that a finger squeezes with, in simulation.
        deceleration: rad/s^2 or m/s^2, when commands end.
        inertia: kg m^2 or kg, of each finger's drive, in simulation; light fingers alone bounce.
    """

    joint: str
    followers: dict[str, float]
    open: float
    closed: float
    stiffness: float
    damping: float
    force: float
    deceleration: float
    inertia: float = 0.0

    def __post_init__(self) -> None:
        """Refuses fingers that do not move, and gains without meaning."""
        if self.open == self.closed:
            raise ValueError(f'gripper: open and closed are both {self.open}')
        if not min(self.stiffness, self.damping, self.force, self.deceleration) > 0:
            raise ValueError('gripper: stiffness, damping, force, deceleration must be above 0')
        if not self.inertia >= 0:
            raise ValueError(f'gripper: inertia must be 0 or above, got {self.inertia}')


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
        gripper: its fingers, where tasks may move them; they stay at their `held` positions
            until `with_gripper` makes the leading one the last of `joints`.
        gripping: whether that was done.
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
    gripper: GripperConfig | None = None
    gripping: bool = False
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

    def with_gripper(self) -> 'RobotConfig':
        """The same robot with the leading finger joint as the last of its joints.

        Raises:
            InputError: a robot without a gripper.
        """
        fingers, low, driver = self.gripper, self.low_level, self.driver
        if fingers is None:
            raise InputError(f'robot {self.name}: it has no gripper, as the task needs')
        moved = {fingers.joint, *fingers.followers}
        if driver is not None:
            deceleration = (*driver.deceleration, fingers.deceleration)
            driver = replace(driver, deceleration=deceleration)
        return replace(
            self,
            joints=(*self.joints, fingers.joint),
            home=(*self.home, fingers.open),
            held={name: q for name, q in self.held.items() if name not in moved},
            low_level=replace(
                low,
                stiffness=(*low.stiffness, fingers.stiffness),
                damping=(*low.damping, fingers.damping),
            ),
            driver=driver,
            gripping=True,
        )

    def holding(self, positions: dict[str, float]) -> 'RobotConfig':
        """The same robot with joints held elsewhere, rad or m by name.

        Raises:
            InputError: a joint that it does not hold, or a position beyond the URDF's limits.
        """
        unknown = [name for name in positions if name not in self.held]
        if unknown:
            raise InputError(
                f'robot {self.name}: held: {unknown[0]!r} is not held; '
                f'held: {", ".join(self.held)}'
            )
        robot = replace(self, held=self.held | positions)
        _check_positions(robot, f'robot {self.name}')
        return robot


def load_robot(name: str) -> RobotConfig:
    """Reads a robot by name or path and checks it against its URDF.

    Raises:
        InputError: names the file and the key; a joint or frame that the URDF lacks is
            answered with the list of those that it has.
    """
    path = resources.find('config/robots', name)
    robot = config.load(RobotConfig, path)
    _check_names(robot, str(path))
    _check_positions(robot, str(path))
    return robot


def _check_positions(robot: RobotConfig, where: str) -> None:
    joints = urdf.joints(robot.urdf)
    for joint, position in (*zip(robot.joints, robot.home, strict=True), *robot.held.items()):
        lower, upper = joints[joint].lower, joints[joint].upper
        if not lower <= position <= upper:
            raise InputError(
                f'{where}: joint {joint} at {position}: expected within the limits '
                f'[{lower}, {upper}] of URDF {robot.urdf!r}'
            )


def _check_names(robot: RobotConfig, where: str) -> None:
    joints, links = urdf.joints(robot.urdf), urdf.links(robot.urdf)
    for key, names, known in (
        ('joints', robot.joints, tuple(joints)),
        ('held', tuple(robot.held), tuple(joints)),
        ('base_frame', (robot.base_frame,), links),
        ('tool_frame', (robot.tool_frame,), links),
        ('wrist', (robot.wrist,) if robot.wrist else (), links),
        ('gripper', _finger_joints(robot), tuple(joints)),
    ):
        missing = [name for name in names if name not in known]
        if missing:
            raise InputError(
                f'{where}: {key}: URDF {robot.urdf!r} has no {", ".join(missing)}; '
                f'it has {", ".join(known)}'
            )


def _finger_joints(robot: RobotConfig) -> tuple[str, ...]:
    return (robot.gripper.joint, *robot.gripper.followers) if robot.gripper else ()
