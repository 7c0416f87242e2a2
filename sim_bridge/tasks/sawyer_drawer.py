# SPDX-License-Identifier: Apache-2.0
"""Sawyer opens and closes a drawer (Nair 2022, sections 7.6, 9.6 and 10.6)."""

from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

from robot_rl.types import Entries, FloatArray
from sim_bridge.tasks.chest import any_chest
from sim_bridge.tasks.drawer import DISC, MIDDLE, TRAVEL, Button, Drawer
from sim_bridge.tasks.objects import STEEL, YELLOW, Loose, Part, scatter
from sim_bridge.tasks.table import FAR, TableTask
from sim_bridge.tasks.task import Start

CHEST = np.array([0.09, 0.0])  # m, from the middle of the table to that of the drawer's front
SPREAD = np.array([0.02, 0.08])  # m, half sizes of where it may be
TURN = 0.25  # rad, the chest is turned by up to this
HEIGHT = 0.16  # m, of the tool over the table at the start
READY = 0.010  # m, of each finger, at the start
BUTTON = (0.10, 0.26)  # m, half sizes in x and y of where the button may be
CAN_RADIUS, CAN_HALF = 0.026, 0.060  # m
CAN_AHEAD, CAN_ASIDE = (0.090, 0.110), 0.025  # m, from the drawer's front
CAN_AREA = (0.14, 0.24)  # m, half sizes of where the can may be brought
LANE = 0.13  # m, from the drawer's middle, where a can is out of the way


@dataclass(frozen=True)
class DrawerOptions:
    """Of the scene.

    Attributes:
        start: m, least and greatest opening at the start.
        goal: m, least and greatest desired opening.
        button: whether a button opens the drawer, in place of the handle.
        can: whether a can stands in the way, that shall be brought elsewhere upright.
        chests: chests in the scene, one of which an episode has.
        chest_seed: which chests these are.
    """

    start: tuple[float, float] = (0.0, 0.0)
    goal: tuple[float, float] = (0.0, 0.0)
    button: bool = False
    can: bool = False
    chests: int = 1
    chest_seed: int = 0

    def __post_init__(self) -> None:
        """Refuses openings that the drawer does not have."""
        for low, high in (self.start, self.goal):
            if not 0 <= low <= high <= TRAVEL:
                raise ValueError(f'start, goal: expected 0 to {TRAVEL} m, got {low} and {high}')
        if not (1 <= self.chests <= 20 and self.chest_seed >= 0):
            raise ValueError(
                f'chests, chest_seed: expected 1 to 20 and 0 or above, '
                f'got {self.chests} and {self.chest_seed}'
            )
        if self.button and self.chests > 1:
            raise ValueError('chests: a button opens one alone')


