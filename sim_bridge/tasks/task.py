# SPDX-License-Identifier: Apache-2.0
"""What a task adds to the arm's scene; every scene derives from `Task`."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import mujoco
import numpy as np

from robot_rl.control.kinematics import Kinematics, inverse, least_squares, rotation_from_rpy
from robot_rl.control.robot import RobotConfig
from robot_rl.errors import InputError
from robot_rl.types import Entries, FloatArray, JointCommand
from sim_bridge.scene import STIFF, Physics

DAMPING = 0.01  # of the least squares that map control errors to joints, m/rad


@dataclass(frozen=True)
class NoOptions:
    """Of a scene that has none."""


@dataclass(frozen=True)
class Start:
    """Where an episode starts.

    Attributes:
        tool_xyz: m, base frame, shape [3].
        yaw: rad, about the base's z, beyond the orientation that the task names.
        gripper: position of the leading finger joint, m or rad; that of home where absent.
        joints: rad or m, shape [J], in place of all others.
        squeeze: whether the fingers press on what is between them.
    """

    tool_xyz: FloatArray
    yaw: float = 0.0
    gripper: float | None = None
    joints: FloatArray | None = None
    squeeze: bool = False


class Task:
    """A scene, its start states, what a tracker would tell of it, and its goal.

    Attributes:
        physics: time step and contacts.
        options: of the scene, an instance of `Options`.
        goal_xyz: centre of the task, as its YAML names it, m, base frame, shape [3].
        goal_rotation: orientation of the tool that the YAML names, shape [3, 3].
        desired: what `achieved` should become; drawn by `reset`.
        loose: names of bodies whose size may be made to vary.
    """

    Options: ClassVar[type[Any]] = NoOptions
    physics: Physics = STIFF
    loose: tuple[str, ...] = ()

    def __init__(
        self, goal_xyz: FloatArray, goal_rotation: FloatArray, options: Any = None
    ) -> None:
        """Keeps what the YAML says."""
        self.goal_xyz = goal_xyz
        self.goal_rotation = goal_rotation
        self.options = options if options is not None else self.Options()
        self.desired = np.zeros(0)

    def add_to(self, scene: mujoco.MjSpec, tool: mujoco.MjsBody, visuals: bool) -> None:
        """Puts objects and surroundings into the scene, or into the gripper."""
        raise NotImplementedError

    def bind(self, model: mujoco.MjModel) -> None:
        """Finds its parts in the compiled scene."""

    def resize(self, factors: dict[str, float]) -> None:
        """Takes note of the size that its loose bodies have in the episode that begins."""

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Places objects, draws `desired`, and says where the arm starts.

        The world's time, joints and objects were put to their defaults before.
        """
        raise NotImplementedError

    def control_error(self, rng: np.random.Generator) -> FloatArray | None:
        """How the tool moves besides what is commanded, in the coming control period.

        Returns:
            m/s, base frame, shape [3]; none for an arm that obeys.
        """
        return None

    def settle(self, data: mujoco.MjData, rng: np.random.Generator) -> bool:
        """Places what depends on the arm at its start; whether anything moved."""
        return False

    def show_goal(self, data: mujoco.MjData, rng: np.random.Generator) -> Start | None:
        """Puts the objects where they are desired, for a picture of the goal.

        Args:
            data: a scene that is only looked at.
            rng: chooses what the goal leaves open.

        Returns:
            Where the arm is then; None for where it is now.

        Raises:
            InputError: the scene does not say what its goal looks like.
        """
        raise InputError(f'scene {type(self).__name__}: has no picture of its goal')

    def observe(self, data: mujoco.MjData) -> Entries:
        """Float64 vectors by name: `achieved_goal`, `desired_goal`, and what the task adds.

        A task whose goal is the tool's has none of it.
        """
        return {}

    def paint(self, model: mujoco.MjModel) -> None:
        """Gives the twin that is drawn the colours that this episode has."""

    def contact(self, tool_xyz: FloatArray, tool_rotation: FloatArray) -> bool:
        """An electrical contact, where the scene has one."""
        return False

    def privileged(self, tool_xyz: FloatArray, tool_rotation: FloatArray) -> dict[str, FloatArray]:
        """What no sensor gives."""
        return {}

    def save(self) -> Any:
        """What the future depends on besides the physics."""
        return self.desired.copy()

    def load(self, state: Any) -> None:
        """Goes back to what `save` gave."""
        self.desired = state.copy()


def posture_at(
    start: Start, robot: RobotConfig, kinematics: Kinematics, rotation: FloatArray
) -> FloatArray:
    """Joint positions [J] of a start; rotation [3, 3] is the tool's that the task names."""
    if start.joints is not None:
        return np.asarray(start.joints, dtype=np.float64)
    home = np.array(robot.home)
    if start.gripper is not None and robot.gripping:
        home[-1] = start.gripper
    turn = rotation_from_rpy(np.array([0.0, 0.0, start.yaw]))
    return inverse(kinematics, home, start.tool_xyz, turn @ rotation)


def disturbed(command: JointCommand, jacobian: FloatArray, error_xyz: FloatArray) -> JointCommand:
    """A velocity command that moves the tool by so much too fast, m/s, base frame, shape [3]."""
    if command.mode != 'velocity':
        return command
    twist = np.concatenate((error_xyz, np.zeros(3)))
    return replace(command, value=command.value + least_squares(jacobian, twist, DAMPING))
