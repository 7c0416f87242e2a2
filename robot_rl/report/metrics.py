# SPDX-License-Identifier: Apache-2.0
"""Figures over time, one JSON object a line, appended while a run goes on."""

import json
import math
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import Any

from robot_rl.errors import InputError
from robot_rl.report.files import write_text


class MetricsWriter:
    """Appends to a metrics file; each line is handed to the system as it is written.

    A full disk stops the recording and nothing else: `error` then says why, and later lines
    are counted in `dropped`.
    """

    def __init__(self, path: str | Path) -> None:
        """Opens the file; a last line that was cut by a crash is removed first.

        Raises:
            InputError: the file can't be opened.
        """
        self.error = ''
        self.dropped = 0
        self._path = Path(path)
        try:
            _remove_cut_line(self._path)
            self._file = self._path.open('a', buffering=1, encoding='utf-8')
        except OSError as error:
            raise InputError(f'{path}: cannot be written: {error.strerror or error}') from error

    def write(self, values: Mapping[str, Any]) -> None:
        """Appends one line. A number that is not finite becomes null."""
        if self.error:
            self.dropped += 1
            return
        line = json.dumps({key: _plain(value) for key, value in values.items()}, allow_nan=False)
        try:
            self._file.write(line + '\n')
        except OSError as error:
            self.error = f'{self._path}: recording stopped: {error.strerror or error}'
            self.dropped += 1

    def close(self) -> None:
        """Closes the file; what a full disk kept back is lost."""
        try:
            self._file.close()
        except OSError as error:
            self.error = self.error or f'{self._path}: {error.strerror or error}'

    def __enter__(self) -> 'MetricsWriter':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def read_metrics(path: str | Path) -> list[dict[str, Any]]:
    """All whole lines of a metrics file; a cut last line is left out.

    Raises:
        InputError: the file can't be read, or another line is damaged; names the line.
    """
    try:
        *lines, _cut = Path(path).read_bytes().split(b'\n')
    except OSError as error:
        raise InputError(f'{path}: {error.strerror or error}') from error
    return [_parse(line, f'{path}, line {i}') for i, line in enumerate(lines, 1)]


def forget_after(path: Path, key: str, last: float) -> None:
    """Removes the lines from the first one on that goes beyond a checkpoint.

    Args:
        path: a metrics file, which may be missing.
        key: what is counted in every line.
        last: its value at the checkpoint that the run goes on from.

    A damaged file is left as it is.

    Raises:
        InputError: it can't be written.
    """
    try:
        rows = read_metrics(path) if path.is_file() else []
    except InputError:
        return
    kept = list(takewhile(lambda row: row.get(key, 0) <= last, rows))
    if len(kept) < len(rows):
        write_text(path, ''.join(json.dumps(row) + '\n' for row in kept))


def _parse(line: bytes, where: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except ValueError as error:
        raise InputError(f'{where}: not JSON') from error
    if not isinstance(values, dict):
        raise InputError(f'{where}: expected an object, got {values!r}')
    return values


def _plain(value: Any) -> Any:
    """A numpy scalar as a Python number; None for what JSON has no number for."""
    value = value.item() if hasattr(value, 'item') else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _remove_cut_line(path: Path) -> None:
    if path.is_file():
        data = path.read_bytes()
        whole = data.rfind(b'\n') + 1
        if whole < len(data):
            with path.open('r+b') as file:
                file.truncate(whole)
