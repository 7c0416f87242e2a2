# SPDX-License-Identifier: Apache-2.0
"""Runs launch files, which are Python programs that import `launch` and `launch_ros`."""

import contextlib
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from robot_rl.errors import InputError

Modules = Mapping[str, Mapping[str, Any]]


class Part(ModuleType):
    """A module with the supported names only."""

    def __getattr__(self, name: str) -> Any:
        """Refuses the other names; those that Python itself looks for are just not there."""
        if name.startswith('__'):
            raise AttributeError(name)
        known = ', '.join(n for n in vars(self) if not n.startswith('__'))
        raise InputError(
            f'{self.__name__}.{name} is not supported by robot-rl launch; supported: {known}'
        )


def _parts(modules: Modules) -> dict[str, ModuleType]:
    """The modules as Python imports them, each one set in its package."""
    parts: dict[str, ModuleType] = {}
    for path, names in modules.items():
        part = parts[path] = Part(path)
        vars(part).update(names)
        package, _, last = path.rpartition('.')
        if package:
            setattr(parts[package], last, part)
    return parts


@contextlib.contextmanager
def provided(modules: Modules) -> Iterator[None]:
    """Makes `import launch` and `import launch_ros` give the supported subset, for a while."""
    hidden = {n: m for n, m in sys.modules.items() if n.split('.')[0] in ('launch', 'launch_ros')}
    for name in hidden:
        del sys.modules[name]
    parts = _parts(modules)
    sys.modules.update(parts)
    try:
        yield
    finally:
        for name in parts:
            sys.modules.pop(name, None)
        sys.modules.update(hidden)


def load(path: Path, modules: Modules) -> Any:
    """Runs a launch file and gives its description.

    Raises:
        InputError: no such file, no `generate_launch_description`, or what went wrong in it and
            in which line.
    """
    try:
        code = compile(path.read_text(), str(path), 'exec')
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise InputError(f'{path}: {error}') from error
    module = ModuleType('python_launch_file')
    module.__file__ = str(path)
    with provided(modules), named_errors(path):
        exec(code, vars(module))  # noqa: S102 - a launch file is a program.
        if not hasattr(module, 'generate_launch_description'):
            raise InputError('no function generate_launch_description()')
        return module.generate_launch_description()


def call(function: Callable[..., Any], modules: Modules, *args: Any, **kwargs: Any) -> Any:
    """Calls a function of a launch file, with the same imports and the same errors."""
    with provided(modules), named_errors(Path(function.__code__.co_filename)):
        return function(*args, **kwargs)


@contextlib.contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Makes any error an `InputError` that names file and line.

    A `RuntimeError` is what a launch file says on purpose: its text alone is passed on.
    """
    try:
        yield
    except RuntimeError as error:
        raise InputError(str(error)) from error
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(path)]
        where = f'{path}:{lines[-1]}' if lines else str(path)
        kind = '' if isinstance(error, InputError) else f'{type(error).__name__}: '
        raise InputError(f'{where}: {kind}{error}') from error
