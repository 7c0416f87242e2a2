# SPDX-License-Identifier: Apache-2.0
"""State as named arrays: what checkpoints and weight messages are made of, never pickle."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_rl.errors import InputError

State = dict[str, NDArray[np.generic]]


def from_json(value: Any) -> NDArray[np.uint8]:
    """A JSON value as an array of its UTF-8 bytes, so that it fits among other arrays."""
    return np.frombuffer(json.dumps(value, sort_keys=True).encode(), np.uint8)


def to_json(array: NDArray[np.generic]) -> Any:
    """The JSON value that `from_json` made an array of."""
    return json.loads(array.tobytes())


def from_rng(rng: np.random.Generator) -> NDArray[np.uint8]:
    """The exact state of a random number generator."""
    return from_json(rng.bit_generator.state)


def restore_rng(rng: np.random.Generator, array: NDArray[np.generic]) -> None:
    """Brings a generator to the state that `from_rng` saved."""
    rng.bit_generator.state = to_json(array)


def nest(prefix: str, state: State) -> State:
    """The same arrays with names below `prefix/`."""
    return {f'{prefix}/{name}': array for name, array in state.items()}


def part(state: State, prefix: str) -> State:
    """The arrays below `prefix/`, with that much taken off their names."""
    start = f'{prefix}/'
    return {name[len(start) :]: array for name, array in state.items() if name.startswith(start)}


def check_names(got: set[str], wanted: set[str], where: str) -> None:
    """Refuses a set of names with one missing or one too many.

    Raises:
        InputError: opens with `where` and lists both kinds.
    """
    if got != wanted:
        missing, extra = sorted(wanted - got), sorted(got - wanted)
        raise InputError(f'{where}: missing {missing}, unexpected {extra}')
