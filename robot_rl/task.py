# SPDX-License-Identifier: Apache-2.0
"""A task, read from one YAML: robot, scene, rates, action space, observation, goal, reward."""

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from robot_rl import config, resources, task_file
from robot_rl.control.base import BaseConfig
from robot_rl.control.controller import TOOL_AXES, ActionConfig, ControllerConfig
from robot_rl.control.kinematics import Kinematics
from robot_rl.control.robot import RobotConfig, load_robot
from robot_rl.episodes.episode import GoalConfig
from robot_rl.episodes.observation import SCENE, EntryConfig, ObservationBuilder
from robot_rl.errors import InputError
from robot_rl.looks import LooksConfig
from robot_rl.perception.camera import CameraConfig
from robot_rl.planning.config import Obstacle
from robot_rl.planning.start import StartConfig
from robot_rl.randomization import RandomizationConfig
from robot_rl.replay.assembler import AssemblerConfig
from robot_rl.rewards.functions import RewardConfig
from robot_rl.safety.config import SafetyConfig
from robot_rl.types import (
    RAW_ENTRIES,
    DataSpec,
    Entries,
    EntrySpec,
    JointState,
    Snapshot,
    Wrench,
)


@dataclass(frozen=True)
class Rates:
    """How often things happen.

    Attributes:
        action_hz: policy actions a second.
        control_hz: controller and safety cycles a second, a whole multiple of `action_hz`.
    """

    action_hz: float
    control_hz: float

    def __post_init__(self) -> None:
        """Refuses rates that do not fit into one another."""
        if not 0 < self.action_hz <= self.control_hz <= 1000:
            raise ValueError(
                f'rates: expected 0 < action_hz <= control_hz <= 1000, '
                f'got {self.action_hz} and {self.control_hz}'
            )
        ratio = self.control_hz / self.action_hz
        if not math.isclose(ratio, round(ratio)):
            raise ValueError(f'rates: control_hz / action_hz must be whole, got {ratio}')

    @property
    def control_periods(self) -> int:
        """Control periods in one action period."""
        return round(self.control_hz / self.action_hz)

    @property
    def action_period_ns(self) -> int:
        """Duration of an action, nanoseconds."""
        return self.control_periods * self.control_period_ns

    @property
    def control_period_ns(self) -> int:
        """Duration of a control period, nanoseconds."""
        return round(1e9 / self.control_hz)


@dataclass(frozen=True)
class TaskConfig:
    """Everything about a task that is not the robot and not the learner.

    Attributes:
        name: as in the file's name.
        robot: default robot, a name in config/robots.
        scene: name in the simulation's table of scenes.
        scene_options: of the simulated scene.
        randomization: how far its dynamics vary from episode to episode.
        looks: how far what its cameras see varies.
        held: rad or m by name; joints that the task holds elsewhere than its robot does, such as
            fingers that are blocked.
        rates: action and control rates.
        horizon: action periods after which an episode is truncated.
        action: axes and scale of the policy's action.
        goal: believed goal and its noise.
        observation: what the policy sees.
        base: controller that the policy corrects.
        reward: which reward and its parameters.
        safety: limits of the last filter.
        agent: default agent, a name in config/agents.
        cameras: what each camera gives.
        start: where an episode starts, and how an arm gets there by itself.
        obstacles: what stands around the robot; planned ways and the look-ahead keep away from it.
    """

    name: str
    robot: str
    scene: str
    rates: Rates
    horizon: int
    action: ActionConfig
    goal: GoalConfig
    observation: tuple[EntryConfig, ...]
    base: BaseConfig
    reward: RewardConfig
    safety: SafetyConfig
    agent: str
    cameras: tuple[CameraConfig, ...] = ()
    start: StartConfig = field(default_factory=StartConfig)
    obstacles: tuple[Obstacle, ...] = ()
    scene_options: dict[str, Any] = field(default_factory=dict)
    randomization: RandomizationConfig = field(default_factory=RandomizationConfig)
    looks: LooksConfig = field(default_factory=LooksConfig)
    held: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuses an empty task, names used twice, and images of cameras that do not exist."""
        if not self.horizon > 0:
            raise ValueError(f'horizon: expected a positive number of steps, got {self.horizon}')
        for what, used in (
            ('observation', [e.name for e in self.observation]),
            ('cameras', [c.name for c in self.cameras]),
            ('obstacles', [o.name for o in self.obstacles]),
        ):
            if len(set(used)) != len(used):
                raise ValueError(f'{what}: a name is used twice in {used}')
        if self.goal.from_scene and not self.goal.tool and self.base.kind != 'none':
            raise ValueError(f'base: {self.base.kind} steers the tool, but the goal is not its')
        cameras = {c.name: c.size for c in self.cameras}
        for entry in self.observation:
            if entry.camera and entry.camera not in cameras:
                raise ValueError(f'observation: {entry.name}: no camera {entry.camera!r}')
        if self.reward.goal_image:
            seen = {e.name: cameras[e.camera] for e in self.observation if e.source == 'color'}
            self.reward.goal_image.check(seen)

    @property
    def pictures(self) -> tuple[str, ...]:
        """Names of the picture streams that an observation needs."""
        return tuple(dict.fromkeys(e.stream for e in self.observation if e.camera))

    @property
    def picture_ages_ns(self) -> dict[str, int]:
        """Greatest age of a picture beside the joint states, by stream."""
        ages = {camera.name: round(camera.max_age_s * 1e9) for camera in self.cameras}
        return {stream: ages[stream.split('/')[0]] for stream in self.pictures}

    @cached_property
    def scene_sizes(self) -> dict[str, int]:
        """Vectors of the scene's state that an observation needs, and their sizes."""
        told = {e.key or e.name: e.size for e in self.observation if e.source == SCENE}
        goals = dict.fromkeys(RAW_ENTRIES[:2], self.goal.size) if self.goal.from_scene else {}
        return told | goals

    @property
    def streams(self) -> tuple[str, ...]:
        """Names of all streams that an observation needs besides joints and wrench."""
        return (*self.pictures, *(f'{SCENE}/{name}' for name in self.scene_sizes))

    @property
    def assembler(self) -> AssemblerConfig:
        """What a step of the replay stream is made of."""
        rates = self.rates
        return AssemblerConfig(
            self.action.axes, self.action.scale, rates.control_periods, rates.control_period_ns
        )

    @property
    def controller(self) -> ControllerConfig:
        """What the controller needs to know."""
        return ControllerConfig(
            action=self.action,
            base=self.base,
            goal_rpy=self.goal.rpy,
            action_hz=self.rates.action_hz,
            control_hz=self.rates.control_hz,
        )


