# SPDX-License-Identifier: Apache-2.0
"""What an action means: two of one size may move other joints, or move them further."""

from typing import Any

from robot_rl.errors import InputError

#: Settings, as in `weights.settings_json`, that give an action its meaning.
KEYS = ('action_size', 'action', 'base', 'joints')


def check(own: dict[str, Any], other: dict[str, Any], where: str) -> None:
    """Refuses actions that mean something else than one's own.

    Args:
        own: settings here.
        other: settings where the actions come from.
        where: begins the message.

    Raises:
        InputError: names the key that differs, and both values.
    """
    for key in KEYS:
        if other.get(key) != own.get(key):
            want, got = own.get(key), other.get(key)
            raise InputError(f'{where}: {key}: expected {want!r}, got {got!r}')
