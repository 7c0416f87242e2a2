# SPDX-License-Identifier: Apache-2.0
"""What the policy sees, built from one snapshot of the sensors."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from robot_rl.control.kinematics import Kinematics, ToolState
from robot_rl.errors import InputError
from robot_rl.types import RAW_ENTRIES, Entries, FloatArray, Snapshot


@dataclass(frozen=True)
class Measured:
    """One snapshot with what follows from it.

    Attributes:
        snapshot: the sensors.
        tool: pose and Jacobian of the tool.
        goal_xyz: believed goal, m in the base frame, shape [3].
        wrench: force and torque with their bias removed, N and N m in tool0, shape [6].
    """

    snapshot: Snapshot
    tool: ToolState
    goal_xyz: FloatArray
    wrench: FloatArray


#: Vectors that an entry can be made of.
SOURCES: dict[str, Callable[[Measured], FloatArray]] = {
    'tool_position': lambda m: m.tool.position_xyz,
    'tool_from_goal': lambda m: m.tool.position_xyz - m.goal_xyz,
    'tool_velocity': lambda m: m.tool.jacobian @ m.snapshot.state.velocity,
    'goal': lambda m: m.goal_xyz,
    'wrench': lambda m: m.wrench,
    'joint_position': lambda m: m.snapshot.state.position,
    'joint_velocity': lambda m: m.snapshot.state.velocity,
    'gripper': lambda m: m.snapshot.state.position[-1:],
    'tool_yaw': lambda m: m.tool.rotation[:2, 0],
}

#: Streams of a camera.
PICTURES = ('color', 'depth')
#: What a tracker, or the simulation, tells of the objects.
SCENE = 'scene'


@dataclass(frozen=True)
class EntryConfig:
    """One entry of the observation.

    Attributes:
        name: key in the observation.
        source: a key of `SOURCES`, `color` or `depth` for a camera's picture, or `scene` for a
            vector of the scene's state; `gripper` is the leading finger joint, `tool_yaw` the
            horizontal part of the tool's x axis.
        camera: name of the camera that the picture comes from.
        key: name of the vector in the scene's state; the entry's own name where absent.
        size: of that vector.
        offset: subtracted before scaling, in the values' own unit; nothing when absent.
        scale: factor that brings the values near one.
        clip: bound on the scaled absolute values; none when absent.
        history: how many of the latest values are joined, newest last; before the first
            step the oldest is repeated. Pictures are joined along their channels.
        span: m, distances that become 0 and 255 of a depth picture in bytes, which takes a
            quarter of the memory; metres as floats when absent.
    """

    name: str
    source: str
    camera: str = ''
    key: str = ''
    size: int = 0
    offset: tuple[float, ...] = ()
    scale: float = 1.0
    clip: float | None = None
    history: int = 1
    span: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Refuses an unknown source and sizes that make no sense."""
        if self.source not in (*PICTURES, *SOURCES, SCENE):
            known = ', '.join((*SOURCES, *PICTURES, SCENE))
            raise ValueError(f'{self.name}: unknown source {self.source!r}; known: {known}')
        if (self.source in PICTURES) != bool(self.camera):
            raise ValueError(f'{self.name}: camera is given exactly with {" and ".join(PICTURES)}')
        if (self.source == SCENE) != (self.size > 0) or (self.key and self.source != SCENE):
            raise ValueError(f'{self.name}: size and key are given exactly with {SCENE}')
        if self.name in RAW_ENTRIES:
            raise ValueError(f'{self.name}: this name is reserved for the raw entry')
        if self.span and not (self.source == 'depth' and 0 <= self.span[0] < self.span[1]):
            raise ValueError(f'{self.name}: span: expected 0 <= low < high of depth: {self.span}')
        if not self.history > 0:
            raise ValueError(f'{self.name}: history: expected at least 1, got {self.history}')
        if self.clip is not None and not self.clip > 0:
            raise ValueError(f'{self.name}: clip: expected a positive bound, got {self.clip}')

    @cached_property
    def stream(self) -> str:
        """Name of the stream in `Snapshot.images`; empty for what the arm itself tells."""
        if self.source == SCENE:
            return f'{SCENE}/{self.key or self.name}'
        return f'{self.camera}/{self.source}' if self.camera else ''


