# SPDX-License-Identifier: Apache-2.0
"""Jaco clears a table of a box and a toy, and sorts toys (Zhu et al. 2018, section IV-B).

A scene holds a pool of toys that `toy_seed` picks; an episode uses some of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from robot_rl.types import Entries, FloatArray
from sim_bridge.scene import SURROUNDINGS
from sim_bridge.tasks.containers import Crate
from sim_bridge.tasks.jaco_table import JacoTable
from sim_bridge.tasks.objects import GREEN, RED, Colour, Loose, scatter
from sim_bridge.tasks.task import Start
from sim_bridge.tasks.toys import KINDS, Toy

FINGERS = 0.015  # m, that fingers need around a toy


class JacoToys(JacoTable):
    """Toys on a table, of which an episode uses some.

    Attributes:
        sizes: m, half sizes in x and y and the height of each object, by its name.
        grips: m, heights at which fingers take the toys, by their names.
    """

    def __init__(self, *place: object) -> None:
        """Begins without objects."""
        super().__init__(*place)  # type: ignore[arg-type]
        self.sizes: dict[str, FloatArray] = {}
        self.grips: dict[str, float] = {}

    def toys(self, kind: str, count: int, seed: int) -> tuple[Loose, ...]:
        """So many of a kind, other ones for another seed."""
        made: list[Toy] = [KINDS[kind](1000 * seed + i) for i in range(count)]
        found = tuple(toy.loose(f'{kind}_{i}') for i, toy in enumerate(made))
        for toy, loose in zip(made, found, strict=True):
            self.sizes[loose.name], self.grips[loose.name] = np.array(toy.half), toy.grip
        return found

    def used(self, data: mujoco.MjData, pool: Sequence[Loose]) -> list[Loose]:
        """Those of a pool that are in the episode."""
        return [loose for loose in pool if self.present(data, loose)]

    def lay(
        self, data: mujoco.MjData, rng: np.random.Generator, used: Sequence[Loose], *half: float
    ) -> None:
        """Puts these objects anywhere, turned at random, and the others away."""
        largest_first = sorted(used, key=lambda loose: -loose.radius)
        around = [loose.radius + FINGERS for loose in largest_first]
        places = scatter(rng, around, *self.area(*half))
        for loose, xy in zip(largest_first, places, strict=True):
            self.put(data, loose, xy, rng.uniform(-np.pi, np.pi))
        for loose in self.objects:
            if loose not in used:
                self.put_away(data, loose)

    def told(self, data: mujoco.MjData, slots: Sequence[Loose | None]) -> Entries:
        """The goals, and `objects` and `sizes` of the slots, zeros where one is empty."""
        states = [loose.state(data) if loose else np.zeros(15) for loose in slots]
        sizes = [self.sizes[loose.name] if loose else np.zeros(3) for loose in slots]
        return {
            'achieved_goal': self.achieved(data),
            'desired_goal': self.desired.copy(),
            'objects': np.concatenate(states),
            'sizes': np.concatenate(sizes),
        }


@dataclass(frozen=True)
class PoolOptions:
    """Of the scene.

    Attributes:
        variants: toys of each kind in the scene, from which an episode draws.
        toy_seed: which toys these are.
    """

    variants: int = 4
    toy_seed: int = 0

    def __post_init__(self) -> None:
        """Refuses an empty pool, and one that takes all the time."""
        if not 2 <= self.variants <= 20:
            raise ValueError(f'variants: expected 2 to 20, got {self.variants}')
        if self.toy_seed < 0:
            raise ValueError(f'toy_seed: expected 0 or above, got {self.toy_seed}')


class JacoClearBox(JacoToys):
    """A box and a toy car, both of which should leave the table.

    The goal has one part each: the height over the table, m, counted up to `LIFT`.
    """

    Options = PoolOptions
    LIFT = 0.10

    def __init__(self, *place: object) -> None:
        """Makes boxes and cars."""
        super().__init__(*place)
        seed, count = self.options.toy_seed, self.options.variants
        self.crates = tuple(_crate(1000 * seed + i) for i in range(count))
        self.boxes = tuple(
            Loose(f'box_{i}', crate.parts(_CARDBOARD, density=300), crate.radius, 0.0)
            for i, crate in enumerate(self.crates)
        )
        for crate, box in zip(self.crates, self.boxes, strict=True):
            self.sizes[box.name] = np.array([crate.half_x, crate.half_y, crate.height])
        self.cars = self.toys('car', count, seed)
        self.objects = (*self.boxes, *self.cars)

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Lays one of the boxes and one of the cars."""
        picked = [pool[rng.integers(len(pool))] for pool in (self.boxes, self.cars)]
        self.lay(data, rng, picked, 0.09, 0.14)
        self.desired = np.full(2, self.LIFT)
        return self.begin(rng)

    def pair(self, data: mujoco.MjData) -> tuple[Loose, Loose]:
        """Box and car of the episode."""
        return self.used(data, self.boxes)[0], self.used(data, self.cars)[0]

    def achieved(self, data: mujoco.MjData) -> FloatArray:
        """Heights of box and car over the table, m, shape [2]."""
        heights = [loose.xyz(data)[2] - self.top for loose in self.pair(data)]
        return np.minimum(heights, self.LIFT)

    def observe(self, data: mujoco.MjData) -> Entries:
        """Goals, states and sizes of box and car."""
        return self.told(data, self.pair(data))


