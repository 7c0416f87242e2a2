# SPDX-License-Identifier: Apache-2.0
"""A node's process: `launch_ros.actions.Node`."""

import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from robot_rl.errors import InputError
from robot_rl.launcher.actions import Action, absolute_namespace
from robot_rl.launcher.context import Context, Process, find_package
from robot_rl.launcher.parameters import ParameterArguments
from robot_rl.launcher.substitutions import Substitution, text


class Node(Action):
    """Starts an executable of a package with ROS arguments."""

    def __init__(
        self,
        *,
        executable: Any,
        package: Any = None,
        name: Any = None,
        namespace: Any = None,
        parameters: Iterable[Any] = (),
        remappings: Iterable[tuple[Any, Any]] = (),
        arguments: Iterable[Any] = (),
        **options: Any,
    ) -> None:
        """Keeps what is given; `options` are those of `ProcessOptions` and the condition."""
        mine = {key: options.pop(key) for key in ProcessOptions.KNOWN if key in options}
        super().__init__(**options)
        self._executable, self._package = executable, package
        self._name, self._namespace = name, namespace
        self._parameters = list(parameters or ())
        self._remappings = list(remappings or ())
        self._arguments = list(arguments or ())
        self._options = ProcessOptions(**mine)

    def execute(self, context: Context) -> None:
        """Adds the process to those that will be started."""
        if context.listing:
            return
        executable = text(self._executable, context)
        starter = find_executable(executable, self._package, context)
        label = context.unique(Path(executable).name)
        name = self._node_name(context)
        namespace = absolute_namespace(
            None if self._namespace is None else text(self._namespace, context), context
        )
        log_dir = context.log_dir()
        node = f'{(namespace or "").rstrip("/")}/{name}'
        parameters = ParameterArguments(
            log_dir / f'{label}-{os.getpid()}', node if name and namespace else '/**'
        )
        parameters.add(self._parameters, context)
        command = [*starter, *(text(a, context) for a in self._arguments), '--ros-args']
        command += [] if name is None else ['-r', f'__node:={name}']
        command += [] if namespace is None else ['-r', f'__ns:={namespace}']
        command += parameters.arguments
        for old, new in self._remappings:
            command += ['-r', f'{text(old, context)}:={text(new, context)}']
        context.processes.append(
            self._options.process(label, command, log_dir, parameters.files, context)
        )

    def _node_name(self, context: Context) -> str | None:
        if self._name is None:
            return None
        name = text(self._name, context)
        if not re.fullmatch('[A-Za-z_][A-Za-z0-9_]*', name):
            raise InputError(f'node name: expected letters, digits and _, got {name!r}')
        return name


class ProcessOptions:
    """How a process runs and what follows its end."""

    KNOWN = (
        'output',
        'respawn',
        'respawn_delay',
        'on_exit',
        'additional_env',
        'sigterm_timeout',
        'sigkill_timeout',
    )

    def __init__(self, **options: Any) -> None:
        """Keeps those of `KNOWN` that are given."""
        self._options = options

    def process(
        self,
        name: str,
        command: list[str],
        log_dir: Path,
        files: Mapping[Path, str],
        context: Context,
    ) -> Process:
        """The process with these options."""
        get = self._options.get
        output = text(get('output', 'log'), context)
        if output not in ('screen', 'both', 'log'):
            raise InputError(f'Node(output=...): expected screen, both or log, got {output!r}')
        more = {text(k, context): text(v, context) for k, v in self._additional().items()}
        delay = float(get('respawn_delay') or 0.0)
        return Process(
            name=name,
            command=tuple(command),
            environment={**context.environment, **more},
            log_dir=log_dir,
            files=files,
            screen=output != 'log',
            respawn_delay=delay if _is_true(get('respawn', False), context) else None,
            timeouts=(
                float(text(get('sigterm_timeout', '5'), context)),
                float(text(get('sigkill_timeout', '5'), context)),
            ),
            on_exit=get('on_exit'),
        )

    def _additional(self) -> Mapping[Any, Any]:
        additional: Mapping[Any, Any] = self._options.get('additional_env') or {}
        return additional


def _is_true(value: bool | Substitution, context: Context) -> bool:
    if isinstance(value, bool):
        return value
    written = text(value, context).lower()
    if written not in ('true', 'false', '1', '0'):
        raise InputError(f'Node(respawn=...): expected true or false, got {written!r}')
    return written in ('true', '1')


def find_executable(executable: str, package: Any, context: Context) -> list[str]:
    """The start of the command: lib/<package>/<executable>, or a program of PATH.

    A Python script runs with this interpreter, whatever its first line says.

    Raises:
        InputError: no such executable; lists those of the package.
    """
    if package is None:
        found = shutil.which(executable, path=context.environment.get('PATH'))
        if found is None:
            raise InputError(f'executable {executable!r}: not on PATH')
        return [found]
    folder = find_package(text(package, context), 'lib', context.environment)
    path = folder / executable
    if not (path.is_file() and os.access(path, os.X_OK)):
        known = ', '.join(sorted(p.name for p in folder.iterdir() if os.access(p, os.X_OK)))
        raise InputError(f'executable {executable!r}: not in {folder}, which has: {known}')
    with path.open('rb') as file:
        first = file.readline(200)
    is_python = first.startswith(b'#!') and b'python' in first
    return [sys.executable, str(path)] if is_python else [str(path)]
