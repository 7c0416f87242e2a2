# SPDX-License-Identifier: Apache-2.0
"""Policies as bytes: packed, signed, and refused as a whole when anything is off.

Neither safetensors nor torch notices a flipped byte, so a sha256 over the bytes goes along.
"""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from safetensors import SafetensorError, numpy as safetensors

from robot_rl import arrays
from robot_rl.arrays import State
from robot_rl.config import to_dict
from robot_rl.control.robot import RobotConfig
from robot_rl.errors import InputError
from robot_rl.task import TaskConfig, data_spec
from robot_rl.types import DataSpec, EntrySpec


@dataclass(frozen=True, slots=True)
class Weights:
    """A policy that a policy node can load; fields as in the message `PolicyWeights`.

    Attributes:
        run: training run; a later run sorts after an earlier one.
        version: number of updates behind it.
        episode: last episode whose steps it has learned from, -1 before any.
        agent: name in the table of agents.
        settings: JSON of what shapes the data, from `settings_json`.
        sha256: of `data`, hexadecimal.
        data: safetensors.
    """

    run: str
    version: int
    episode: int
    agent: str
    settings: str
    sha256: str
    data: bytes = field(repr=False)


def pack(state: State) -> tuple[bytes, str]:
    """Safetensors bytes of named arrays, and their sha256."""
    data = safetensors.save({name: np.asarray(a, order='C') for name, a in state.items()})
    return data, hashlib.sha256(data).hexdigest()


def unpack(data: bytes, sha256: str, expected: dict[str, EntrySpec]) -> State:
    """The arrays in `data`, all of them as expected and finite.

    Args:
        data: from `pack`.
        sha256: its hash, hexadecimal.
        expected: shape and type of each array, from `specs`.

    Raises:
        InputError: a changed byte, or an array that is missing, unknown, of another shape or
            type, or not finite; names it.
    """
    state = read(data, sha256, 'weights')
    arrays.check_names(set(state), set(expected), 'weights')
    for name, spec in expected.items():
        array = state[name]
        if EntrySpec(array.shape, str(array.dtype)) != spec:
            got, want = f'{array.dtype} {array.shape}', f'{spec.dtype} {spec.shape}'
            raise InputError(f'weights: {name}: expected {want}, got {got}')
    check_finite(state, 'weights')
    return state


def read(data: bytes, sha256: str, where: str) -> State:
    """The arrays in `data`, whatever they are, once its hash is right.

    Raises:
        InputError: opens with `where`.
    """
    got = hashlib.sha256(data).hexdigest()
    if got != sha256:
        raise InputError(f'{where}: sha256 is {got[:12]}, expected {sha256[:12]}: bytes changed')
    try:
        state: State = safetensors.load(data)
    except (SafetensorError, KeyError, ValueError) as error:
        raise InputError(f'{where}: not safetensors: {error}') from error
    return state


def specs(state: State) -> dict[str, EntrySpec]:
    """Shape and type of each array."""
    return {name: EntrySpec(array.shape, str(array.dtype)) for name, array in state.items()}


def check_finite(state: State, where: str) -> None:
    """Refuses arrays with a NaN or an infinity in them.

    Raises:
        InputError: opens with `where`; names the array.
    """
    for name, array in state.items():
        if array.dtype.kind == 'f' and not np.isfinite(array).all():
            raise InputError(f'{where}: {name}: expected finite numbers, got NaN or infinity')


def settings_json(agent: str, spec: DataSpec, **more: Any) -> str:
    """What shapes the data, as JSON with sorted keys.

    Args:
        agent: name in the table of agents.
        spec: observation entries and action size.
        more: whatever else must be equal at both ends, such as the action scale.
    """
    return json.dumps({'agent': agent, **to_dict(spec), **to_dict(more)}, sort_keys=True)


def data_settings(task: TaskConfig, robot: RobotConfig, agent: str = '') -> str:
    """What shapes the data of a task, as JSON: observation entries, and what an action means."""
    spec = data_spec(task, robot)
    return settings_json(agent, spec, action=task.action, base=task.base, joints=robot.joints)


def check_settings(own: str, received: str, where: str) -> None:
    """Refuses settings that differ from one's own.

    Raises:
        InputError: opens with `where`; names the first key that differs, and both values.
    """
    try:
        other = json.loads(received)
    except ValueError as error:
        raise InputError(f'{where}: settings are not JSON: {error}') from error
    difference = _difference(json.loads(own), other, 'settings')
    if difference:
        raise InputError(f'{where}: {difference}')


def _difference(own: Any, other: Any, key: str) -> str:
    if not (isinstance(own, dict) and isinstance(other, dict)):
        return '' if own == other else f'{key}: expected {own!r}, got {other!r}'
    for name in sorted(own.keys() | other.keys()):
        if name not in own or name not in other:
            return f'{key}.{name}: {"missing" if name in own else "unknown here"}'
        if found := _difference(own[name], other[name], f'{key}.{name}'):
            return found
    return ''
