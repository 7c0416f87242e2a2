# SPDX-License-Identifier: Apache-2.0
"""Sawyer reaches and pushes pucks in a plane (Nair 2022, sections 2.5, 3.5 and 7.6)."""

from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

from robot_rl.types import FloatArray
from sim_bridge.tasks.objects import BLUE, GREEN, RED, Colour, Loose, Part, scatter
from sim_bridge.tasks.table import TableTask
from sim_bridge.tasks.task import Start

RADIUS, HALF_HEIGHT = 0.04, 0.015  # m, of a puck
AREA = (0.10, 0.20)  # m, half sizes of where goals are: 40 cm x 20 cm (Nair 2022, section 7.6.1)
ROOM = 0.055  # m, around the middle of a puck, so that the fingers fit between two
HEIGHT = 0.015  # m, of the tool over the table
BACK = -0.15  # m, along x from the middle, where the tool starts
COLOURS = (RED, BLUE, GREEN)


@dataclass(frozen=True)
class PushOptions:
    """Of the scene.

    Attributes:
        pucks: most of them.
        fewest: fewest of them; each number is equally likely.
        hand: whether the tool has a goal, too; it is the first part of the goal then.
        any_colour: whether each puck has a random colour in each episode.
    """

    pucks: int = 1
    fewest: int = 1
    hand: bool = False
    any_colour: bool = False

    def __post_init__(self) -> None:
        """Refuses numbers that make no task."""
        if not 0 <= self.fewest <= self.pucks <= len(COLOURS):
            raise ValueError(
                f'fewest, pucks: expected 0 <= fewest <= pucks <= {len(COLOURS)}, '
                f'got {self.fewest} and {self.pucks}'
            )
        if not (self.hand or self.fewest):
            raise ValueError('fewest: an episode without pucks needs a goal for the hand')


class SawyerPush(TableTask):
    """Pucks on a table; the goal is a place for each, and one for the hand as an option."""

    Options = PushOptions

    def __init__(self, *place: object) -> None:
        """Makes the pucks."""
        super().__init__(*place)  # type: ignore[arg-type]
        self.objects = tuple(puck(f'puck{i}', COLOURS[i]) for i in range(self.options.pucks))
        self._colours = np.array(COLOURS[: self.options.pucks]).reshape(-1, 4)

    def add_to(self, scene: mujoco.MjSpec, tool: mujoco.MjsBody, visuals: bool) -> None:
        """Puts up the table with the pucks."""
        super().add_to(scene, tool, visuals)
        self._tool_name = tool.name

    def bind(self, model: mujoco.MjModel) -> None:
        """Finds tool and pucks."""
        super().bind(model)
        self._tool = model.body(self._tool_name).id

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Some pucks anywhere, their goals and the hand's anywhere but on each other."""
        options, start = self.options, self.over(HEIGHT) + np.array([BACK, 0.0, 0.0])
        count = int(rng.integers(options.fewest, options.pucks + 1))
        shown = np.sort(rng.permutation(options.pucks)[:count])
        places = scatter(rng, [ROOM] * count, *self.area(*AREA), [(start[:2], 0.02)])
        goals = scatter(rng, [ROOM] * (count + options.hand), *self.area(*AREA))
        parts = np.zeros((options.pucks, 3))
        for loose in self.objects:
            self.put_away(data, loose)
        for index, place, goal in zip(shown, places, goals, strict=False):
            self.put(data, self.objects[index], place)
            parts[index] = *goal, self.top + self.objects[index].rest
        hand = [*goals[-1], start[2]] if options.hand else []
        self.desired = np.concatenate((hand, parts.ravel()))
        if options.any_colour:
            self._colours[:, :3] = rng.random((options.pucks, 3))
        return Start(start)

    def achieved(self, data: mujoco.MjData) -> FloatArray:
        """Where the tool is, if that counts, and the pucks, m, base frame."""
        hand = data.xpos[self._tool] if self.options.hand else []
        return np.concatenate((hand, super().achieved(data)))

    # ---- looks ---------------------------------------------------------------------------

    def paint(self, model: mujoco.MjModel) -> None:
        """Gives the pucks the colours of the episode."""
        for loose, colour in zip(self.objects, self._colours, strict=True):
            model.geom_rgba[model.body(loose.name).geomadr[0]] = colour

    def save(self) -> Any:
        """Goal and colours."""
        return self.desired.copy(), self._colours.copy()

    def load(self, state: Any) -> None:
        """Goes back to what `save` gave."""
        self.desired, self._colours = (part.copy() for part in state)


def puck(name: str, colour: Colour) -> Loose:
    """A disc that lies flat."""
    disc = Part('cylinder', (RADIUS, HALF_HEIGHT), colour=colour)
    return Loose(name, [disc], RADIUS, HALF_HEIGHT)
