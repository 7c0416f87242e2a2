# SPDX-License-Identifier: Apache-2.0
"""Sawyer picks things up and puts them into, onto and over others (Nair 2022, section 9.6)."""

from dataclasses import dataclass
from typing import Literal

import mujoco
import numpy as np

from robot_rl.types import Entries, FloatArray
from sim_bridge.tasks.chest import Chest
from sim_bridge.tasks.containers import Crate, Mug
from sim_bridge.tasks.drawer import DISC, MIDDLE, Drawer, Fixture
from sim_bridge.tasks.objects import BLUE, GREEN, ORANGE, RED, STEEL, Loose, Part, block, scatter
from sim_bridge.tasks.sawyer_drawer import HEIGHT, READY, place_chest
from sim_bridge.tasks.table import TableTask
from sim_bridge.tasks.task import Start
from sim_bridge.tasks.toys import KINDS, Toy

HALF, GRIP = 0.02, 0.004  # m, of the block, and from its middle to where fingers take it
TOY_TURN = 0.4  # rad, toys lie across the fingers but for this
AREA = (0.13, 0.22)  # m, half sizes of where things are
PLACES = {
    'box': (Crate(0.07, 0.07, 0.05, wall=0.003), BLUE),
    'tray': (Crate(0.10, 0.07, 0.014, wall=0.003), GREEN),
}
OPEN = (0.10, 0.12)  # m, opening of the drawer
MARGIN = 0.01  # m, between a goal's block and the walls
FINGERS = 0.05  # m, beyond a block's side, that open fingers need

POT = Mug(0.060, 0.055)
LID_RADIUS, LID_HALF = 0.070, 0.004  # m
PLUG_RADIUS, PLUG_HALF = 0.052, 0.004  # m, below the lid, inside the pot
KNOB_RADIUS, KNOB_HALF = 0.012, 0.015  # m


@dataclass(frozen=True)
class PickOptions:
    """Of the scene.

    Attributes:
        into: where the block goes.
        toys: toys in the scene, one of which an episode has in place of the block.
        toy_seed: which toys these are.
    """

    into: Literal['box', 'tray', 'drawer'] = 'box'
    toys: int = 0
    toy_seed: int = 0

    def __post_init__(self) -> None:
        """Refuses a pool that takes all the time."""
        if not (0 <= self.toys <= 20 and self.toy_seed >= 0):
            raise ValueError(
                f'toys, toy_seed: expected 0 to 20 and 0 or above, '
                f'got {self.toys} and {self.toy_seed}'
            )