class SawyerDrawer(TableTask):
    """A chest with a drawer, another in each episode as an option.

    The goal is the drawer's opening, m; with a can it has two parts, the places of the can and of
    the handle. A can that the drawer is opened against falls over.
    """

    Options = DrawerOptions
    half = (0.28, 0.42)
    eye = (-0.10, -0.75, 0.60)

    def __init__(self, *place: object) -> None:
        """Makes drawer, button and can."""
        super().__init__(*place)  # type: ignore[arg-type]
        button, seed = self.options.button, 1000 * self.options.chest_seed
        self._drawers = tuple(
            Drawer(f'drawer{i}', any_chest(seed + i), sprung=button)
            for i in range(self.options.chests)
        )
        self.drawer = self._drawers[0]
        self.button = Button('button', self.drawer) if self.options.button else None
        self.objects = (can('can'),) if self.options.can else ()

    def add_to(self, scene: mujoco.MjSpec, tool: mujoco.MjsBody, visuals: bool) -> None:
        """Puts up the table with the chest."""
        super().add_to(scene, tool, visuals)
        for drawer in self._drawers:
            drawer.add_to(scene, self.physics)
        if self.button:
            self.button.add_to(scene, self.physics)

    def bind(self, model: mujoco.MjModel) -> None:
        """Finds everything."""
        super().bind(model)
        for drawer in self._drawers:
            drawer.bind(model)
        if self.button:
            self.button.bind(model)

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Puts the chest somewhere at the far side, the can before it or the button beside it."""
        for index, drawer in enumerate(self._drawers):
            drawer.place(data, np.array([FAR, index, 0.0]))
        self.drawer = self._drawers[int(rng.integers(len(self._drawers)))]
        front, yaw = place_chest(self, data, self.drawer, rng)
        self.drawer.open(data, rng.uniform(*self.options.start))
        opening = rng.uniform(*self.options.goal)
        self.desired = np.array([opening])
        out = np.array([np.cos(yaw), np.sin(yaw)])
        if self.button:
            chest = front + MIDDLE * out, DISC
            way = front + 0.13 * out, 0.10  # the drawer's, and the fingers'
            (xy,) = scatter(rng, [0.05], *self.area(*BUTTON), [chest, way])
            self.button.place(data, np.array([*xy, self.top]))
        if self.options.can:
            self._place_can(data, rng, front, out)
            self.desired = np.concatenate((self._goal, self.drawer.handle(data, opening)))
        return Start(self.over(HEIGHT) - [0.08, 0.0, 0.0], gripper=READY)

    def _place_can(
        self, data: mujoco.MjData, rng: np.random.Generator, front: FloatArray, out: FloatArray
    ) -> None:
        """Stands the can in front of the drawer, and draws where it shall go."""
        across = np.array([-out[1], out[0]])
        ahead, aside = rng.uniform(*CAN_AHEAD), rng.uniform(-CAN_ASIDE, CAN_ASIDE)
        self.put(data, self.objects[0], front + ahead * out + aside * across)
        taken = [(front + s * out, LANE) for s in (-0.08, 0.0, 0.08, 0.16, 0.24)]
        (xy,) = scatter(rng, [CAN_RADIUS], *self.area(*CAN_AREA), taken)
        self._goal = np.array([*xy, self.top + self.objects[0].rest])

    def observe(self, data: mujoco.MjData) -> Entries:
        """The goals, `drawer` (`Drawer.state`), `button` (`Button.state`), `objects`."""
        told = super().observe(data) | {'drawer': self.drawer.state(data)}
        return told | ({'button': self.button.state(data)} if self.button else {})

    def achieved(self, data: mujoco.MjData) -> FloatArray:
        """The opening, m, or the places of can and handle, m, base frame."""
        if not self.objects:
            return np.array([self.drawer.opening(data)])
        return np.concatenate((super().achieved(data), self.drawer.handle(data)))

    def save(self) -> Any:
        """Goal, and which chest it is."""
        return super().save(), self._drawers.index(self.drawer)

    def load(self, state: Any) -> None:
        """Goes back to what `save` gave."""
        super().load(state[0])
        self.drawer = self._drawers[state[1]]


def place_chest(
    task: TableTask, data: mujoco.MjData, drawer: Drawer, rng: np.random.Generator
) -> tuple[FloatArray, float]:
    """Puts a chest at the far side of a table; the middle of its front [2], and its yaw."""
    front = task.goal_xyz[:2] + CHEST + rng.uniform(-SPREAD, SPREAD)
    yaw = np.pi + float(rng.uniform(-TURN, TURN))
    drawer.place(data, np.array([*front, task.top]), yaw)
    return front, yaw


def can(name: str) -> Loose:
    """A tall can that a push over its middle would tip."""
    rim = 0.006
    parts = [
        Part('cylinder', (CAN_RADIUS, CAN_HALF - rim), colour=YELLOW, density=300.0),
        *(
            Part('cylinder', (CAN_RADIUS - 0.002, rim / 2), (0, 0, z), colour=STEEL)
            for z in (CAN_HALF - rim / 2, rim / 2 - CAN_HALF)
        ),
    ]
    return Loose(name, parts, CAN_RADIUS, CAN_HALF)
