# SPDX-License-Identifier: Apache-2.0
"""A Gymnasium environment over the direct host: the graph's core at full speed."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from robot_rl.episodes.episode import Limits
from robot_rl.errors import InputError
from robot_rl.rewards.goal import goal_reward
from robot_rl.task import data_spec, load_task, robot_of
from robot_rl.types import RAW_ENTRIES, Action, Entries, EntrySpec, FloatArray
from sim_bridge.host import DirectHost

#: Of a task whose goal is the scene's: all vectors of the task's entries, joined.
JOINED = 'observation'
GOALS = RAW_ENTRIES[:2]


class RobotEnv(gymnasium.Env[Entries, NDArray[np.float32]]):
    """One task on one robot.

    Observations are a dict of the task's entries. Where the goal is the scene's, they are
    `observation`, in which the entries that are vectors are joined, `achieved_goal`,
    `desired_goal`, and the pictures. Actions lie in [-1, 1].

    `info` holds `success`, also as `is_success`, `interventions` of safety in the last action,
    the name of the last acting rule, and the raw entries of the observation; after a reset also
    `dynamics` and `looks`, what was drawn of them.
    """

    metadata: dict[str, Any] = {'render_modes': ['rgb_array'], 'render_fps': 10}  # noqa: RUF012

    def __init__(
        self,
        task: str = 'usb_insertion',
        robot: str = '',
        seed: int = 0,
        render_mode: str | None = None,
    ) -> None:
        """Builds the world.

        Args:
            task: name in config/tasks, or a file.
            robot: name in config/robots; empty for the task's own.
            seed: of start states and goals, until `reset` is given one.
            render_mode: `rgb_array` or None.

        Raises:
            InputError: an unknown name or a bad file.
        """
        self._task = load_task(task, robot)
        self._robot = robot_of(self._task)
        self._limits = Limits(self._task.horizon)
        self._host = DirectHost(self._task, self._robot, self._limits, seed, records=False)
        self._opened = False
        self.render_mode = render_mode
        spec = data_spec(self._task, self._robot)
        own = {name: entry for name, entry in spec.entries.items() if name not in RAW_ENTRIES}
        self._vectors: list[str] = []
        if self._task.goal.from_scene:
            self._vectors = [name for name, entry in own.items() if len(entry.shape) == 1]
            size = sum(own.pop(name).shape[0] for name in self._vectors)
            joined = {JOINED: EntrySpec((size,))} if self._vectors else {}
            own = joined | {n: spec.entries[n] for n in GOALS} | own
        boxes = {name: _space(entry) for name, entry in own.items()}
        self.observation_space: spaces.Dict = spaces.Dict(boxes)  # type: ignore[assignment]
        self.action_space = spaces.Box(-1.0, 1.0, (spec.action_size,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Entries, dict[str, Any]]:
        """Opens the next episode; a seed starts the row of episodes anew.

        Args:
            seed: of the row.
            options: `state`, of `world_state`, to begin in.

        Raises:
            InputError: an unknown option, or a state of another scene.
        """
        super().reset(seed=seed)
        options = options or {}
        if set(options) - {'state'}:
            raise InputError(f'reset: options: expected state, got {", ".join(options)}')
        if seed is not None:
            self._host.start_over(self._limits, seed)
        self._host.reset(options.get('state'))
        self._opened = True
        drawn = {name: value.copy() for name, value in self._host.world.dynamics.drawn.items()}
        looks = {name: value.copy() for name, value in self._host.world.looks.drawn.items()}
        return self._observation(), self._info() | {'dynamics': drawn, 'looks': looks}

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[Entries, float, bool, bool, dict[str, Any]]:
        """Plays one action.

        Raises:
            InputError: an action outside its space, before a reset, or after the episode's end.
        """
        values = np.asarray(action, np.float64)
        if values.shape != self.action_space.shape or not np.abs(values).max() <= 1:
            raise InputError(
                f'action: expected {self.action_space.shape} in [-1, 1], got {action!r}'
            )
        if not self._opened:
            raise InputError('no episode yet; reset before the first action')
        observation = self._host.act(Action(self._host.observation.stamp_ns, values))
        reward = self._host.reward
        truncated = observation.truncated and not reward.terminated
        return self._observation(), reward.value, reward.terminated, truncated, self._info()

    @property
    def compute_reward(self) -> Callable[[NDArray[Any], NDArray[Any], Any], FloatArray]:
        """The rewards [...] for arriving at goals [..., G] where others [..., G] were desired.

        Hindsight asks for them; a third argument, `info`, is not looked at. A task whose reward
        does not follow from goals has no such attribute.
        """
        config = self._task.reward.goal
        if config is None:
            kind = self._task.reward.kind
            raise AttributeError(f'task {self._task.name}: reward {kind} follows from no goals')
        return lambda achieved, desired, _: np.asarray(
            goal_reward(achieved, desired, config)[0], np.float64
        )

    def world_state(self) -> NDArray[np.uint8]:
        """The simulation as a vector of bytes, for `reset(options={'state': ...})`."""
        return self._host.world.world_state()

    def render(self) -> NDArray[np.uint8]:
        """A picture of the scene, [480, 640, 3]."""
        return self._host.world.render('overview', 480, 640)

    def close(self) -> None:
        """Frees the renderers."""
        self._host.close()

    def _observation(self) -> Entries:
        entries = self._host.observation.entries
        joined: Entries = {}
        if self._vectors:
            joined = {JOINED: np.concatenate([entries[name] for name in self._vectors])}
        return joined | {n: entries[n] for n in self.observation_space.spaces if n != JOINED}

    def _info(self) -> dict[str, Any]:
        host = self._host
        reasons = [r.reason for r in host.results if r.reason]
        raw = {name: host.observation.entries[name].copy() for name in RAW_ENTRIES}
        success = host.reward.success
        return raw | {
            'success': success,
            'is_success': success,
            'interventions': len(reasons),
            'reason': reasons[-1] if reasons else '',
        }


def _space(entry: EntrySpec) -> spaces.Space[Any]:
    low, high = (0, 255) if entry.dtype == 'uint8' else (-np.inf, np.inf)
    return spaces.Box(low, high, entry.shape, np.dtype(entry.dtype).type)
