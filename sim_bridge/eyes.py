# SPDX-License-Identifier: Apache-2.0
"""What cameras see of a simulated scene: in its looks, of its present state or of its goal."""

from functools import partial
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from robot_rl.looks import LooksConfig
from sim_bridge.goal_view import GOAL_STREAM, GoalView
from sim_bridge.looks import Looks
from sim_bridge.pictures import Pictures
from sim_bridge.tasks.task import Start, Task


class Eyes:
    """The part of a world that takes its pictures.

    A camera's name with `_goal` behind it shows the same with the goal reached.

    Attributes:
        data: the state that is seen.
        task: whose scene it is.
        looks: that are drawn for each episode; what was drawn is in `looks.drawn`.
    """

    data: mujoco.MjData
    task: Task
    looks: Looks

    def _open_eyes(self, model: mujoco.MjModel, control_hz: float) -> None:
        """Takes the scene; nothing is compiled before the first picture."""
        self.looks = Looks(LooksConfig(), self.task.goal_xyz, control_hz)
        self._pictures = Pictures(
            lambda: self._compile(visuals=True), self._paint, self._draw_looks
        )
        self._goal = GoalView(model, self._show_goal)

    def dress(self, config: LooksConfig, action_hz: float, cameras: tuple[str, ...]) -> None:
        """Looks are drawn from these ranges; to be called before the first picture.

        Args:
            config: the ranges.
            action_hz: pictures a second.
            cameras: whose places and lenses vary.
        """
        self.looks = Looks(config, self.task.goal_xyz, action_hz, cameras)

    def render(
        self, camera: str, height: int, width: int, fancy: bool = True
    ) -> NDArray[np.uint8]:
        """A colour image [H, W, 3]; `fancy` adds shadows, sky and smooth edges.

        Raises:
            InputError: no such camera, no EGL, or a scene that has no picture of its goal.
        """
        size = height, width
        take = partial(self._pictures.colour, size=size, fancy=fancy)
        return self._goal.look(self.data, camera, ('color', size, fancy), take)

    def depth(self, camera: str, height: int, width: int) -> NDArray[np.float32]:
        """Metric depth along the optical axis, m, shape [H, W]."""
        size = height, width
        take = partial(self._pictures.depth, size=size)
        return self._goal.look(self.data, camera, ('depth', size, False), take)

    def segments(self, camera: str, height: int, width: int) -> NDArray[np.int32]:
        """Number of the twin's geom in each pixel, -1 for none, shape [H, W]."""
        size = height, width
        take = partial(self._pictures.segments, size=size)
        return self._goal.look(self.data, camera, ('segments', size, False), take)

    def colour_and_depth(
        self, camera: str, height: int, width: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """`render` without `fancy` and `depth` in one, for half of the time."""
        take = partial(self._pictures.both, size=(height, width))
        return self._goal.look(self.data, camera, ('both', height, width), take)

    def prepare_looks(self) -> None:
        """Draws the looks of the episode now, instead of with its first picture."""
        self._pictures.follow(self.data)

    def twin(self) -> mujoco.MjModel:
        """The model that pictures are drawn of, with the looks of the episode."""
        return self._pictures.follow(self.data)[0]

    def close(self) -> None:
        """Frees the renderers."""
        self._pictures.close()

    def _draw_looks(self, twin: mujoco.MjModel) -> bool:
        return self.looks.draw(twin)

    def _begin_looks(self, seed: int, frames: dict[str, Any] | None = None) -> None:
        """Of another episode, or amid one, where its cameras' frames were saved."""
        self.looks.seed = seed
        self.looks.frames.forget(frames)
        self._pictures.begin()
        self._goal.forget()

    def _show_goal(self, data: mujoco.MjData) -> None:
        """Puts a copy of the present state into the goal's."""
        start = self.task.show_goal(data, np.random.default_rng([self.looks.seed, GOAL_STREAM]))
        if start is not None:
            self._pose(data, start)

    def _compile(self, visuals: bool) -> mujoco.MjModel:
        """The scene, with or without what is only seen."""
        raise NotImplementedError

    def _paint(self, twin: mujoco.MjModel) -> None:
        """Gives the twin the colours of the task."""
        raise NotImplementedError

    def _pose(self, data: mujoco.MjData, start: Start) -> None:
        """Puts the arm where an episode starts."""
        raise NotImplementedError
