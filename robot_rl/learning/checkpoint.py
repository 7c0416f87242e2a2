# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: whole or not there, three of them kept, a damaged one passed over loudly.

    <run>/checkpoints/<env_steps>/policy.safetensors    what `act` needs
                                  learner.safetensors   networks, moments, random states, replay
                                  meta.json             the run, counters, sha256 of both files

A checkpoint is written under another name, flushed to disk, then renamed.
"""

import json
import logging
import os
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from robot_rl.arrays import State
from robot_rl.errors import InputError
from robot_rl.learning import weights

_LOG = logging.getLogger('robot_rl.checkpoint')
_META = 'meta.json'


@dataclass(frozen=True)
class Checkpoint:
    """One moment of a training run.

    Attributes:
        meta: JSON values; `env_steps` names the folder.
        files: arrays by file name without suffix.
    """

    meta: dict[str, Any]
    files: dict[str, State] = field(repr=False)


def save(folder: Path, checkpoint: Checkpoint, keep: int = 3) -> Path:
    """Writes a checkpoint below `folder` and removes those that are too many.

    Later ones than this are removed too: they were damaged, or this run was resumed from an
    earlier one.

    Raises:
        InputError: the folder can't be written.
    """
    steps = int(checkpoint.meta['env_steps'])
    final, partial = folder / f'{steps:09d}', folder / f'.{steps:09d}.{os.getpid()}.partial'
    try:
        _write(partial, checkpoint)
        if final.exists():
            retired = final.replace(partial.with_suffix('.retired'))
            partial.replace(final)
            shutil.rmtree(retired)
        else:
            partial.replace(final)
        _flush(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise InputError(f'{final}: checkpoint not written: {error.strerror}') from error
    _prune(folder, final, keep)
    return final


def load_latest(folder: Path, only: tuple[str, ...] = ()) -> tuple[Checkpoint, Path]:
    """The newest checkpoint that is whole, and where it lies.

    Args:
        folder: a checkpoint, a folder of checkpoints, or a run that holds one.
        only: files to read; all when empty.

    Raises:
        InputError: there is none; says what is wrong with each that was found.
    """
    if (folder / _META).exists():
        return load(folder, only), folder
    inner = folder / 'checkpoints'
    refused = []
    for path in reversed(_checkpoints(inner if inner.is_dir() else folder)):
        try:
            found = load(path, only)
        except InputError as error:
            refused.append(str(error))
            _LOG.error('damaged checkpoint passed over: %s', error)
            continue
        if refused:
            _LOG.error('going on from the earlier checkpoint %s', path)
        return found, path
    raise InputError('; '.join(refused) or f'{folder}: no checkpoint found')


def load(path: Path, only: tuple[str, ...] = ()) -> Checkpoint:
    """Reads one checkpoint and verifies every file that it reads.

    Raises:
        InputError: names the file that is missing, cut, or changed.
    """
    try:
        meta = json.loads((path / _META).read_text())
        hashes = {n: h for n, h in meta.pop('sha256').items() if not only or n in only}
        data = {name: (path / f'{name}.safetensors').read_bytes() for name in hashes}
    except OSError as error:
        raise InputError(f'{error.filename}: {error.strerror}') from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f'{path / _META}: damaged: {error}') from error
    files = {
        name: weights.read(data[name], sha256, str(path / f'{name}.safetensors'))
        for name, sha256 in hashes.items()
    }
    return Checkpoint(meta, files)


def resume_from(run_folder: str, checkpoint: str = '') -> str:
    """Where a run goes on: from its own checkpoints, where it has some, as after a restart.

    Args:
        run_folder: of the run; '' for none.
        checkpoint: what else to go on from; '' for nothing.
    """
    own = Path(run_folder, 'checkpoints')
    return str(own) if run_folder and _checkpoints(own) else checkpoint


class CheckpointWriter:
    """Writes checkpoints beside the training, one at a time.

    Attributes:
        error: what went wrong last; '' once a later one was written.
        latest: folder of the last one that is safe on disk; None before the first.
        written: its meta.
    """

    def __init__(self, run_folder: Path, keep: int = 3) -> None:
        """Creates `checkpoints/` in the run's folder.

        Raises:
            InputError: it can't be written.
        """
        self.folder, self._keep = run_folder / 'checkpoints', keep
        self._thread: threading.Thread | None = None
        self.error = ''
        self.latest: Path | None = None
        self.written: dict[str, Any] = {}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for rest in self.folder.glob('.*.*'):
                shutil.rmtree(rest)
            probe = self.folder / f'.{os.getpid()}.probe'
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise InputError(f'{self.folder}: can not be written: {error.strerror}') from error

    @property
    def busy(self) -> bool:
        """Whether one is being written now."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, checkpoint: Checkpoint) -> None:
        """Writes in the background; waits for the one before, if that is still going on."""
        self.wait()
        self._thread = threading.Thread(target=self._save, args=(checkpoint,), daemon=False)
        self._thread.start()

    def wait(self) -> None:
        """Returns once nothing is being written."""
        if self._thread is not None:
            self._thread.join()

    def _save(self, checkpoint: Checkpoint) -> None:
        try:
            self.latest = save(self.folder, checkpoint, self._keep)
            self.written, self.error = checkpoint.meta, ''
        except InputError as error:
            self.error = str(error)
            _LOG.error('%s', error)


def _write(folder: Path, checkpoint: Checkpoint) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    hashes = {}
    for name, state in checkpoint.files.items():
        data, hashes[name] = weights.pack(state)
        _write_file(folder / f'{name}.safetensors', data)
    meta = json.dumps(checkpoint.meta | {'sha256': hashes}, indent=1, sort_keys=True)
    _write_file(folder / _META, meta.encode())
    _flush(folder)


def _write_file(path: Path, data: bytes) -> None:
    with path.open('wb') as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    """Brings the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checkpoints(folder: Path) -> list[Path]:
    """Checkpoints in a folder, oldest first."""
    found = [p for p in folder.glob('*') if p.name.isdigit() and p.is_dir()]
    return sorted(found, key=lambda p: int(p.name))


def _prune(folder: Path, newest: Path, keep: int) -> None:
    found = _checkpoints(folder)
    place = found.index(newest)
    for path in (*found[: max(0, place + 1 - keep)], *found[place + 1 :]):
        shutil.rmtree(path, ignore_errors=True)
