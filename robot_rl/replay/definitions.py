# SPDX-License-Identifier: Apache-2.0
"""The text of a message type and of all that it is made of, as a recording carries it."""

import os
import sys
from pathlib import Path

from robot_rl.errors import InputError

SEPARATOR = '=' * 80


def definition(type_name: str) -> str:
    """The definition of a type in the form `ros2msg`, its parts after it.

    Args:
        type_name: such as `robot_rl_msgs/msg/Step`.

    Raises:
        InputError: a `.msg` file is not installed.
    """
    package, _, name = type_name.split('/')
    texts: dict[str, str] = {}
    _collect(f'{package}/{name}', texts)
    first, *rest = texts.items()
    parts = [first[1], *(f'{SEPARATOR}\nMSG: {part}\n{text}' for part, text in rest)]
    return '\n'.join(parts)


def _collect(name: str, texts: dict[str, str]) -> None:
    if name in texts:
        return
    texts[name] = _read(name)
    for line in texts[name].splitlines():
        kind = line.split('#')[0].split(' ')[0].split('[')[0].split('<')[0].strip()
        if kind[:1].isupper() or '/' in kind:
            _collect(kind if '/' in kind else f'{name.split("/", maxsplit=1)[0]}/{kind}', texts)


def _read(name: str) -> str:
    package, message = name.split('/')
    prefixes = [*os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep), sys.prefix]
    for prefix in prefixes:
        path = Path(prefix, 'share', package, 'msg', f'{message}.msg')
        if path.is_file():
            return path.read_text()
    raise InputError(f'{name}: no {message}.msg below share/{package} of {prefixes}')
