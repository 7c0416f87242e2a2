# SPDX-License-Identifier: Apache-2.0
"""Strict reading of YAML into frozen dataclasses: an unknown key is an error with its name."""

import dataclasses
import math
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

import yaml

from robot_rl.errors import InputError

T = TypeVar('T')


def load(cls: type[T], path: str | Path) -> T:
    """Reads one YAML file into the dataclass `cls`.

    Nested dataclasses, tuples, dicts, optional values and literals are followed; a field
    without a default must be given.

    Raises:
        InputError: names the file, the key, and what was expected there.
    """
    return parse(cls, read_yaml(path), str(path))


def read_yaml(path: str | Path) -> Any:
    """The content of a YAML file, or an `InputError` that names it."""
    try:
        return yaml.safe_load(Path(path).read_text())
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f'{path}: {" ".join(str(error).split())}') from error


def parse(cls: type[T], data: Any, where: str) -> T:
    """Builds the dataclass `cls` from a mapping; `where` opens every message."""
    if not isinstance(data, dict):
        raise InputError(f'{where}: expected a mapping, got {data!r}')
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]
    for key in data:
        if key not in fields:
            raise InputError(f'{where}: unknown key {key!r}; known: {", ".join(fields)}')
    values = {}
    for name, field in fields.items():
        if name in data:
            values[name] = _convert(hints[name], data[name], f'{where}: {name}')
        elif field.default is field.default_factory is dataclasses.MISSING:
            raise InputError(f'{where}: missing key {name!r}')
    try:
        return cls(**values)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f'{where}: {error}') from error


def to_dict(value: Any) -> Any:
    """The plain mapping that `parse` reads back into an equal dataclass."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_dict(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: to_dict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_dict(item) for item in value]
    return value


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return parse(typing.cast(type, hint), value, where)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(args, value, where)
    if origin is typing.Literal:
        return _expect(value in args, value, f'one of {", ".join(map(str, args))}', where)
    if origin is tuple:
        return _convert_tuple(args, value, where)
    if origin is dict:
        _expect(isinstance(value, dict), value, 'a mapping', where)
        return {k: _convert(args[1], v, f'{where}: {k}') for k, v in value.items()}
    if hint is float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        _expect(number and math.isfinite(value), value, 'a finite number', where)
        return float(value)
    if hint is int:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return _expect(whole, value, 'a whole number', where)
    if hint in (bool, str):
        return _expect(isinstance(value, hint), value, f'a {hint.__name__}', where)
    return value


def _convert_union(args: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in args:
        return None
    rest = [a for a in args if a is not type(None)]
    return _convert(rest[0], value, where)


def _convert_tuple(args: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    _expect(isinstance(value, (list, tuple)), value, 'a list', where)
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(_convert(args[0], v, f'{where}[{i}]') for i, v in enumerate(value))
    _expect(len(value) == len(args), value, f'a list of {len(args)}', where)
    return tuple(
        _convert(a, v, f'{where}[{i}]') for i, (a, v) in enumerate(zip(args, value, strict=True))
    )


def _expect(good: bool, value: Any, wanted: str, where: str) -> Any:
    if not good:
        raise InputError(f'{where}: expected {wanted}, got {value!r}')
    return value
