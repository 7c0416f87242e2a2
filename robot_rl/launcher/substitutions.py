# SPDX-License-Identifier: Apache-2.0
"""Texts that are known only when a launch file runs: the subset of `launch.substitutions`."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from robot_rl import resources
from robot_rl.errors import InputError
from robot_rl.launcher.context import Context, find_package


class Substitution:
    """Stands for a text."""

    def perform(self, context: Context) -> str:
        """The text."""
        raise NotImplementedError


def text(value: Any, context: Context) -> str:
    """The text of a string, path or substitution, or of several one after the other."""
    if isinstance(value, (str, os.PathLike)):
        return os.fspath(value)
    if isinstance(value, Substitution):
        return value.perform(context)
    if isinstance(value, Iterable):
        return ''.join(text(item, context) for item in value)
    raise InputError(f'expected a text or a substitution, got {value!r}')


class TextSubstitution(Substitution):
    """A fixed text."""

    def __init__(self, *, text: str) -> None:
        """Keeps the text."""
        self._text = text

    def perform(self, context: Context) -> str:
        """The text."""
        return self._text


class LaunchConfiguration(Substitution):
    """The value of an argument, or of a configuration that was set otherwise."""

    def __init__(self, variable_name: Any, *, default: Any = None) -> None:
        """Keeps the name."""
        self._name, self._default = variable_name, default

    def perform(self, context: Context) -> str:
        """The value, or the default where there is none."""
        name = text(self._name, context)
        if name in context.launch_configurations:
            return context.launch_configurations[name]
        if self._default is None:
            known = ', '.join(context.launch_configurations)
            raise InputError(f'launch configuration {name!r} is not set; set are: {known}')
        return text(self._default, context)


class EnvironmentVariable(Substitution):
    """The value of an environment variable, changes by the launch file included."""

    def __init__(self, name: Any, *, default_value: Any = None) -> None:
        """Keeps the name."""
        self._name, self._default = name, default_value

    def perform(self, context: Context) -> str:
        """The value, or the default where there is none."""
        name = text(self._name, context)
        if name in context.environment:
            return context.environment[name]
        if self._default is None:
            raise InputError(f'environment variable {name!r} is not set')
        return text(self._default, context)


class PathJoinSubstitution(Substitution):
    """A path from its parts."""

    def __init__(self, substitutions: Iterable[Any]) -> None:
        """Keeps the parts."""
        self._parts = list(substitutions)

    def perform(self, context: Context) -> str:
        """The path."""
        parts = [text(part, context) for part in self._parts]
        return os.path.join(*parts)  # noqa: PTH118 - keeps every character, as upstream.


class FindPackageShare(Substitution):
    """The folder share/<package> of an installed package."""

    def __init__(self, package: Any) -> None:
        """Keeps the package's name."""
        self._package = package

    def perform(self, context: Context) -> str:
        """The folder."""
        package = text(self._package, context)
        if package == 'robot_rl':
            return str(resources.share_dir())
        return str(find_package(package, 'share', context.environment))


class FindPackagePrefix(FindPackageShare):
    """The prefix that a package is installed in."""

    def perform(self, context: Context) -> str:
        """The folder."""
        package = text(self._package, context)
        return str(find_package(package, 'share', context.environment).parents[1])


class Condition:
    """Whether an action is done, by a text that reads true, 1, false or 0."""

    expected = True

    def __init__(self, predicate_expression: Any) -> None:
        """Keeps the text."""
        self._predicate = predicate_expression

    def evaluate(self, context: Context) -> bool:
        """Whether the action is done."""
        value = text(self._predicate, context).strip().lower()
        if value not in ('true', '1', 'false', '0'):
            raise InputError(f'condition: expected true, 1, false or 0, got {value!r}')
        return (value in ('true', '1')) is self.expected


class IfCondition(Condition):
    """Done when the text reads true."""


class UnlessCondition(Condition):
    """Done when the text reads false."""

    expected = False


class LaunchDescriptionSource:
    """A Python launch file."""

    def __init__(self, launch_file_path: Any) -> None:
        """Keeps the path."""
        self._path = launch_file_path

    def path(self, context: Context) -> Path:
        """The file's path."""
        return Path(text(self._path, context))