def load_task(name: str, robot: str = '', agent: str = '') -> TaskConfig:
    """Reads a task by name or path; a robot or agent given by name replaces the task's own.

    Raises:
        InputError: names the file and key, or lists the known names.
    """
    path = resources.find('config/tasks', name)
    data = task_file.read(path)
    if isinstance(data, dict):
        data |= {key: value for key, value in (('robot', robot), ('agent', agent)) if value}
    task = config.parse(TaskConfig, data, str(path))
    if task.horizon > 1_000_000:
        raise InputError(f'{path}: horizon: expected at most 1000000, got {task.horizon}')
    return task


def robot_of(task: TaskConfig) -> RobotConfig:
    """The task's robot, with its gripper among its joints where the task moves it.

    Raises:
        InputError: an unknown robot, one without a gripper, or an axis or a held joint that it
            does not have.
    """
    robot = load_robot(task.robot)
    robot = robot.with_gripper() if 'gripper' in task.action.axes else robot
    robot = robot.holding(task.held) if task.held else robot
    unknown = [a for a in task.action.joints if a not in robot.joints]
    if unknown:
        raise InputError(
            f'task {task.name}: action: axes: robot {robot.name} has no joint {unknown[0]!r}; '
            f'known: {", ".join((*TOOL_AXES, "gripper", *robot.joints))}'
        )
    return robot


def data_spec(task: TaskConfig, robot: RobotConfig) -> DataSpec:
    """Shapes and types of what the task's observations hold, found by building one."""
    joints = np.asarray(robot.home)
    state = JointState(0, joints, np.zeros_like(joints))
    snapshot = Snapshot(0, state, Wrench(0, np.zeros(3), np.zeros(3)), _blank_streams(task))
    builder = ObservationBuilder(task.observation, Kinematics(robot), task.goal.from_scene)
    builder.reset(np.asarray(task.goal.position))
    entries = builder.build(snapshot)
    shapes = {name: EntrySpec(a.shape, a.dtype.name) for name, a in entries.items()}
    return DataSpec(shapes, task.action.size)


def _blank_streams(task: TaskConfig) -> Entries:
    pictures: Entries = {f'{SCENE}/{n}': np.zeros(s) for n, s in task.scene_sizes.items()}
    for camera in task.cameras:
        if camera.color:
            shape = (*camera.size, 1 if camera.gray else 3)
            pictures[f'{camera.name}/color'] = np.zeros(shape, np.uint8)
        if camera.depth:
            pictures[f'{camera.name}/depth'] = np.zeros((*camera.size, 1), np.float32)
    return pictures
