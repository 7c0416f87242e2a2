# SPDX-License-Identifier: Apache-2.0
"""From a robot's xacro to the URDF that simulation, kinematics and collision checks share."""

import math
from dataclasses import dataclass
from functools import lru_cache
from xml.etree import ElementTree

import xacro

from robot_rl import resources
from robot_rl.errors import InputError


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
        name: a bare name in `urdf/`, or the path of a .urdf.xacro file.

    Raises:
        InputError: no such file, or xacro refuses it; names the file.
    """
    path = resources.find('urdf', name, '.urdf.xacro')
    try:
        return str(xacro.process_file(str(path)).toxml())
    except Exception as error:  # xacro raises bare and expat exceptions as well as its own
        text = ' '.join(str(error).split())
        raise InputError(f'{path}: not a valid xacro file: {text}') from error


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
