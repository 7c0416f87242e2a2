# SPDX-License-Identifier: Apache-2.0
"""Parameters of a node: the values that a launch file gives, made into ROS parameter files."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml

from robot_rl.errors import InputError
from robot_rl.launcher.context import Context
from robot_rl.launcher.substitutions import Substitution, text

SCALARS = (bool, int, float, str)


class ParameterValue:
    """A value with its type, for a substitution whose text could be read otherwise."""

    def __init__(self, value: Any, *, value_type: Any = None) -> None:
        """Keeps value and type: bool, int, float, str or a list of one; None reads YAML."""
        self._value, self._type = value, value_type

    def evaluate(self, context: Context) -> Any:
        """The value in its type."""
        if not _is_substitution(self._value):
            return self._value
        written = text(self._value, context)
        if self._type is str or not written:
            return written
        if self._type in (int, float):
            return self._type(written)
        value = {'0': False, '1': True}.get(written) if self._type is bool else None
        value = yaml.safe_load(written) if value is None else value
        return _expect(value, self._type, written)


def _is_substitution(value: Any) -> bool:
    """Whether it is a substitution, or texts and substitutions that make one text."""
    if isinstance(value, (list, tuple)):
        return any(isinstance(v, Substitution) for v in value)
    return isinstance(value, Substitution)


def _expect(value: Any, kind: Any, written: str) -> Any:
    """The value that was read, if it has the type `kind`; any allowed one where that is None."""
    if get_origin(kind) is list:
        good = isinstance(value, list) and all(isinstance(v, get_args(kind)[0]) for v in value)
    elif kind is not None:
        good = isinstance(value, kind)
    else:
        good = isinstance(value, SCALARS) or (isinstance(value, list) and _is_uniform(value))
    if not good:
        name = getattr(kind, '__name__', str(kind)) if kind else 'a value or a list of one type'
        raise InputError(f'expected {name}, got {written!r}')
    return value


def _is_uniform(values: list[Any]) -> bool:
    return bool(values) and isinstance(values[0], SCALARS) and len({*map(type, values)}) == 1


def evaluate(values: Mapping[Any, Any], context: Context, prefix: str = '') -> dict[str, Any]:
    """Flat names and plain values of a mapping that may hold substitutions and mappings.

    Raises:
        InputError: a value that is no ROS parameter; names it.
    """
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = prefix + text(key, context)
        if isinstance(value, Mapping):
            flat |= evaluate(value, context, f'{name}.')
            continue
        try:
            flat[name] = _plain(value, context)
        except (ValueError, yaml.YAMLError) as error:
            raise InputError(f'parameter {name}: {" ".join(str(error).split())}') from error
    return flat


def _plain(value: Any, context: Context) -> Any:
    if isinstance(value, ParameterValue):
        return value.evaluate(context)
    if _is_substitution(value):
        return ParameterValue(value).evaluate(context)
    if isinstance(value, SCALARS):
        return value
    if isinstance(value, (list, tuple)):
        if {*map(type, value)} == {int, float}:
            return [float(v) for v in value]
        if _is_uniform(list(value)):
            return list(value)
    raise InputError(f'expected a value or a list of one type, got {value!r}')


class ParameterArguments:
    """The arguments `--params-file PATH` of one process, and the files still to be written."""

    def __init__(self, base: Path, node: str) -> None:
        """Files will be called `base` with a number; `node` is a node's full name or '/**'."""
        self.arguments: list[str] = []
        self.files: dict[Path, str] = {}
        self._base, self._node = base, node

    def add(self, entries: Iterable[Any], context: Context) -> None:
        """Adds mappings and paths in order; a later one overrides."""
        for entry in entries:
            if isinstance(entry, Mapping):
                path = Path(f'{self._base}.{len(self.files)}.yaml')
                content = {self._node: {'ros__parameters': evaluate(entry, context)}}
                self.files[path] = yaml.safe_dump(content, default_flow_style=False)
            else:
                path = Path(text(entry, context))
                if not path.is_file():
                    raise InputError(f'parameter file {path}: no such file')
            self.arguments += ['--params-file', str(path)]
