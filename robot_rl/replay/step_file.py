# SPDX-License-Identifier: Apache-2.0
"""Steps in a compact `.npz`: one array a field of `Step`, one row a step, never pickle.

| array | type and shape |
|---|---|
| format | text, `FORMAT` |
| collector, source | text [N] |
| sequence, episode, step, stamp_ns, version, interventions | int64 [N] |
| policy, requested, executed | float64 [N, A] |
| reward | float64 [N] |
| success, terminated, truncated, cut | bool [N]; `cut` is the observation's own flag |
| entries/NAME | any number type, [N, ...] |
| settings | text, JSON of what shapes the data; may be missing |
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from robot_rl.arrays import State
from robot_rl.errors import InputError
from robot_rl.types import Observation, Step

FORMAT = 'robot_rl steps 1'
_ENTRIES = 'entries/'
#: Kind of number (as numpy's `dtype.kind`) and number of dimensions of each array.
_FIELDS = {
    **dict.fromkeys(('collector', 'source'), ('U', 1)),
    **dict.fromkeys(('sequence', 'episode', 'step', 'stamp_ns'), ('i', 1)),
    **dict.fromkeys(('version', 'interventions'), ('i', 1)),
    **dict.fromkeys(('policy', 'requested', 'executed'), ('f', 2)),
    'reward': ('f', 1),
    **dict.fromkeys(('success', 'terminated', 'truncated', 'cut'), ('b', 1)),
}
_KINDS = {'U': 'text', 'i': 'whole numbers', 'f': 'floats', 'b': 'bool'}
_OF_OBSERVATION = ('collector', 'episode', 'step', 'stamp_ns')


def write_steps(path: Path, steps: Iterable[Step], settings: str = '') -> int:
    """Writes steps into a new file; how many.

    Args:
        path: ends in `.npz`; what is there is replaced.
        steps: all with the same entries and the same size of action.
        settings: JSON of what shapes them, from `weights.data_settings`; '' where nobody knows.

    Raises:
        InputError: there is none, they differ in their entries or shapes, or the disk refuses.
    """
    kept = list(steps)
    if not kept:
        raise InputError(f'{path}: expected steps to write, got none')
    if path.suffix != '.npz':
        raise InputError(f'{path}: expected a name that ends in .npz')
    names = kept[0].observation.entries.keys()
    for step in kept:
        if step.observation.entries.keys() != names:
            got = list(step.observation.entries)
            raise InputError(f'{path}: step {step.sequence} has the entries {got}, not all alike')
    try:
        entries = {_ENTRIES + n: np.stack([s.observation.entries[n] for s in kept]) for n in names}
        fields = {name: np.array([_field(step, name) for step in kept]) for name in _FIELDS}
        texts = {'format': np.array(FORMAT), 'settings': np.array(settings)}
        arrays = texts | fields | entries
        partial = path.with_suffix('.partial.npz')
        np.savez_compressed(partial, **arrays)  # type: ignore[arg-type]
        partial.replace(path)
    except ValueError as error:
        raise InputError(f'{path}: steps differ in shape: {error}') from error
    except OSError as error:
        raise InputError(f'{path}: {error.strerror}') from error
    return len(kept)


def read_steps(path: Path) -> Iterator[Step]:
    """The steps of a file, in order.

    Raises:
        InputError: names the file, and the array that is missing, unknown or of another type.
    """
    data = _load(path)
    entries = {n.removeprefix(_ENTRIES): a for n, a in data.items() if n.startswith(_ENTRIES)}
    fields = {name: data[name].tolist() for name, (_, axes) in _FIELDS.items() if axes == 1}
    for row in range(len(data['sequence'])):
        values = {name: column[row] for name, column in fields.items()}
        yield Step(
            observation=Observation(
                entries={name: np.asarray(array[row]) for name, array in entries.items()},
                truncated=values.pop('cut'),
                **{name: values.pop(name) for name in _OF_OBSERVATION},
            ),
            policy=data['policy'][row].astype(np.float64),
            requested=data['requested'][row].astype(np.float64),
            executed=data['executed'][row].astype(np.float64),
            **values,
        )


def count(path: Path) -> int:
    """How many steps a file holds.

    Raises:
        InputError: as `read_steps`.
    """
    return len(_load(path)['sequence'])


def read_settings(path: Path) -> str:
    """What shapes the steps of a file, as JSON; '' where it does not say.

    Raises:
        InputError: not an `.npz` file.
    """
    return str(_load(path, only='settings').get('settings', ''))


def _field(step: Step, name: str) -> object:
    if name == 'cut':
        return step.observation.truncated
    return getattr(step.observation if name in _OF_OBSERVATION else step, name)


def _load(path: Path, only: str = '') -> State:
    try:
        with np.load(path, allow_pickle=False) as file:
            if only:
                return {name: file[name] for name in file.files if name == only}
            data: State = dict(file)
    except (OSError, ValueError, EOFError, BadZipFile, AttributeError, TypeError) as error:
        raise InputError(f'{path}: expected an .npz file of steps: {error}') from error
    if 'format' not in data or str(data['format']) != FORMAT:
        raise InputError(f'{path}: format: expected {FORMAT!r}, got {data.get("format")}')
    known = _FIELDS.keys() | {'format', 'settings'}
    missing = sorted(known - data.keys() - {'settings'})
    extra = sorted(n for n in data if n not in known and not n.startswith(_ENTRIES))
    if missing or extra:
        raise InputError(f'{path}: missing arrays {missing}, unknown arrays {extra}')
    _check_shapes(path, data)
    return data


def _check_shapes(path: Path, data: State) -> None:
    rows = data['sequence'].shape[:1]
    for name, array in data.items():
        if name in ('format', 'settings'):
            continue
        kind, axes = _FIELDS.get(name, ('', array.ndim))
        if array.dtype.kind not in (kind or 'fiub') or array.ndim != axes:
            expected = f'{_KINDS.get(kind, "numbers")} with {axes} axes'
            raise InputError(f'{path}: {name}: expected {expected}, got {_text(array)}')
        if array.shape[:1] != rows:
            raise InputError(f'{path}: {name}: expected {rows} rows, got {_text(array)}')
    if data['requested'].shape != data['executed'].shape:
        wanted = data['requested'].shape
        raise InputError(f'{path}: executed: expected {wanted}, got {_text(data["executed"])}')


def _text(array: NDArray[np.generic]) -> str:
    return f'{array.dtype} {array.shape}'
