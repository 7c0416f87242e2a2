# SPDX-License-Identifier: Apache-2.0
"""What the policy sees, built from one snapshot of the sensors."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_rl.control.kinematics import Kinematics, ToolState
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
}

#: Streams of a camera.
PICTURES = ('color', 'depth')


@dataclass(frozen=True)
class EntryConfig:
    """One entry of the observation.

    Attributes:
        name: key in the observation.
        source: a key of `SOURCES`, or `color` or `depth` for a camera's picture.
        camera: name of the camera that the picture comes from.
        scale: factor that brings the values near one.
        clip: bound on the scaled absolute values; none when absent.
        history: how many of the latest values are joined, newest last; before the first
            step the oldest is repeated.
    """

    name: str
    source: str
    camera: str = ''
    scale: float = 1.0
    clip: float | None = None
    history: int = 1

    def __post_init__(self) -> None:
        """Refuses an unknown source and sizes that make no sense."""
        if self.source not in PICTURES and self.source not in SOURCES:
            known = ', '.join((*SOURCES, *PICTURES))
            raise ValueError(f'{self.name}: unknown source {self.source!r}; known: {known}')
        if (self.source in PICTURES) != bool(self.camera):
            raise ValueError(f'{self.name}: camera is given exactly with {" and ".join(PICTURES)}')
        if self.name in RAW_ENTRIES:
            raise ValueError(f'{self.name}: this name is reserved for the raw entry')
        if not self.history > 0:
            raise ValueError(f'{self.name}: history: expected at least 1, got {self.history}')
        if self.clip is not None and not self.clip > 0:
            raise ValueError(f'{self.name}: clip: expected a positive bound, got {self.clip}')

    @property
    def stream(self) -> str:
        """Name of the picture's stream, as in `Snapshot.images`; empty without one."""
        return f'{self.camera}/{self.source}' if self.camera else ''


class ObservationBuilder:
    """Builds the entries of successive observations of one episode."""

    def __init__(self, entries: tuple[EntryConfig, ...], kinematics: Kinematics) -> None:
        """Keeps what to build and the robot's kinematics."""
        self._entries = entries
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
        measured = Measured(snapshot, tool, self._goal_xyz, wrench - self._bias)
        raw = (tool.position_xyz, self._goal_xyz, measured.wrench)
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


def _value(entry: EntryConfig, measured: Measured) -> NDArray[np.generic]:
    if entry.stream:
        return measured.snapshot.images[entry.stream]
    value = SOURCES[entry.source](measured) * entry.scale
    if entry.clip is not None:
        value = np.clip(value, -entry.clip, entry.clip)
    return value.astype(np.float32)
