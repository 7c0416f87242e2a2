# SPDX-License-Identifier: Apache-2.0
"""The vendors' numbers of each robot, and forward kinematics by hand from them."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / 'tables'


@dataclass(frozen=True)
class Frame:
    """A joint: child = parent * T(xyz) * Rz(y) Ry(p) Rx(r) * motion along or about `axis`."""

    name: str
    kind: str
    parent: str
    child: str
    xyz: np.ndarray
    rpy: np.ndarray
    axis: np.ndarray | None


@dataclass(frozen=True)
class Table:
    """One robot's numbers; names carry the prefix that the URDF gives them."""

    frames: dict[str, Frame]
    limits: dict[str, tuple[float, float, float, float]]
    inertias: dict[str, tuple[float, np.ndarray, np.ndarray]]

    def pose(self, link, positions):
        """Pose [4, 4] of a link in the root, at joint positions by name; 0 where none is given."""
        above = [f for f in self.frames.values() if f.child == link]
        if not above:
            return np.eye(4)
        frame = above[0]
        return (
            self.pose(frame.parent, positions)
            @ placed(frame.xyz, frame.rpy)
            @ moved(frame, positions.get(frame.name, 0.0))
        )


def placed(xyz, rpy):
    """T(xyz) Rz(yaw) Ry(pitch) Rx(roll), shape [4, 4]."""
    roll, pitch, yaw = (turned(axis, angle) for axis, angle in zip(np.eye(3), rpy, strict=True))
    result = np.eye(4)
    result[:3, :3] = yaw @ pitch @ roll
    result[:3, 3] = xyz
    return result


def moved(frame, position):
    """What a joint adds at a position, shape [4, 4]."""
    result = np.eye(4)
    if frame.kind == 'prismatic':
        result[:3, 3] = frame.axis * position
    elif frame.kind != 'fixed':
        result[:3, :3] = turned(frame.axis, position)
    return result


def turned(axis, angle):
    """Rodrigues' formula: the turn by an angle about a unit axis, shape [3, 3]."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


def read(name, prefix=''):
    """A table by name; `prefix` goes before every name but `root`."""
    frames, limits, inertias, section = {}, {}, {}, ''
    for line in (FOLDER / f'{name}.txt').read_text().splitlines():
        words = line.split('#')[0].split('|')
        first = words[0].split()
        if not first:
            continue
        if first[0].startswith('['):
            section = first[0]
        elif section == '[frames]':
            frame = _frame(first, words[1:], prefix)
            frames[frame.name] = frame
        elif section == '[limits]':
            limits[prefix + first[0]] = _limits(first[1:])
        else:
            inertias[prefix + first[0]] = (float(first[1]), _floats(words[1]), _tensor(words[2]))
    return Table(frames, limits, inertias)


def _frame(first, rest, prefix):
    name, kind, *links = first
    parent, child = (link if link == 'root' else prefix + link for link in links)
    axis = None if rest[2].strip() == '-' else _floats(rest[2])
    return Frame(prefix + name, kind, parent, child, _floats(rest[0]), _floats(rest[1]), axis)


def _limits(words):
    lower, upper = (
        bound if word == '-' else float(word)
        for word, bound in zip(words, (-math.inf, math.inf), strict=False)
    )
    return lower, upper, float(words[2]), float(words[3])


def _tensor(text):
    ixx, iyy, izz, ixy, ixz, iyz = _floats(text)
    return np.array([[ixx, ixy, ixz], [ixy, iyy, iyz], [ixz, iyz, izz]])


def _floats(text):
    return np.array([float(word) for word in text.split()])
