# SPDX-License-Identifier: Apache-2.0
"""Block assembly: a block goes between two standing ones that may tip (Nair 2022, chapter 5).

The block is fixed in the gripper. The standing blocks may be turned about the vertical, and the
arm may obey with noise and bias, as in sections 5.5.2 and 5.5.3.
"""

import math
from dataclasses import dataclass, replace

import mujoco
import numpy as np

from robot_rl.types import FloatArray
from sim_bridge.scene import TABLE, TOOL
from sim_bridge.tasks.objects import BLUE, GREEN, RED, Loose, Part
from sim_bridge.tasks.table import TableTask
from sim_bridge.tasks.task import Start

HELD = np.array([0.020, 0.020, 0.040])  # m, half sizes of the block in the gripper
KNOB = (0.008, 0.004, 0.010)  # m, half sizes of what the fingers hold it by
STANDING = (0.020, 0.030, 0.040)  # m, half sizes of the others
CLEARANCE = 0.002  # m, on each side of the inserted block
BOTTOM = float(KNOB[2] + 2 * HELD[2])  # m, of the held block below the tool
GOAL_HEIGHT = BOTTOM + 0.003  # m, of the tool over the table
START_HEIGHT = 0.12  # m, over the goal
START_JITTER = np.array([0.008, 0.008, 0.008])  # m, uniform in [-j, j]
MIDDLE = float(HELD[0] + CLEARANCE + STANDING[0])  # m, along x, of a standing block


@dataclass(frozen=True)
class BlockOptions:
    """Of the scene.

    Attributes:
        rotation: rad, half width of the uniform turn of each standing block.
        noise: m/s, standard deviation of the tool's velocity error on each axis, drawn anew each
            control period.
        bias: m/s, mean of that error.
    """

    rotation: float = 0.0
    noise: float = 0.0
    bias: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        """Refuses turns beyond which the blocks meet, and noise that is none."""
        if not 0 <= self.rotation <= 0.5:
            raise ValueError(f'rotation: expected 0 to 0.5 rad, got {self.rotation}')
        if not (0 <= self.noise < 1 and all(abs(b) < 1 for b in self.bias)):
            raise ValueError(
                f'noise, bias: expected less than 1 m/s, got {self.noise}, {self.bias}'
            )


class BlockInsertion(TableTask):
    """Where tool and standing blocks should be: the tool low between them, they as they were.

    The goal has three parts: the tool's position, and the middle of the top of each standing
    block, which moves when that tips or is pushed away, but not when it turns.
    """

    Options = BlockOptions
    eye = (0.34, -0.30, 0.26)
    physics = replace(TABLE, friction=(0.4, 0.002, 0.0002))

    def __init__(self, *place: object) -> None:
        """Makes the standing blocks."""
        super().__init__(*place)  # type: ignore[arg-type]
        radius = math.hypot(*STANDING[:2])
        self.objects = tuple(
            Loose(name, [Part('box', STANDING, colour=colour)], radius, STANDING[2])
            for name, colour in (('near', BLUE), ('far', GREEN))
        )

    def add_to(self, scene: mujoco.MjSpec, tool: mujoco.MjsBody, visuals: bool) -> None:
        """Puts up the table and the blocks, one of them in the gripper."""
        super().add_to(scene, tool, visuals)
        held = tool.add_body(name='held')
        held.gravcomp = tool.gravcomp
        centre = (0.0, 0.0, KNOB[2] + float(HELD[2]))  # the tool's z points down
        for part in (Part('box', tuple(HELD), centre, colour=RED), Part('box', KNOB, colour=RED)):
            part.add_to(held, self.physics, TOOL)

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """The standing blocks with a gap between them; the tool over it."""
        x, y = self.goal_xyz[:2]
        self.desired = np.array([x, y, self.top + GOAL_HEIGHT])
        for block, side in zip(self.objects, (-1, 1), strict=True):
            at = np.array([x + side * MIDDLE, y])
            self.put(data, block, at, rng.uniform(-1.0, 1.0) * self.options.rotation)
            self.desired = np.append(self.desired, [*at, self.top + 2 * STANDING[2]])
        height = np.array([0.0, 0.0, START_HEIGHT])
        return Start(self.desired[:3] + height + rng.uniform(-START_JITTER, START_JITTER))

    def control_error(self, rng: np.random.Generator) -> FloatArray | None:
        """Normal noise with a bias (Nair 2022, eq. 24)."""
        noise, bias = self.options.noise, np.array(self.options.bias)
        if not noise and not bias.any():
            return None
        return np.asarray(bias + noise * rng.standard_normal(3))

    def bind(self, model: mujoco.MjModel) -> None:
        """Finds the blocks, and the one in the gripper."""
        super().bind(model)
        self._tool = model.body('held').id

    def achieved(self, data: mujoco.MjData) -> FloatArray:
        """Position of the tool, and of the tops' middles, m, base frame, shape [9]."""
        up = np.array([0.0, 0.0, STANDING[2]])
        tops = [block.xyz(data) + block.rotation(data) @ up for block in self.objects]
        return np.concatenate([np.array(data.xpos[self._tool]), *tops])
