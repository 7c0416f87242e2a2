# SPDX-License-Identifier: Apache-2.0
"""Steps on disk as a replay buffer: recordings of the graph, or files of `replay/step_file.py`."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from robot_rl.errors import InputError
from robot_rl.replay import meaning, recording, step_file
from robot_rl.replay.bag import is_recording
from robot_rl.replay.buffer import ReplayBuffer
from robot_rl.replay.columns import ActionKind
from robot_rl.types import DataSpec, Step


def load_dataset(
    path: str | Path, spec: DataSpec, action: ActionKind = 'requested', settings: str = ''
) -> ReplayBuffer:
    """A buffer that holds all steps of a data set and has room for no more.

    Args:
        path: an `.npz` file, an `.mcap` file, the folder of a recording, or a folder of these.
        spec: shapes of the entries and size of the action; other entries are left out.
        action: which of a step's two actions is learned from.
        settings: JSON of what shapes the data here, from `weights.data_settings`; compared with
            what a file says of its actions, where both say something.

    Raises:
        InputError: names the file, and what was expected there: no step, no two steps of an
            episode, another action space, other entries, numbers that are not finite.
    """
    files = find_files(Path(path))
    buffer = ReplayBuffer(max(2, sum(_count(file) for file in files)), spec, action)
    for file in files:
        _check_meaning(file, settings)
        _fill(buffer, file, spec)
    return buffer


def read_steps(path: Path) -> Iterator[Step]:
    """The steps of one recording or file, in order.

    Raises:
        InputError: names the file and what is wrong with it.
    """
    return step_file.read_steps(path) if path.suffix == '.npz' else recording.read_steps(path)


def find_files(path: Path) -> list[Path]:
    """The recordings and files that a path stands for.

    Raises:
        InputError: there is none.
    """
    if is_recording(path) or path.suffix == '.npz':
        found = [path]
    else:
        inside = sorted(path.iterdir()) if path.is_dir() else []
        found = [p for p in inside if p.suffix == '.npz' or is_recording(p)]
    if not found or not found[0].exists():
        raise InputError(f'{path}: expected an .npz file, a recording, or a folder of these')
    return found


def _count(file: Path) -> int:
    count = step_file.count(file) if file.suffix == '.npz' else recording.count(file)
    if not count:
        raise InputError(f'{file}: expected steps, got none')
    return count


def _fill(buffer: ReplayBuffer, file: Path, spec: DataSpec) -> None:
    """Adds the steps of one file; collectors of two files are two, whatever their names."""
    before, rejected = len(buffer), buffer.rejected
    for step in read_steps(file):
        _check(step, file, spec)
        collector = f'{file.name}: {step.observation.collector}'
        buffer.add(replace(step, observation=replace(step.observation, collector=collector)))
    if buffer.rejected > rejected:
        count = buffer.rejected - rejected
        raise InputError(f'{file}: expected finite numbers, got others in {count} steps')
    if len(buffer) == before:
        raise InputError(f'{file}: expected two steps of an episode in a row, got none')


def _check_meaning(file: Path, settings: str) -> None:
    """Refuses a file whose actions mean something else."""
    kind = step_file if file.suffix == '.npz' else recording
    said = kind.read_settings(file)
    if not (settings and said):
        return
    try:
        other = json.loads(said)
    except ValueError as error:
        raise InputError(f'{file}: settings: expected JSON, got {said!r}') from error
    meaning.check(json.loads(settings), other, str(file))


def _check(step: Step, file: Path, spec: DataSpec) -> None:
    """Refuses a step of another task."""
    for name, wanted in spec.entries.items():
        array = step.observation.entries.get(name)
        if array is None:
            got = list(step.observation.entries)
            raise InputError(f'{file}: expected an entry {name!r}, got {got}')
        image = wanted.dtype == 'uint8'
        if array.shape != wanted.shape or (array.dtype == 'uint8') != image:
            expected, got_text = f'{wanted.dtype} {wanted.shape}', f'{array.dtype} {array.shape}'
            raise InputError(f'{file}: entry {name!r}: expected {expected}, got {got_text}')
    if step.requested.shape != (spec.action_size,):
        got_size = step.requested.shape
        raise InputError(f'{file}: action: expected {(spec.action_size,)}, got {got_size}')
    if not (abs(step.requested) <= 1 + 1e-6).all():
        raise InputError(f'{file}: action: expected values in [-1, 1], got {step.requested}')
