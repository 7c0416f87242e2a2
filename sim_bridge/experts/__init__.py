# SPDX-License-Identifier: Apache-2.0
"""Scripted experts by scene: each proves its task solvable, and can demonstrate it."""

from collections.abc import Callable

from sim_bridge.experts import (
    arm,
    assembly,
    fetch,
    jaco,
    jaco_pour,
    jaco_toys,
    plane,
    sawyer_push,
    sawyer_table,
)
from sim_bridge.experts.view import Script, View

EXPERTS: dict[str, Callable[[View], Script]] = {
    'block_insertion': assembly.block_insertion,
    'dsub_insertion': assembly.insertion,
    'model_e_insertion': assembly.insertion,
    'usb_insertion': assembly.insertion,
    'arm_reach': arm.reach,
    'door': arm.open_door,
    'fetch_pick': fetch.pick,
    'fetch_push': fetch.push,
    'fetch_reach': fetch.reach,
    'fetch_slide': fetch.slide,
    'fetch_stack': fetch.stack,
    'navigation': plane.navigation,
    'particle': plane.particle,
    'reacher': plane.reacher,
    'jaco_clear_blocks': jaco.clear_blocks,
    'jaco_clear_box': jaco_toys.clear_box,
    'jaco_lift': jaco.lift,
    'jaco_order': jaco_toys.order,
    'jaco_pour': jaco_pour.pour,
    'jaco_stack': jaco.stack,
    'jaco_stick': jaco.stick,
    'sawyer_push': sawyer_push.push,
    'sawyer_drawer': sawyer_table.drawer,
    'sawyer_pick': sawyer_table.pick,
    'sawyer_lid': sawyer_table.lid,
}
