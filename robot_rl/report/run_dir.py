# SPDX-License-Identifier: Apache-2.0
"""The folder of one run."""

import itertools
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from robot_rl import config
from robot_rl.errors import InputError
from robot_rl.report.files import write_text


def make_run_dir(root: str | Path, start: datetime) -> Path:
    """Makes `root/<date>-<time>`, with -2, -3 and so on where that is taken.

    Args:
        root: folder of all runs; made where it is missing.
        start: local time of the run's start.

    Raises:
        InputError: the folder can't be made or written in.
    """
    stamp = start.strftime('%Y%m%d-%H%M%S')
    try:
        Path(root).mkdir(parents=True, exist_ok=True)
        run = _first_free(Path(root), stamp)
        probe = run / '.probe'
        probe.write_text('probe')
        probe.unlink()
    except OSError as error:
        raise InputError(
            f'run folder {root}: cannot be written: {error.strerror or error}'
        ) from error
    return run


def write_config(run: str | Path, resolved: Any, name: str = 'config.yaml') -> Path:
    """Writes the resolved configuration, dataclasses or plain values, as YAML.

    Raises:
        InputError: the file can't be written.
    """
    path = Path(run) / name
    write_text(path, yaml.safe_dump(config.to_dict(resolved), sort_keys=False))
    return path


def _first_free(root: Path, stamp: str) -> Path:
    for number in itertools.count(1):
        run = root / (stamp if number == 1 else f'{stamp}-{number}')
        try:
            run.mkdir()
        except FileExistsError:
            continue
        return run
    raise AssertionError('counting does not end')
