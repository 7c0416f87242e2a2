# SPDX-License-Identifier: Apache-2.0
"""Toys from primitive shapes, another for every seed (Zhu et al. 2018, section IV-A).

A toy lies along its x axis and stands on z = 0. Its shapes overlap, so that it is in one piece.
"""

from collections.abc import Callable
from colorsys import hsv_to_rgb
from dataclasses import dataclass

import numpy as np

from robot_rl.control.kinematics import rotation_from_rpy
from robot_rl.types import FloatArray
from sim_bridge.tasks.containers import Mug
from sim_bridge.tasks.objects import Colour, Loose, Part

DARK = (0.12, 0.12, 0.13, 1.0)
DENSITY = 300.0  # kg/m^3, of hollow plastic
LIGHTEST, HEAVIEST = 0.6, 1.6  # of that, among variants


@dataclass(frozen=True)
class Toy:
    """One variant.

    Attributes:
        parts: its shapes.
        half: m, half sizes of the upright box around it in x and y, and its height.
        grip: m, height at which fingers take it across its middle.
    """

    parts: tuple[Part, ...]
    half: tuple[float, float, float]
    grip: float

    def loose(self, name: str) -> Loose:
        """The toy as an object that moves freely."""
        return Loose(name, self.parts, float(np.hypot(*self.half[:2])), 0.0)


def car(seed: int) -> Toy:
    """A body on four wheels with a cabin: saloon, van or pick-up."""
    rng = np.random.default_rng([seed, 0])
    paint, glass = _paint(rng), (0.70, 0.82, 0.90, 1.0)
    density = _density(rng)
    length, width = rng.uniform(0.036, 0.044), rng.uniform(0.016, 0.020)
    wheel, deck = rng.uniform(0.009, 0.012), rng.uniform(0.009, 0.012)
    cabin = rng.uniform(0.35, 0.65) * length, 0.9 * width, rng.uniform(0.007, 0.011)
    front = rng.uniform(-0.25, 0.1) * length
    floor = 0.6 * wheel
    top = floor + 2 * deck
    parts = [
        Part(
            'box', (length, width, deck), (0.0, 0.0, floor + deck), colour=paint, density=density
        ),
        Part('box', cabin, (front, 0.0, top + cabin[2] - 0.001), colour=glass, density=density),
        Part(
            'box',
            (0.9 * cabin[0], 0.95 * cabin[1], 0.002),
            (front, 0.0, top + 2 * cabin[2]),
            colour=paint,
            density=density,
        ),
    ]
    axle = (np.pi / 2, 0.0, 0.0)
    parts += [
        Part('cylinder', (wheel, 0.004), (x, y, wheel), axle, DARK, density)
        for x in (-0.62 * length, 0.62 * length)
        for y in (-width + 0.003, width - 0.003)
    ]
    return _toy(parts, top - 0.4 * deck)


def plane(seed: int) -> Toy:
    """A hull with wings and a tail, low enough to stand on them."""
    rng = np.random.default_rng([seed, 1])
    paint, trim, density = _paint(rng), _paint(rng), _density(rng)
    length, hull = rng.uniform(0.038, 0.046), rng.uniform(0.011, 0.015)
    span, chord = rng.uniform(0.040, 0.050), rng.uniform(0.010, 0.014)
    tail, thick = rng.uniform(0.4, 0.55) * span, 0.003
    wing_x, tail_x = rng.uniform(0.0, 0.15) * length, -0.85 * length
    fin = rng.uniform(0.010, 0.016)
    round_hull = bool(rng.integers(2))
    along = (0.0, np.pi / 2, 0.0)
    size, turn = ((length, hull, hull), (0.0, 0.0, 0.0))
    body = Part('box', size, (0.0, 0.0, hull), turn, paint, density)
    if round_hull:
        body = Part('capsule', (hull, length - hull), (0.0, 0.0, hull), along, paint, density)
    nose = Part('sphere', (0.7 * hull,), (length, 0.0, hull), colour=trim, density=density)
    parts = [
        body,
        nose,
        Part('box', (chord, span, thick), (wing_x, 0.0, thick), colour=trim, density=density),
        Part(
            'box', (0.7 * chord, tail, thick), (tail_x, 0.0, thick), colour=trim, density=density
        ),
        Part(
            'box',
            (0.7 * chord, 0.003, fin),
            (tail_x, 0.0, 2 * hull + fin - 0.004),
            colour=trim,
            density=density,
        ),
    ]
    return _toy(parts, 1.2 * hull)


def mug_shape(seed: int) -> Mug:
    """The cup of a mug that a hand can close around."""
    rng = np.random.default_rng([seed, 3])
    return Mug(float(rng.uniform(0.027, 0.031)), float(rng.uniform(0.082, 0.098)))


def mug(seed: int) -> Toy:
    """A round cup with a handle along its x axis."""
    rng, shape = np.random.default_rng([seed, 4]), mug_shape(seed)
    parts = shape.parts(_paint(rng), handle=0.0, density=_density(rng))
    return _toy(parts, 0.5 * shape.height)


KINDS: dict[str, Callable[[int], Toy]] = {'car': car, 'mug': mug, 'plane': plane}


def extent(part: Part) -> FloatArray:
    """Half sizes of the upright box around a shape, m, shape [3]."""
    turn = rotation_from_rpy(np.array(part.rpy))
    if part.kind == 'box':
        return np.asarray(np.abs(turn) @ np.array(part.size))
    radius = part.size[0]
    if part.kind == 'sphere':
        return np.full(3, radius)
    along = np.abs(turn[:, 2]) * part.size[1]
    if part.kind == 'capsule':
        return np.asarray(along + radius)
    return np.asarray(along + radius * np.sqrt(np.clip(1.0 - turn[:, 2] ** 2, 0.0, 1.0)))


def _toy(parts: list[Part], grip: float) -> Toy:
    reach = np.max([np.abs(part.xyz) + extent(part) for part in parts], axis=0)
    x, y, z = (float(r) for r in reach)
    return Toy(tuple(parts), (x, y, z), float(grip))


def _density(rng: np.random.Generator) -> float:
    return float(DENSITY * rng.uniform(LIGHTEST, HEAVIEST))


def _paint(rng: np.random.Generator) -> Colour:
    """A strong colour."""
    red, green, blue = hsv_to_rgb(rng.uniform(), rng.uniform(0.45, 0.8), rng.uniform(0.6, 0.9))
    return red, green, blue, 1.0
