# SPDX-License-Identifier: Apache-2.0
"""What cameras would see with the goal reached (Pinto et al. 2017, section V-A)."""

from collections.abc import Callable
from typing import Any, TypeVar

import mujoco

T = TypeVar('T')

#: Behind the name of a camera, for its picture of the goal.
GOAL = '_goal'
#: Of the seeds of an episode, for what the goal leaves open.
GOAL_STREAM = 13


class GoalView:
    """A copy of the scene in the state of the goal; its pictures are taken once an episode."""

    def __init__(self, model: mujoco.MjModel, show: Callable[[mujoco.MjData], None]) -> None:
        """Takes the scene, and what puts a state of it into the goal's."""
        self._model, self._show = model, show
        self._data: mujoco.MjData | None = None
        self._taken: dict[Any, Any] = {}

    def forget(self) -> None:
        """Lets the next picture be of another goal."""
        self._taken.clear()

    def look(
        self,
        now: mujoco.MjData,
        camera: str,
        key: tuple[Any, ...],
        take: Callable[[mujoco.MjData, str], T],
    ) -> T:
        """A picture of the present state, or of the goal where the camera's name says so.

        Args:
            now: the present state.
            camera: its name.
            key: which picture of that camera it is.
            take: takes a picture of a state with a camera.

        Returns:
            The picture, not to be written to.
        """
        if not camera.endswith(GOAL):
            return take(now, camera)
        key = camera, *key
        if key not in self._taken:
            self._taken[key] = take(self._goal(now), camera.removesuffix(GOAL))
        taken: T = self._taken[key]
        return taken

    def _goal(self, now: mujoco.MjData) -> mujoco.MjData:
        if self._data is None:
            self._data = mujoco.MjData(self._model)
        data = self._data
        if not self._taken:
            data.qpos[:], data.act[:] = now.qpos, now.act
            data.mocap_pos[:], data.mocap_quat[:] = now.mocap_pos, now.mocap_quat
            self._show(data)
        return data
