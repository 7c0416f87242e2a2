# SPDX-License-Identifier: Apache-2.0
"""Where the package's own files lie: configuration, robot descriptions, launch files."""

import os
import sys
from pathlib import Path

from robot_rl.errors import InputError


def share_dir() -> Path:
    """The folder that holds `config/`, `urdf/` and `launch/`.

    The source tree when the package runs from one, else `share/robot_rl` below the first
    ament prefix, or below the environment's own prefix, that has it.

    Raises:
        InputError: the files are not installed.
    """
    source = Path(__file__).resolve().parents[1]
    prefixes = [p for p in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep) if p]
    shares = [Path(prefix, 'share', 'robot_rl') for prefix in (*prefixes, sys.prefix)]
    for folder in (source, *shares):
        if (folder / 'config' / 'robots').is_dir():
            return folder
    raise InputError(f'robot_rl: config/ found neither in {source} nor in {shares}')


def find(kind: str, name: str, suffix: str = '.yaml') -> Path:
    """The file `kind/name + suffix` of the package, or `name` itself where it is a path.

    Args:
        kind: folder below the share folder, such as 'config/tasks' or 'urdf'.
        name: a bare name, or the path of an existing file.
        suffix: what a bare name ends in on disk.

    Raises:
        InputError: no such file; lists the known names.
    """
    if os.sep in name or name.endswith(suffix):
        path = Path(name)
        if path.is_file():
            return path
        raise InputError(f'{name}: no such file')
    folder = share_dir() / kind
    path = folder / f'{name}{suffix}'
    if path.is_file():
        return path
    known = ', '.join(names(kind, suffix))
    raise InputError(f'unknown name {name!r} in {kind}; known: {known}')


def names(kind: str, suffix: str = '.yaml') -> list[str]:
    """Bare names of the package's files of one kind, sorted."""
    return sorted(p.name.removesuffix(suffix) for p in (share_dir() / kind).glob(f'*{suffix}'))