class SawyerPick(TableTask):
    """A block or toy, and a box, a tray or an open drawer; the goal is a point on its floor.

    Attributes:
        grips: m, from the origin of each object to the height at which fingers take it.
    """

    Options = PickOptions
    half = (0.28, 0.42)
    eye = (-0.10, -0.75, 0.60)

    def __init__(self, *place: object) -> None:
        """Makes the block and what it goes into."""
        super().__init__(*place)  # type: ignore[arg-type]
        self.objects = (block('block', HALF),)
        self.grips: tuple[float, ...] = (GRIP,)
        if self.options.toys:
            made = _toys(self.options.toys, self.options.toy_seed)
            self.objects = tuple(toy.loose(f'toy{i}') for i, toy in enumerate(made))
            self.grips = tuple(toy.grip for toy in made)
        self.drawer = Drawer('drawer') if self.options.into == 'drawer' else None
        self.crate = Chest().inside
        self.place: Fixture = self.drawer or self._make_crate()

    def _make_crate(self) -> Fixture:
        self.crate, colour = PLACES[self.options.into]
        return Fixture(self.options.into, self.crate.parts(colour))

    def add_to(self, scene: mujoco.MjSpec, tool: mujoco.MjsBody, visuals: bool) -> None:
        """Puts up the table with everything."""
        super().add_to(scene, tool, visuals)
        self.place.add_to(scene, self.physics)

    def bind(self, model: mujoco.MjModel) -> None:
        """Finds everything."""
        super().bind(model)
        self.place.bind(model)

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Box or tray anywhere, or the chest at the far side; the block beside it."""
        loose = self.objects[int(rng.integers(len(self.objects)))]
        half = np.array([self.crate.half_x, self.crate.half_y])
        room = np.maximum(half - MARGIN - (loose.radius if self.options.toys else HALF), 0.0)
        spot = np.array([*rng.uniform(-room, room), loose.rest])
        taken = self._place_drawer(data, rng) if self.drawer else self._place_crate(data, rng)
        (xy,) = scatter(rng, [max(loose.radius, HALF + FINGERS)], *self.area(*AREA), taken)
        turn = TOY_TURN if self.options.toys else np.pi
        for other in self.objects:
            self.put_away(data, other)
        self.put(data, loose, xy, rng.uniform(-turn, turn))
        if self.drawer:
            self.desired = self.drawer.inside(data, *spot)
        else:
            spot[2] += 2 * self.crate.wall
            self.desired = self.place.seen(data, spot)
        return Start(self.over(HEIGHT) - [0.08, 0.0, 0.0], gripper=READY)

    def _place_crate(
        self, data: mujoco.MjData, rng: np.random.Generator
    ) -> list[tuple[FloatArray, float]]:
        xy = rng.uniform(*self.area(0.06, 0.20))
        self.place.place(data, np.array([*xy, self.top]), rng.uniform(-np.pi, np.pi))
        return [(xy, self.crate.radius)]

    def _place_drawer(
        self, data: mujoco.MjData, rng: np.random.Generator
    ) -> list[tuple[FloatArray, float]]:
        assert self.drawer is not None
        front, yaw = place_chest(self, data, self.drawer, rng)
        self.drawer.open(data, rng.uniform(*OPEN))
        out = np.array([np.cos(yaw), np.sin(yaw)])
        return [(front + MIDDLE * out, DISC), (front + 0.08 * out, 0.12)]

    def achieved(self, data: mujoco.MjData) -> FloatArray:
        """Position of the block, or of the episode's toy, m, base frame, shape [3]."""
        return self._shown(data).xyz(data)

    def _shown(self, data: mujoco.MjData) -> Loose:
        return next(loose for loose in self.objects if self.present(data, loose))

    def observe(self, data: mujoco.MjData) -> Entries:
        """The goals, `objects` and `place`.

        These are `Loose.state` of what is to be moved, then position (m) and x axis of what it
        goes to; of a drawer the middle of its floor.
        """
        if self.drawer:
            middle, turned = (self.drawer.inside(data, x, 0.0, 0.0) for x in (0.0, 1.0))
        else:
            middle, turned = (self.place.seen(data, np.array([x, 0.0, 0.0])) for x in (0.0, 1.0))
        return {
            'achieved_goal': self.achieved(data),
            'desired_goal': self.desired.copy(),
            'objects': self._shown(data).state(data),
            'place': np.concatenate((middle, (turned - middle)[:2])),
        }


def _toys(count: int, seed: int) -> list[Toy]:
    """Cars and planes in turn."""
    kinds = KINDS['car'], KINDS['plane']
    return [kinds[i % 2](1000 * seed + i) for i in range(count)]


class SawyerLid(TableTask):
    """A pot and its lid; the goal is the lid's place on the pot."""

    half = (0.28, 0.42)
    eye = (-0.10, -0.75, 0.60)

    def __init__(self, *place: object) -> None:
        """Makes pot and lid."""
        super().__init__(*place)  # type: ignore[arg-type]
        self.objects = (lid('lid'),)
        self.pot = Fixture('pot', POT.parts(STEEL, handle=0.0))

    def add_to(self, scene: mujoco.MjSpec, tool: mujoco.MjsBody, visuals: bool) -> None:
        """Puts up the table with everything."""
        super().add_to(scene, tool, visuals)
        self.pot.add_to(scene, self.physics)

    def bind(self, model: mujoco.MjModel) -> None:
        """Finds everything."""
        super().bind(model)
        self.pot.bind(model)

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Pot and lid anywhere apart; the pot's handle points anywhere."""
        radii = [POT.radius + 0.045, LID_RADIUS]
        at_pot, at_lid = scatter(rng, radii, *self.area(*AREA))
        self.pot.place(data, np.array([*at_pot, self.top]), rng.uniform(-np.pi, np.pi))
        self.put(data, self.objects[0], at_lid)
        self.desired = np.array([*at_pot, self.top + POT.height + LID_HALF])
        return Start(self.over(HEIGHT) - [0.08, 0.0, 0.0], gripper=READY)


def lid(name: str) -> Loose:
    """A disc with a knob, and a smaller one below that keeps it on a pot."""
    return Loose(
        name,
        [
            Part('cylinder', (LID_RADIUS, LID_HALF), colour=RED, density=300.0),
            Part('cylinder', (PLUG_RADIUS, PLUG_HALF), (0, 0, -LID_HALF - PLUG_HALF), colour=RED),
            Part(
                'cylinder',
                (KNOB_RADIUS, KNOB_HALF),
                (0.0, 0.0, LID_HALF + KNOB_HALF),
                colour=ORANGE,
                friction=2.0,  # of rubber, for it is round
            ),
        ],
        LID_RADIUS,
        LID_HALF + 2 * PLUG_HALF,
    )
