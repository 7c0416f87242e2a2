# SPDX-License-Identifier: Apache-2.0
"""A world's state, and how it becomes one vector of bytes.

Nothing of it is lost, and nothing in the bytes can be run.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from robot_rl.errors import InputError
from robot_rl.types import FloatArray

_STATE = mujoco.mjtState.mjSTATE_INTEGRATION

#: How far bodies may lie in each other where an episode begins; fingers press into what they hold.
OVERLAP_M = 0.005

ROOM = 128  # bytes that a state may grow by


def physics_of(model: mujoco.MjModel, data: mujoco.MjData) -> FloatArray:
    """All that the physics of the future depends on."""
    state = np.empty(mujoco.mj_stateSize(model, _STATE))
    mujoco.mj_getState(model, data, state, _STATE)
    return state


def check_physics(model: mujoco.MjModel, state: FloatArray) -> None:
    """Refuses what is not of this scene.

    Raises:
        InputError: another number of values.
    """
    size = mujoco.mj_stateSize(model, _STATE)
    if np.shape(state) != (size,):
        raise InputError(f'state: expected one of this scene, with {size} numbers of physics')


def check_free(model: mujoco.MjModel, data: mujoco.MjData, seed: int) -> None:
    """Refuses a start in which bodies lie in each other: they would be thrown apart.

    Raises:
        InputError: two bodies overlap by more than `OVERLAP_M`; names them and the seed.
    """
    for contact in data.contact:
        if contact.dist < -OVERLAP_M:
            one, other = (model.body(model.geom_bodyid[geom]).name for geom in contact.geom)
            raise InputError(
                f'start of seed {seed}: {one} and {other} lie {-contact.dist * 1e3:.1f} mm '
                f'in each other, expected at most {OVERLAP_M * 1e3:g} mm'
            )


def set_physics(model: mujoco.MjModel, data: mujoco.MjData, state: FloatArray) -> None:
    """Goes back to a state, with everything that follows from it."""
    mujoco.mj_setState(model, data, state, _STATE)
    mujoco.mj_forward(model, data)
    mujoco.mj_setState(model, data, state, _STATE)  # once more, for what warms up the solver


def pack(state: dict[str, Any], size: int = 0) -> NDArray[np.uint8]:
    """Arrays, numbers, texts, lists and mappings as JSON, shape [size] or more.

    Args:
        state: tuples in it come back as lists.
        size: to which blanks are added, so that all states of a world are as long.
    """
    text = json.dumps(state, default=_to_json).ljust(size)
    return np.frombuffer(text.encode(), np.uint8)


class Packer:
    """Packs the states of one world into vectors of one length."""

    def __init__(self) -> None:
        """Knows no state yet."""
        self._size = 0

    def pack(self, state: dict[str, Any]) -> NDArray[np.uint8]:
        """A state as bytes, as long as those before."""
        packed = pack(state, self._size)
        if len(packed) > self._size:  # numbers differ in their length
            self._size = (len(packed) // ROOM + 2) * ROOM
            packed = pack(state, self._size)
        return packed


@contextmanager
def of_this_scene() -> Iterator[None]:
    """What fails inside fails since a state is none of the scene's.

    Raises:
        InputError: in place of what failed.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f'state: expected one of this scene: {error}') from error


def unpack(data: NDArray[np.uint8]) -> dict[str, Any]:
    """The state that `pack` made a vector of.

    Raises:
        InputError: it is none.
    """
    try:
        state = json.loads(np.asarray(data, np.uint8).tobytes(), object_hook=_from_json)
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f'state: not one that a world has saved: {error}') from error
    if not isinstance(state, dict):
        raise InputError('state: not one that a world has saved')
    return state


def _to_json(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        text = base64.b64encode(value.tobytes()).decode()
        return {'dtype': value.dtype.str, 'shape': value.shape, 'bytes': text}
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f'state: cannot save a {type(value).__name__}')


def _from_json(value: dict[str, Any]) -> Any:
    if value.keys() != {'dtype', 'shape', 'bytes'}:
        return value
    array = np.frombuffer(base64.b64decode(value['bytes']), np.dtype(value['dtype']))
    return array.reshape(value['shape']).copy()
