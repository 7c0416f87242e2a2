# SPDX-License-Identifier: Apache-2.0
"""Draws a simulated state in its good-looking twin, which has shapes that physics does without."""

from collections.abc import Callable

import mujoco
import numpy as np
from numpy.typing import NDArray

from robot_rl.errors import InputError
from sim_bridge.rendering import Camera


class Pictures:
    """Cameras of a scene; the twin is compiled with the first picture, renderers are kept."""

    def __init__(
        self,
        compile_twin: Callable[[], mujoco.MjModel],
        paint: Callable[[mujoco.MjModel], None] | None = None,
        dress: Callable[[mujoco.MjModel], bool] | None = None,
    ) -> None:
        """Takes what builds the twin: the same joints in the same order, with all looks.

        Args:
            compile_twin: builds it.
            paint: gives it the colours of the task, for every picture.
            dress: gives it the looks of the episode, once; whether lights throw shadows.
        """
        self._compile, self._paint, self._dress = compile_twin, paint, dress
        self._fresh, self._shadows = True, False
        self._twin: tuple[mujoco.MjModel, mujoco.MjData] | None = None
        self._cameras: dict[tuple[int, int, bool], Camera] = {}

    def begin(self) -> None:
        """Lets the next picture be the first of an episode."""
        self._fresh = True

    def colour(
        self, state: mujoco.MjData, camera: str, size: tuple[int, int], fancy: bool
    ) -> NDArray[np.uint8]:
        """RGB [H, W, 3]; `fancy` adds shadows, sky and smooth edges.

        Raises:
            InputError: no such camera, a size out of range, or no EGL.
        """
        model, data = self.follow(state)
        return self._camera(model, camera, size, fancy).colour(data, camera, self._shadows)

    def depth(
        self, state: mujoco.MjData, camera: str, size: tuple[int, int]
    ) -> NDArray[np.float32]:
        """Metric depth along the optical axis, m, shape [H, W]."""
        model, data = self.follow(state)
        return self._camera(model, camera, size, False).depth(data, camera)

    def segments(
        self, state: mujoco.MjData, camera: str, size: tuple[int, int]
    ) -> NDArray[np.int32]:
        """Number of the twin's geom in each pixel, -1 for none, shape [H, W]."""
        model, data = self.follow(state)
        return self._camera(model, camera, size, False).segments(data, camera)

    def both(
        self, state: mujoco.MjData, camera: str, size: tuple[int, int]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """RGB [H, W, 3] without `fancy`, and metric depth [H, W]."""
        model, data = self.follow(state)
        return self._camera(model, camera, size, False).both(data, camera, self._shadows)

    def close(self) -> None:
        """Frees the renderers."""
        for camera in self._cameras.values():
            camera.close()
        self._cameras.clear()

    def follow(self, state: mujoco.MjData) -> tuple[mujoco.MjModel, mujoco.MjData]:
        """The twin, brought into the same pose."""
        if self._twin is None:
            model = self._compile()
            self._twin = model, mujoco.MjData(model)
        model, data = self._twin
        if self._fresh and self._dress is not None:
            self._fresh, self._shadows = False, self._dress(model)
        if self._paint is not None:
            self._paint(model)
        data.qpos[:] = state.qpos
        data.mocap_pos[:], data.mocap_quat[:] = state.mocap_pos, state.mocap_quat
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_tendon(model, data)
        mujoco.mj_camlight(model, data)
        return model, data

    def _camera(
        self, model: mujoco.MjModel, name: str, size: tuple[int, int], fancy: bool
    ) -> Camera:
        known = [model.camera(i).name for i in range(model.ncam)]
        if name not in known:
            raise InputError(f'unknown camera {name!r}; known: {", ".join(known)}')
        key = *size, fancy
        if key not in self._cameras:
            self._cameras[key] = Camera(model, *size, fancy)
        return self._cameras[key]
