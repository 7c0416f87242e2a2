# SPDX-License-Identifier: Apache-2.0
"""The simulated scenes by name."""

from typing import Any

from robot_rl import config
from robot_rl.errors import InputError
from robot_rl.types import FloatArray
from sim_bridge.tasks.fetch_pick import FetchPick
from sim_bridge.tasks.jaco_blocks import JacoLift
from sim_bridge.tasks.task import Task
from sim_bridge.tasks.usb_insertion import UsbInsertion

TASKS: dict[str, type[Task]] = {
    'fetch_pick': FetchPick,
    'jaco_lift': JacoLift,
    'usb_insertion': UsbInsertion,
}


def make_task(
    name: str, goal_xyz: FloatArray, goal_rotation: FloatArray, options: dict[str, Any]
) -> Task:
    """A scene by name.

    Raises:
        InputError: unknown scene or option; lists the known ones.
    """
    if name not in TASKS:
        raise InputError(f'unknown scene {name!r}; known: {", ".join(TASKS)}')
    task = TASKS[name]
    return task(goal_xyz, goal_rotation, config.parse(task.Options, options, f'scene {name}'))
