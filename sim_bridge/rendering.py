# SPDX-License-Identifier: Apache-2.0
"""Pictures of a simulated scene, drawn off screen."""

import importlib
import os
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import mujoco
import numpy as np
from mujoco.rendering.classic import gl_context
from numpy.typing import NDArray

from robot_rl.errors import InputError

NO_EGL = (
    'rendering needs EGL, which is missing; on Debian and Ubuntu type: '
    'sudo apt-get install -y libegl1 libegl-mesa0 libgl1-mesa-dri'
)

#: Group of the shapes that observations do not show, such as the mark of a goal.
MARKS = 4


def _choose_backend() -> None:
    """Draws with EGL on Linux unless MUJOCO_GL names something else, whoever imports first."""
    if sys.platform != 'linux' or os.environ.get('MUJOCO_GL', 'egl') != 'egl':
        return
    try:
        egl = importlib.import_module('mujoco.egl')  # opens the library, so only when drawing
    except Exception as error:  # PyOpenGL raises what it likes where a library is missing
        raise InputError(NO_EGL) from error
    egl.GLContext._context = None  # its destructor reads it even where its constructor failed
    gl_context.GLContext = egl.GLContext


class Camera:
    """One renderer, kept for one image size; making one costs 0.2 s."""

    def __init__(self, model: mujoco.MjModel, height: int, width: int, fancy: bool) -> None:
        """Opens an off-screen context.

        Args:
            model: what is drawn.
            height: pixels.
            width: pixels.
            fancy: whether shadows, reflections and sky are drawn; observations go without.

        Raises:
            InputError: there is no EGL; names the packages to install.
        """
        _choose_backend()
        limit = model.vis.global_
        if not (0 < height <= limit.offheight and 0 < width <= limit.offwidth):
            raise InputError(
                f'image of {height}x{width}: expected at most '
                f'{limit.offheight}x{limit.offwidth} pixels'
            )
        try:
            with plain_quality(model, (height, width), fancy):
                self._renderer = mujoco.Renderer(model, height, width)
        except Exception as error:  # EGL errors come as ImportError, AttributeError, GLError...
            raise InputError(f'{NO_EGL} ({" ".join(str(error).split())})') from error
        # Contexts must go before the library's own clean-up at exit.
        self._finalizer = weakref.finalize(self, self._renderer.close)
        self._fancy = fancy
        flags = self._renderer.scene.flags
        for flag in ('REFLECTION', 'SKYBOX'):
            flags[getattr(mujoco.mjtRndFlag, f'mjRND_{flag}')] = fancy
        self._option = mujoco.MjvOption()
        self._option.geomgroup[MARKS] = fancy

    def colour(self, data: mujoco.MjData, camera: str, shadows: bool = False) -> NDArray[np.uint8]:
        """An image of the state, shape [H, W, 3], RGB; with shadows where they are asked for."""
        flags = self._renderer.scene.flags
        flags[mujoco.mjtRndFlag.mjRND_SHADOW] = self._fancy or shadows
        self._renderer.disable_depth_rendering()
        self._renderer.update_scene(data, camera, self._option)
        return np.asarray(self._renderer.render())

    def depth(self, data: mujoco.MjData, camera: str) -> NDArray[np.float32]:
        """Distance along the optical axis, m, shape [H, W]."""
        self._renderer.enable_depth_rendering()
        self._renderer.update_scene(data, camera, self._option)
        return np.asarray(self._renderer.render())

    def segments(self, data: mujoco.MjData, camera: str) -> NDArray[np.int32]:
        """Number of the geom in each pixel, -1 for none, shape [H, W]."""
        self._renderer.enable_segmentation_rendering()
        self._renderer.update_scene(data, camera, self._option)
        seen = np.asarray(self._renderer.render())
        self._renderer.disable_segmentation_rendering()
        geom = seen[..., 1] == mujoco.mjtObj.mjOBJ_GEOM
        return np.where(geom, seen[..., 0], -1).astype(np.int32)

    def both(
        self, data: mujoco.MjData, camera: str, shadows: bool = False
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Colour [H, W, 3] and depth [H, W], m, of one drawing, for half of the time."""
        pixels = self.colour(data, camera, shadows)  # leaves its depth in the buffer
        renderer = self._renderer
        distance = np.empty(pixels.shape[:2], np.float32)
        mujoco.mjr_readPixels(None, distance, renderer._rect, renderer._mjr_context)
        return pixels, np.ascontiguousarray(metres(distance, renderer.model)[::-1])

    def close(self) -> None:
        """Frees the context."""
        self._finalizer()


def metres(buffer: NDArray[np.float32], model: mujoco.MjModel) -> NDArray[np.float32]:
    """Distances along the optical axis, m, in a depth buffer that is 1 near and 0 far away.

    With near plane n and far plane f, z = n f / (n + b (f - n)).
    """
    near, far = (getattr(model.vis.map, k) * model.stat.extent for k in ('znear', 'zfar'))
    return np.asarray(near * far / (near + buffer.astype(np.float64) * (far - near)), np.float32)


@contextmanager
def plain_quality(model: mujoco.MjModel, size: tuple[int, int], fancy: bool) -> Iterator[None]:
    """Settings that the next context takes over: coarse shapes and small maps unless `fancy`.

    Round shapes of 8 slices look the same in small pictures, and draw three times as fast.
    """
    if fancy:
        yield
        return
    quality, buffer = model.vis.quality, model.vis.global_
    wanted = {'offsamples': 0, 'numslices': 8, 'numstacks': 4, 'numquads': 1, 'shadowsize': 256}
    before = {name: getattr(quality, name) for name in wanted}
    room = buffer.offheight, buffer.offwidth
    for name, value in wanted.items():
        setattr(quality, name, value)
    buffer.offheight, buffer.offwidth = size
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(quality, name, value)
        buffer.offheight, buffer.offwidth = room
