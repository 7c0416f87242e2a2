# SPDX-License-Identifier: Apache-2.0
"""Pictures of a simulated scene, drawn off screen."""

import importlib
import os
import sys
import weakref

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
        samples = limit_samples(model, fancy)
        try:
            self._renderer = mujoco.Renderer(model, height, width)
        except Exception as error:  # EGL errors come as ImportError, AttributeError, GLError...
            raise InputError(f'{NO_EGL} ({" ".join(str(error).split())})') from error
        finally:
            model.vis.quality.offsamples = samples
        # Contexts must go before the library's own clean-up at exit.
        self._finalizer = weakref.finalize(self, self._renderer.close)
        flags = self._renderer.scene.flags
        for flag in ('SHADOW', 'REFLECTION', 'SKYBOX'):
            flags[getattr(mujoco.mjtRndFlag, f'mjRND_{flag}')] = fancy
        self._option = mujoco.MjvOption()
        self._option.geomgroup[MARKS] = fancy

    def colour(self, data: mujoco.MjData, camera: str) -> NDArray[np.uint8]:
        """An image of the state, shape [H, W, 3], RGB."""
        self._renderer.disable_depth_rendering()
        self._renderer.update_scene(data, camera, self._option)
        return np.asarray(self._renderer.render())

    def depth(self, data: mujoco.MjData, camera: str) -> NDArray[np.float32]:
        """Distance along the optical axis, m, shape [H, W]."""
        self._renderer.enable_depth_rendering()
        self._renderer.update_scene(data, camera, self._option)
        return np.asarray(self._renderer.render())

    def close(self) -> None:
        """Frees the context."""
        self._finalizer()


def limit_samples(model: mujoco.MjModel, fancy: bool) -> int:
    """Sets the multisampling that the next context takes over; returns what it was."""
    before = int(model.vis.quality.offsamples)
    model.vis.quality.offsamples = before if fancy else 0
    return before