@dataclass(frozen=True)
class OrderOptions(PoolOptions):
    """Of the scene.

    Attributes:
        most: toys of each kind, at most, in an episode.
    """

    most: int = 2

    def __post_init__(self) -> None:
        """Refuses more than there is room for."""
        super().__post_init__()
        if not 1 <= self.most <= min(2, self.variants):
            raise ValueError(f'most: expected 1 or 2, got {self.most}')


class JacoOrder(JacoToys):
    """Up to `most` planes and cars each; planes belong in the green box, cars in the red one.

    The goal has one part a slot, planes first: how far the toy is outside of its box, m; zero
    where it is inside, and for an empty slot.
    """

    Options = OrderOptions
    crate = Crate(0.085, 0.075, 0.05)
    OVER = 0.02  # m, that a toy may be over the rim, since others may lie below

    def __init__(self, *place: object) -> None:
        """Makes planes and cars."""
        super().__init__(*place)
        seed, count = self.options.toy_seed, self.options.variants
        self.pools = tuple(self.toys(kind, count, seed) for kind in ('plane', 'car'))
        self.objects = (*self.pools[0], *self.pools[1])
        self.boxes_xyz = [
            self.goal_xyz + np.array([-0.03, side * 0.27, 0.0]) for side in (1.0, -1.0)
        ]

    def add_to(self, scene: mujoco.MjSpec, tool: mujoco.MjsBody, visuals: bool) -> None:
        """Adds the boxes."""
        super().add_to(scene, tool, visuals)
        for xyz, colour in zip(self.boxes_xyz, (GREEN, RED), strict=True):
            for part in self.crate.parts(colour, tuple(xyz)):
                part.add_to(scene.worldbody, self.physics, SURROUNDINGS)

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Lays at least one toy."""
        most = self.options.most
        planes, cars = divmod(int(rng.integers(1, (most + 1) ** 2)), most + 1)
        picked: list[Loose] = []
        for pool, count in zip(self.pools, (planes, cars), strict=True):
            picked += [pool[i] for i in rng.choice(len(pool), count, replace=False)]
        self.lay(data, rng, picked, 0.13, 0.12)
        self.desired = np.zeros(6 * most)
        return self.begin(rng)

    def slots(self, data: mujoco.MjData) -> list[Loose | None]:
        """The toys of the episode, planes first, filled up with nothing."""
        slots: list[Loose | None] = []
        for pool in self.pools:
            used = self.used(data, pool)
            slots += [*used, *[None] * (self.options.most - len(used))]
        return slots

    def achieved(self, data: mujoco.MjData) -> FloatArray:
        """How far each toy is outside of its box, m, base frame, shape [6 x most]."""
        found = []
        for i, loose in enumerate(self.slots(data)):
            box = self.boxes_xyz[i // self.options.most]
            out = self.crate.outside(loose.xyz(data) - box, self.OVER) if loose else np.zeros(3)
            found.append(out)
        return np.concatenate(found)

    def observe(self, data: mujoco.MjData) -> Entries:
        """Goals, states and sizes of the slots."""
        return self.told(data, self.slots(data))


def _crate(seed: int) -> Crate:
    """A box narrow enough to be held from outside, and wide enough for a car."""
    rng = np.random.default_rng([seed, 2])
    return Crate(rng.uniform(0.036, 0.044), rng.uniform(0.058, 0.072), rng.uniform(0.045, 0.06))


_CARDBOARD: Colour = (0.76, 0.60, 0.42, 1.0)
