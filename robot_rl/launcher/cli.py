# SPDX-License-Identifier: Apache-2.0
"""`robot-rl launch FILE [NAME:=VALUE ...]`: what the user types and reads."""

import argparse
import importlib.util
import sys
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path

from robot_rl import resources
from robot_rl.errors import InputError
from robot_rl.launcher.actions import visit
from robot_rl.launcher.console import Console
from robot_rl.launcher.context import Context
from robot_rl.launcher.loading import load
from robot_rl.launcher.modules import MODULES
from robot_rl.launcher.service import Service

SUFFIX = '.launch.py'


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a launch file; the exit status for the shell.

    0 when the process whose end ended the launch had exit code 0; 2 for wrong input, with nothing
    started; 130 after Ctrl-C; else that of the process that failed, which is named.
    """
    parser = _parser()
    try:
        options = parser.parse_intermixed_args(argv)
    except SystemExit as error:  # argparse has said why.
        return int(error.code or 0)
    try:
        path = find_file(options.file)
        if options.show_args:
            print(describe_arguments(path), flush=True)
            return 0
        context = plan(path, parse_arguments(options.arguments))
    except InputError as error:
        return _fail(str(error), 2, options.debug)
    except KeyboardInterrupt:
        return _fail('interrupted before the start', 130, options.debug)
    except Exception as error:  # noqa: BLE001 - the launch file's, not the user's.
        return _fail(f'{type(error).__name__}: {error} (--debug tells where)', 1, options.debug)
    if is_installed():
        print('robot-rl launch: the embedded launcher, although `ros2 launch` is there, too')
    sys.stdout.flush()
    console = Console()
    context.log = lambda message: console.say('INFO', 'launch.user', message)
    return Service(context, console).run()


def plan(path: Path, arguments: dict[str, str]) -> Context:
    """The processes that a launch file asks for; nothing is started or written.

    Raises:
        InputError: an argument that the file does not declare, or anything else in it.
    """
    context = Context(MODULES, arguments)
    visit(load(path, MODULES), context)
    unknown = [name for name in arguments if name not in context.declared]
    if unknown:
        known = ', '.join(sorted(context.declared))
        raise InputError(f'unknown argument {unknown[0]!r}; {path.name} has: {known}')
    return context


def parse_arguments(words: Iterable[str]) -> dict[str, str]:
    """Names and values of `name:=value` words; the last value of a name counts."""
    arguments = {}
    for word in words:
        name, mark, value = word.partition(':=')
        if not (name and mark and value):
            raise InputError(f'argument {word!r}: expected name:=value')
        arguments[name] = value
    return arguments


def find_file(name: str) -> Path:
    """The launch file of a path, or of a bare name among the package's own.

    Raises:
        InputError: no such file; lists the package's own.
    """
    if Path(name).is_file():
        return Path(name).resolve()
    folder = resources.share_dir() / 'launch'
    path = folder / (name if name.endswith('.py') else name + SUFFIX)
    if '/' not in name and path.is_file():
        return path
    known = ', '.join(sorted(p.name for p in folder.glob(f'*{SUFFIX}')))
    raise InputError(f'no launch file {name!r}; the package has: {known}')


def describe_arguments(path: Path) -> str:
    """The arguments of a launch file with descriptions, choices and defaults."""
    context = Context(MODULES, listing=True)
    visit(load(path, MODULES), context)
    lines = ["Arguments (pass arguments as '<name>:=<value>'):"]
    for argument in context.declared.values():
        description = argument.description
        if argument.choices is not None:
            description = f'{description.rstrip(".")}. Valid choices are: {argument.choices}'
        lines += ['', f"    '{argument.name}':", f'        {description}']
        if argument.default_value is not None:
            lines.append(f'        (default: {context.launch_configurations[argument.name]!r})')
    return '\n'.join(lines if context.declared else [*lines, '', '  No arguments.'])


def is_installed() -> bool:
    """Whether ROS 2's own launch packages can be imported; a mere folder does not count."""
    specs = [importlib.util.find_spec(name) for name in ('launch', 'launch_ros')]
    return all(spec is not None and spec.origin for spec in specs)


def _fail(message: str, status: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f'robot-rl launch: error: {message}', file=sys.stderr, flush=True)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='robot-rl launch',
        description='Runs a ROS 2 launch file without ROS 2 launch installed.',
    )
    parser.add_argument('file', help='path, or bare name of one of the package')
    parser.add_argument('arguments', nargs='*', metavar='name:=value')
    parser.add_argument('--show-args', action='store_true', help="list the file's arguments")
    parser.add_argument('--debug', action='store_true', help='show where an error comes from')
    return parser
