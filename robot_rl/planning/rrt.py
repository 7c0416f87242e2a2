# SPDX-License-Identifier: Apache-2.0
"""RRT-Connect: two trees that grow towards each other (Kuffner and LaValle 2000)."""

import time
from collections.abc import Callable

import numpy as np

from robot_rl.types import FloatArray

MotionFree = Callable[[FloatArray, FloatArray], bool]
STEP = 0.6  # rad or m, norm of an extension


class Tree:
    """Postures, each reached from another by a free motion."""

    def __init__(self, root: FloatArray) -> None:
        """Starts with one posture [J]."""
        self._nodes = np.empty((64, len(root)))
        self._nodes[0] = root
        self._parents = [-1]

    def nearest(self, position: FloatArray) -> int:
        """Index of the nearest posture."""
        apart = self._nodes[: len(self._parents)] - position
        return int(np.argmin(np.einsum('ij,ij->i', apart, apart)))

    def add(self, position: FloatArray, parent: int) -> int:
        """Adds a posture; its index."""
        count = len(self._parents)
        if count == len(self._nodes):
            self._nodes = np.concatenate((self._nodes, np.empty_like(self._nodes)))
        self._nodes[count] = position
        self._parents.append(parent)
        return count

    def at(self, index: int) -> FloatArray:
        """A posture [J]."""
        return np.asarray(self._nodes[index])

    def way(self, index: int) -> list[FloatArray]:
        """The postures from the root to one."""
        found = []
        while index >= 0:
            found.append(self._nodes[index].copy())
            index = self._parents[index]
        return found[::-1]


def connect(
    start: FloatArray,
    goal: FloatArray,
    limits: FloatArray,
    motion_free: MotionFree,
    rng: np.random.Generator,
    seconds: float,
) -> list[FloatArray] | None:
    """A chain of free motions from start to goal, or None when time is up.

    Args:
        start: free posture, shape [J].
        goal: free posture, shape [J].
        limits: from which postures are drawn, shape [J, 2].
        motion_free: whether the straight motion between two postures is free.
        rng: source of the postures.
        seconds: of the search.
    """
    trees, swapped = (Tree(start), Tree(goal)), False
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        one, other = trees
        target = rng.uniform(limits[:, 0], limits[:, 1])
        reached = _extend(one, target, motion_free)
        if reached is not None:
            met = _follow(other, one.at(reached), motion_free)
            if met is not None:
                there, back = one.way(reached), other.way(met)[::-1]
                way = there + back[1:]
                return way[::-1] if swapped else way
        trees, swapped = (other, one), not swapped
    return None


def _extend(tree: Tree, target: FloatArray, motion_free: MotionFree) -> int | None:
    """Grows by one step towards the target; the new posture."""
    nearest = tree.nearest(target)
    way = target - tree.at(nearest)
    length = float(np.linalg.norm(way))
    position = target if length <= STEP else tree.at(nearest) + way * (STEP / length)
    if not motion_free(tree.at(nearest), position):
        return None
    return tree.add(position, nearest)


def _follow(tree: Tree, target: FloatArray, motion_free: MotionFree) -> int | None:
    """Grows until it meets the target; its index there, or None where something is in the way."""
    while True:
        reached = _extend(tree, target, motion_free)
        if reached is None or np.array_equal(tree.at(reached), target):
            return reached


def shorten(
    way: list[FloatArray], motion_free: MotionFree, rng: np.random.Generator, tries: int = 40
) -> list[FloatArray]:
    """A chain with the same ends that leaves out what a straight motion can replace."""
    way = list(way)
    for _ in range(tries):
        if len(way) < 3:
            break
        first, last = sorted(rng.choice(len(way), 2, replace=False))
        if last - first > 1 and motion_free(way[first], way[last]):
            del way[first + 1 : last]
    return way
