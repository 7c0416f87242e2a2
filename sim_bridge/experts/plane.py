# SPDX-License-Identifier: Apache-2.0
"""Scripted experts of the tasks in the plane."""

import heapq
import itertools
import math

import numpy as np
from numpy.typing import NDArray

from robot_rl.types import FloatArray
from sim_bridge.experts.view import Script, View
from sim_bridge.tasks.navigation import Navigation, clearance
from sim_bridge.tasks.plane import LINK, RADIUS

CELL = 0.02  # m, of the grid on which ways are sought
SPARE = 0.012  # m, beyond the ball's radius, that ways keep from walls
REACH = 0.48  # m, half side of the grid

Cell = tuple[int, int]
#: Steps to the neighbours of a cell.
AROUND = [step for step in itertools.product((-1, 0, 1), repeat=2) if any(step)]


def particle(view: View) -> Script:
    """Goes straight to the goal."""
    while True:
        yield towards(view, view.goal)


def towards(view: View, xy: FloatArray) -> FloatArray:
    """The action of a point that goes straight to another [2], its fastest axis at full speed."""
    return view.slowed(xy - view.achieved)


def reacher(view: View) -> Script:
    """Turns both joints to the nearer of the two postures that reach the goal."""
    x, y = view.goal
    bend = np.arccos((x * x + y * y - 2 * LINK**2) / (2 * LINK**2))
    postures = []
    for elbow in (bend, -bend):
        shoulder = np.arctan2(y, x) - elbow / 2
        wrapped = (shoulder + np.pi) % (2 * np.pi) - np.pi
        if abs(wrapped) < 3.0:
            postures.append(np.array([wrapped, elbow]))
    goal = min(postures, key=lambda p: float(np.abs(p - view.joints).max()))
    while True:
        yield view.slowed(goal - view.joints)


def navigation(view: View) -> Script:
    """Follows the shortest way, and cuts its corners as far as it sees."""
    assert isinstance(view.scene, Navigation)
    layout = view.scene.layout
    way = shortest_way(layout, view.achieved, view.goal)
    while True:
        seen = [point for point in way if clear(layout, view.achieved, point)]
        yield towards(view, seen[-1] if seen else way[0])


def clear(layout: int, start: FloatArray, end: FloatArray) -> bool:
    """Whether the ball can go straight from one point [2] to another."""
    points = start + np.linspace(0.0, 1.0, 60)[:, None] * (end - start)
    return bool((clearance(layout, points) > RADIUS + SPARE / 2).all())


def shortest_way(layout: int, start: FloatArray, goal: FloatArray) -> list[FloatArray]:
    """Points [2] from a start to the goal, by Dijkstra's algorithm on a grid."""
    ticks = np.arange(-REACH, REACH + CELL / 2, CELL)
    points = np.stack(np.meshgrid(ticks, ticks, indexing='ij'), axis=-1)
    free = clearance(layout, points) > RADIUS + SPARE
    first, last = _cell(points, free, goal), _cell(points, free, start)
    following, queue = {first: first}, [(0.0, first, first)]
    done: set[Cell] = set()
    while queue:
        cost, cell, after = heapq.heappop(queue)
        if cell in done:
            continue
        done.add(cell)
        following[cell] = after
        if cell == last:
            break
        for step in AROUND:
            near = cell[0] + step[0], cell[1] + step[1]
            inside = min(near) >= 0 and max(near) < len(ticks)
            if inside and free[near] and near not in done:
                heapq.heappush(queue, (cost + math.hypot(*step), near, cell))
    way, cell = [points[last]], last
    while cell != first:
        cell = following[cell]
        way.append(points[cell])
    return [*way, goal]


def _cell(points: FloatArray, free: NDArray[np.bool_], xy: FloatArray) -> Cell:
    """The free cell that is nearest to a point."""
    apart = np.where(free, np.linalg.norm(points - xy, axis=-1), np.inf)
    row, column = np.unravel_index(int(apart.argmin()), apart.shape)
    return int(row), int(column)
