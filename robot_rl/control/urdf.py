# SPDX-License-Identifier: Apache-2.0
"""From a robot's xacro to the URDF that simulation, kinematics and collision checks share."""

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree

import xacro

from robot_rl import resources
from robot_rl.errors import InputError

_ARGUMENT = '{http://www.ros.org/wiki/xacro}arg'


@dataclass(frozen=True)
class Joint:
    """A joint's limits as the URDF states them; infinite where it states none.

    Attributes:
        kind: 'revolute', 'continuous', 'prismatic', or another URDF type.
        lower: rad or m.
        upper: rad or m.
        velocity: rad/s or m/s.
        effort: N m or N.
    """

    kind: str
    lower: float
    upper: float
    velocity: float
    effort: float


@lru_cache(maxsize=8)
def expand(name: str) -> str:
    """The URDF of a robot as XML text.

    Args:
        name: a bare name in `urdf/`, or the path of a .urdf.xacro file; xacro arguments may
            follow as on its command line: `jaco model:=j2n6s300`.

    Raises:
        InputError: no such file, an argument that the file does not declare, or xacro refuses
            it; names the file.
    """
    file, arguments = _split(name)
    path = resources.find('urdf', file, '.urdf.xacro')
    try:
        _check_arguments(path, arguments)
        return str(xacro.process_file(str(path), mappings=arguments).toxml())
    except InputError:
        raise
    except Exception as error:  # xacro raises bare and expat exceptions as well as its own
        text = ' '.join(str(error).split())
        raise InputError(f'{path}: not a valid xacro file: {text}') from error


def _split(name: str) -> tuple[str, dict[str, str]]:
    file, *rest = re.split(r'\s+(?=\w+:=)', name.strip())
    pairs = [item.split(':=', 1) for item in rest]
    return file, {key: value.strip() for key, value in pairs}


def _check_arguments(path: Path, arguments: dict[str, str]) -> None:
    """Refuses what xacro would ignore in silence."""
    declared = {e.get('name', '') for e in ElementTree.parse(path).iter(_ARGUMENT)}
    for key in arguments:
        if key not in declared:
            known = ', '.join(sorted(declared)) or 'none'
            raise InputError(f'{path}: no xacro argument {key!r}; known: {known}')


@lru_cache(maxsize=8)
def joints(name: str) -> dict[str, Joint]:
    """The movable joints of a robot by name, in the URDF's order."""
    found = {}
    for element in ElementTree.fromstring(expand(name)).iter('joint'):
        kind = element.get('type', '')
        if kind not in ('', 'fixed'):
            found[element.get('name', '')] = _joint(kind, element.find('limit'))
    return found


@lru_cache(maxsize=8)
def links(name: str) -> tuple[str, ...]:
    """The links of a robot, in the URDF's order; the first without a parent is the root."""
    return tuple(e.get('name', '') for e in ElementTree.fromstring(expand(name)).iter('link'))


def _joint(kind: str, limit: ElementTree.Element | None) -> Joint:
    def value(key: str, default: float) -> float:
        return default if limit is None else float(limit.get(key, default))

    turns = kind == 'continuous'
    return Joint(
        kind=kind,
        lower=-math.inf if turns else value('lower', -math.inf),
        upper=math.inf if turns else value('upper', math.inf),
        velocity=value('velocity', math.inf),
        effort=value('effort', math.inf),
    )