class ObservationBuilder:
    """Builds the entries of successive observations of one episode."""

    def __init__(
        self,
        entries: tuple[EntryConfig, ...],
        kinematics: Kinematics,
        scene_goal: bool = False,
    ) -> None:
        """Keeps what to build and the robot's kinematics.

        Args:
            entries: what the policy sees.
            kinematics: of the robot.
            scene_goal: whether achieved and desired goal come with the scene's state.
        """
        self._entries = entries
        self._scene_goal = scene_goal
        self._kinematics = kinematics
        self._goal_xyz = np.zeros(3)
        self._bias: FloatArray | None = None
        self._history: dict[str, list[NDArray[np.generic]]] = {}

    def reset(self, goal_xyz: FloatArray) -> None:
        """Starts an episode; the next snapshot's wrench becomes the bias.

        The force is calibrated before each rollout, so that the tool's weight and the
        sensor's drift do not reach the policy (Nair 2022, section 6.3.2).

        Args:
            goal_xyz: believed goal, m in the base frame, shape [3].
        """
        self._goal_xyz = goal_xyz
        self._bias = None
        self._history = {}

    def build(self, snapshot: Snapshot) -> Entries:
        """The observation's entries: the raw ones, then the task's own."""
        tool = self._kinematics.evaluate(snapshot.state.position)
        wrench = np.concatenate([snapshot.wrench.force_xyz, snapshot.wrench.torque_xyz])
        if self._bias is None:
            self._bias = wrench
        achieved, desired = tool.position_xyz, self._goal_xyz
        if self._scene_goal:
            achieved, desired = (_told(snapshot, f'{SCENE}/{n}') for n in RAW_ENTRIES[:2])
        measured = Measured(snapshot, tool, desired, wrench - self._bias)
        raw = (achieved, desired, measured.wrench)
        entries: Entries = dict(zip(RAW_ENTRIES, raw, strict=True))
        for entry in self._entries:
            entries[entry.name] = self._stack(entry, _value(entry, measured))
        return entries

    def _stack(self, entry: EntryConfig, value: NDArray[np.generic]) -> NDArray[np.generic]:
        if entry.history == 1:
            return value
        past = self._history.setdefault(entry.name, [value] * entry.history)
        past.append(value)
        del past[0]
        return np.concatenate(past, axis=-1)


def _told(snapshot: Snapshot, stream: str) -> FloatArray:
    return np.asarray(snapshot.images[stream], np.float64)


def _value(entry: EntryConfig, measured: Measured) -> NDArray[np.generic]:
    if entry.camera:
        picture = measured.snapshot.images[entry.stream]
        return picture if entry.span is None else _bytes(picture, *entry.span)
    source = SOURCES.get(entry.source)
    told = _told(measured.snapshot, entry.stream) if source is None else source(measured)
    if entry.offset:
        told = told - _offset(entry, told.size)
    value = told if entry.scale == 1.0 else told * entry.scale
    if entry.clip is not None:
        value = np.clip(value, -entry.clip, entry.clip)
    return value.astype(np.float32)


def _offset(entry: EntryConfig, size: int) -> FloatArray:
    if len(entry.offset) != size:
        got = list(entry.offset)
        raise InputError(f'observation: {entry.name}: offset: expected {size} values, got {got}')
    return np.array(entry.offset)


def _bytes(depth: NDArray[np.generic], low: float, high: float) -> NDArray[np.uint8]:
    share = (np.asarray(depth, np.float32) - np.float32(low)) * np.float32(255 / (high - low))
    return np.asarray(np.rint(share.clip(0, 255)), np.uint8)
