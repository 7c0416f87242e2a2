# SPDX-License-Identifier: Apache-2.0
"""The simulated scenes by name."""

from typing import Any

from robot_rl import config
from robot_rl.errors import InputError
from robot_rl.types import FloatArray
from sim_bridge.tasks.arm_reach import ArmReach
from sim_bridge.tasks.block_insertion import BlockInsertion
from sim_bridge.tasks.door import Door
from sim_bridge.tasks.fetch_pick import FetchPick
from sim_bridge.tasks.fetch_push import FetchPush
from sim_bridge.tasks.fetch_reach import FetchReach
from sim_bridge.tasks.fetch_slide import FetchSlide
from sim_bridge.tasks.fetch_stack import FetchStack
from sim_bridge.tasks.insertion import DSubInsertion, Insertion, ModelEInsertion
from sim_bridge.tasks.jaco_blocks import JacoClearBlocks, JacoLift, JacoStack
from sim_bridge.tasks.jaco_pour import JacoPour
from sim_bridge.tasks.jaco_stick import JacoStick
from sim_bridge.tasks.jaco_toys import JacoClearBox, JacoOrder
from sim_bridge.tasks.navigation import Navigation
from sim_bridge.tasks.plane import Particle, Reacher
from sim_bridge.tasks.sawyer_drawer import SawyerDrawer
from sim_bridge.tasks.sawyer_pick import SawyerLid, SawyerPick
from sim_bridge.tasks.sawyer_push import SawyerPush
from sim_bridge.tasks.task import Task

TASKS: dict[str, type[Task]] = {
    'arm_reach': ArmReach,
    'door': Door,
    'fetch_pick': FetchPick,
    'fetch_push': FetchPush,
    'fetch_reach': FetchReach,
    'fetch_slide': FetchSlide,
    'fetch_stack': FetchStack,
    'jaco_clear_blocks': JacoClearBlocks,
    'jaco_clear_box': JacoClearBox,
    'jaco_lift': JacoLift,
    'jaco_order': JacoOrder,
    'jaco_pour': JacoPour,
    'jaco_stack': JacoStack,
    'jaco_stick': JacoStick,
    'navigation': Navigation,
    'particle': Particle,
    'reacher': Reacher,
    'sawyer_push': SawyerPush,
    'sawyer_drawer': SawyerDrawer,
    'block_insertion': BlockInsertion,
    'sawyer_pick': SawyerPick,
    'sawyer_lid': SawyerLid,
    'usb_insertion': Insertion,
    'dsub_insertion': DSubInsertion,
    'model_e_insertion': ModelEInsertion,
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
