# SPDX-License-Identifier: Apache-2.0
"""Small frozen values that pass between the layers.

Shape letters used in every docstring of the package:

    B batch, H W C image, J joints, A action, E flattened observation entry.

Stamps are integer nanoseconds. The stamp is the step: a value derived from an observation
carries that observation's stamp. Units are SI; frames follow REP-103 and REP-105.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Entries = dict[str, NDArray[np.generic]]
CommandMode = Literal['velocity', 'position', 'torque']
ActionSource = Literal['policy', 'human', 'script']

#: In every observation, for controllers and rewards: tool position and believed goal (m, base
#: frame, [3] each), or what the scene's state has for them, and force and torque on the tool with
#: their bias removed (N, N m, tool0, [6]).
RAW_ENTRIES = ('achieved_goal', 'desired_goal', 'tool_wrench')


@dataclass(frozen=True, slots=True)
class JointState:
    """Joint positions and velocities, in the order of the robot's configuration.

    Attributes:
        stamp_ns: time of the measurement.
        position: rad or m, shape [J].
        velocity: rad/s or m/s, shape [J].
    """

    stamp_ns: int
    position: FloatArray
    velocity: FloatArray


@dataclass(frozen=True, slots=True)
class Wrench:
    """Force and torque that the surroundings apply to the tool, at and in the frame `tool0`.

    Attributes:
        stamp_ns: time of the measurement.
        force_xyz: N, shape [3].
        torque_xyz: N m, shape [3].
    """

    stamp_ns: int
    force_xyz: FloatArray
    torque_xyz: FloatArray


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything measured at one action tick, aligned and fresh.

    Attributes:
        stamp_ns: stamp of the joint state, which is the tick.
        state: joints.
        wrench: raw, with the tool's weight in it.
        images: by stream, as `wrist/color`; uint8 [H, W, C], or float32 metres [H, W, 1]; and
            vectors of the scene's state, as `scene/achieved_goal`, float64.
    """

    stamp_ns: int
    state: JointState
    wrench: Wrench
    images: Entries = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class JointCommand:
    """What the joints shall do until the next command.

    Attributes:
        stamp_ns: stamp of the joint state that this command answers.
        mode: what `value` is, 'velocity' (rad/s), 'position' (rad) or 'torque' (N m); safety and
            driver let only the first two pass.
        value: shape [J], in the order of the robot's configuration.
    """

    stamp_ns: int
    mode: CommandMode
    value: FloatArray


@dataclass(frozen=True, slots=True)
class Observation:
    """One aligned snapshot of the sensors at an action tick.

    Attributes:
        stamp_ns: the tick.
        collector: identity of the process that collects.
        episode: number of the episode, counted over the whole run.
        step: number within the episode; 0 is the state after the reset.
        entries: arrays by name; float32 vectors [E] or uint8 images [H, W, C], and the raw
            float64 vectors named in `RAW_ENTRIES`.
        truncated: whether the episode is cut in this state, by its time limit or a person.
        sequence: counted over all observations of the collector, without gaps.
    """

    stamp_ns: int
    collector: str
    episode: int
    step: int
    entries: Entries = field(repr=False)
    truncated: bool = False
    sequence: int = 0

    @property
    def first(self) -> bool:
        """Whether this is the state after a reset."""
        return self.step == 0


@dataclass(frozen=True, slots=True)
class Action:
    """An answer to one observation.

    Attributes:
        stamp_ns: stamp of the observation that it answers.
        values: in [-1, 1], shape [A].
        source: who chose it.
        run: identity of the training run that the policy belongs to; empty without one.
        version: number of updates behind the policy; -1 without one.
        explore: whether exploration noise is in it.
        policy: the policy's own values where a person took over, shape [A].
    """

    stamp_ns: int
    values: FloatArray
    source: ActionSource = 'policy'
    run: str = ''
    version: int = -1
    explore: bool = False
    policy: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Reward:
    """The reward on arrival at one observation.

    Attributes:
        stamp_ns: stamp of that observation.
        value: finite.
        success: whether the task is solved in this state.
        terminated: whether the task ends here (a time limit is not a termination).
        source: name of the reward function.
        version: its version, raised when its values change.
    """

    stamp_ns: int
    value: float
    success: bool
    terminated: bool
    source: str
    version: int = 1


@dataclass(frozen=True, slots=True)
class SafetyResult:
    """What the safety filter made of one command.

    Attributes:
        command: the only command that the driver may obey.
        requested: what was asked, as joint values, shape [J]; NaN where it was unusable.
        reason: name of the acting rule, '' when the command passed unchanged.
        stopped: whether a stop is latched.
        tool_delta_xyz: tool velocity executed less requested, m/s in `base_link`, shape [3];
            exactly zero when nothing was changed.
    """

    command: JointCommand
    requested: FloatArray
    reason: str
    stopped: bool
    tool_delta_xyz: FloatArray


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of the replay stream: a state, how it was reached, and what was done in it.

    Two consecutive steps k, k + 1 of one collector and episode make the transition
    (observation k, action k, reward k+1, terminated k+1, observation k+1).

    Attributes:
        sequence: the observation's; without gaps unless a step was lost.
        observation: the state.
        policy: the policy's own action, shape [A], also under a human's takeover; NaN without one.
        requested: the action handed to the controller, shape [A]; zeros in the last step.
        executed: the requested action corrected by what safety changed, shape [A].
        source: who chose `requested`.
        version: number of updates behind the policy that acted.
        reward: received on arrival in this state.
        success: whether the task is solved in this state.
        terminated: whether the task ended in this state.
        truncated: whether the episode was cut here for another cause (time, operator, fault).
        interventions: control periods of this step in which safety changed the command.
    """

    sequence: int
    observation: Observation
    policy: FloatArray
    requested: FloatArray
    executed: FloatArray
    source: ActionSource
    version: int
    reward: float
    success: bool
    terminated: bool
    truncated: bool
    interventions: int = 0

    @property
    def last(self) -> bool:
        """Whether the episode ends in this state; no action follows."""
        return self.terminated or self.truncated


@dataclass(frozen=True, slots=True)
class EntrySpec:
    """Shape and numpy dtype name of one observation entry."""

    shape: tuple[int, ...]
    dtype: str = 'float32'


@dataclass(frozen=True, slots=True)
class DataSpec:
    """What an agent's data look like; stored in every checkpoint and compared on load.

    Attributes:
        entries: observation entries by name.
        action_size: A.
    """

    entries: dict[str, EntrySpec]
    action_size: int
