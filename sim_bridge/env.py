# SPDX-License-Identifier: Apache-2.0
"""A Gymnasium environment over the direct host: the graph's core at full speed."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from robot_rl.episodes.episode import Limits
from robot_rl.errors import InputError
from robot_rl.task import data_spec, load_task, robot_of
from robot_rl.types import RAW_ENTRIES, Action, DataSpec, Entries
from sim_bridge.host import DirectHost


class RobotEnv(gymnasium.Env[Entries, NDArray[np.float32]]):
    """One task on one robot.

    Observations are a dict of the task's entries, actions lie in [-1, 1]. `info` holds
    `success`, `interventions` of safety in the last action, the name of the last acting
    rule, and the raw entries of the observation.
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
        self._host = DirectHost(self._task, self._robot, self._limits, seed)
        self._opened = False
        self.render_mode = render_mode
        spec = data_spec(self._task, self._robot)
        self.observation_space: spaces.Dict = spaces.Dict(_spaces(spec))  # type: ignore[assignment]
        self.action_space = spaces.Box(-1.0, 1.0, (spec.action_size,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Entries, dict[str, Any]]:
        """Opens the next episode; a seed starts the row of episodes anew."""
        super().reset(seed=seed)
        if seed is not None:
            self._host.start_over(self._limits, seed)
        observation = self._host.reset()
        self._opened = True
        return self._own(observation.entries), self._info()

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[Entries, float, bool, bool, dict[str, Any]]:
        """Plays one action.

        Raises:
            InputError: an action outside its space, before a reset, or after the episode's end.
        """
        values = np.asarray(action, np.float64)
        if values.shape != self.action_space.shape or not (np.abs(values) <= 1).all():
            raise InputError(
                f'action: expected {self.action_space.shape} in [-1, 1], got {action!r}'
            )
        if not self._opened:
            raise InputError('no episode yet; reset before the first action')
        stamp_ns = self._host.observation.stamp_ns
        observation = self._host.act(Action(stamp_ns, values))
        self._host.take_steps()
        reward = self._host.reward
        truncated = observation.truncated and not reward.terminated
        entries = self._own(observation.entries)
        return entries, reward.value, reward.terminated, truncated, self._info()

    def render(self) -> NDArray[np.uint8]:
        """A picture of the scene, [480, 640, 3]."""
        return self._host.world.render('overview', 480, 640)

    def close(self) -> None:
        """Frees the renderers."""
        self._host.close()

    def _own(self, entries: Entries) -> Entries:
        return {name: a for name, a in entries.items() if name not in RAW_ENTRIES}

    def _info(self) -> dict[str, Any]:
        reasons = [r.reason for r in self._host.results if r.reason]
        raw = {name: self._host.observation.entries[name].copy() for name in RAW_ENTRIES}
        return raw | {
            'success': self._host.reward.success,
            'interventions': len(reasons),
            'reason': reasons[-1] if reasons else '',
        }


def _spaces(spec: DataSpec) -> dict[str, spaces.Space[Any]]:
    result: dict[str, spaces.Space[Any]] = {}
    for name, entry in spec.entries.items():
        if name not in RAW_ENTRIES:
            image = entry.dtype == 'uint8'
            low, high = (0, 255) if image else (-np.inf, np.inf)
            result[name] = spaces.Box(low, high, entry.shape, np.dtype(entry.dtype).type)
    return result
