# SPDX-License-Identifier: Apache-2.0
"""A latched stop on disk, so that it outlives the process that latched it."""

import os
from pathlib import Path

from robot_rl.errors import InputError


class StopFile:
    """One file that holds the reason of a latched stop, and is missing while there is none."""

    def __init__(self, path: str | Path) -> None:
        """Takes the path; its folder is made when it is first written."""
        self._path = Path(path)

    def read(self) -> str:
        """The reason; '' without a stop. A file that can't be read counts as one."""
        try:
            return self._path.read_text().strip() or 'stop'
        except FileNotFoundError:
            return ''
        except (OSError, UnicodeDecodeError) as error:
            return f'stop file {self._path}: {error}'

    def write(self, reason: str) -> None:
        """Keeps a stop; on disk before this returns, whole or not at all.

        Raises:
            InputError: it can't be written; names the file.
        """
        temporary = self._path.with_suffix('.tmp')
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open('w') as file:
                file.write(f'{reason}\n')
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
        except OSError as error:
            raise InputError(f'{self._path}: {error.strerror}') from error

    def clear(self) -> None:
        """Forgets the stop."""
        self._path.unlink(missing_ok=True)
