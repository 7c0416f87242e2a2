# SPDX-License-Identifier: Apache-2.0
"""Networks, optimizers, tensors and random generators to named arrays and back, exactly."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from robot_rl import arrays
from robot_rl.arrays import State
from robot_rl.errors import InputError

Part = nn.Module | torch.Generator | np.random.Generator | Tensor


def save(parts: Mapping[str, Part]) -> State:
    """Copies of everything that an agent is made of, below the name of each part."""
    state: State = {}
    for name, item in parts.items():
        state |= arrays.nest(name, _save(item))
    return state


def load(parts: Mapping[str, Part], state: State, where: str) -> None:
    """Brings the parts to the state that `save` gave; changes nothing when one does not fit.

    Raises:
        InputError: opens with `where`; names the array that is missing, has another shape, or
            is no state of its random generator: those of a processor and a GPU differ.
    """
    current = save(parts)
    arrays.check_names(set(state), set(current), where)
    for name, item in current.items():
        _check(name, state[name], item, where)
    for name, part in parts.items():
        if isinstance(part, torch.Generator | np.random.Generator):
            _check_generator(f'{name}/state', part, arrays.part(state, name), where)
    for name, part in parts.items():
        _load(part, arrays.part(state, name))


def _save(part: Part) -> State:
    if isinstance(part, nn.Module):
        return {name: _array(tensor) for name, tensor in part.state_dict().items()}
    if isinstance(part, torch.Generator):
        return {'state': part.get_state().numpy().copy()}
    if isinstance(part, np.random.Generator):
        return {'state': arrays.from_rng(part)}
    return {'value': _array(part)}


def _load(part: Part, state: State) -> None:
    if isinstance(part, nn.Module):
        part.load_state_dict({name: _tensor(array) for name, array in state.items()})
    elif isinstance(part, torch.Generator):
        part.set_state(_tensor(state['state']))
    elif isinstance(part, np.random.Generator):
        arrays.restore_rng(part, state['state'])
    else:
        with torch.no_grad():
            part.copy_(_tensor(state['value']))


def _check(name: str, got: NDArray[np.generic], own: NDArray[np.generic], where: str) -> None:
    # Random generators hold their state as text, whose length may differ.
    if got.dtype != own.dtype or (own.dtype != np.uint8 and got.shape != own.shape):
        have, want = f'{got.dtype} {got.shape}', f'{own.dtype} {own.shape}'
        raise InputError(f'{where}: {name}: expected {want}, got {have}')


def _check_generator(
    name: str, part: torch.Generator | np.random.Generator, state: State, where: str
) -> None:
    """Tries a generator's state on another one of its kind."""
    try:
        if isinstance(part, torch.Generator):
            _load(torch.Generator(part.device), state)
        else:
            _load(np.random.default_rng(), state)
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        on = f' on {part.device}' if isinstance(part, torch.Generator) else ''
        raise InputError(
            f'{where}: {name}: expected the state of a random generator{on}: {error}'
        ) from error


def _array(tensor: Tensor) -> NDArray[np.generic]:
    return tensor.detach().cpu().numpy().copy()


def _tensor(array: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(np.array(array))
