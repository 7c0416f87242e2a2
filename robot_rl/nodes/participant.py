# SPDX-License-Identifier: Apache-2.0
"""The DDS participant of a process, which lives for as long as the process does.

It goes with the last node. Fast DDS 3.2 waits for ever, at full load, where it destroys one while
it discovers another: once in some hundred ends beside processes that come and go. So a small node
outlives the others, and the process ends without destroying it.
"""

import atexit
import os
import sys
from typing import Any, NoReturn

import rclpy
from rclpy.context import Context
from rclpy.node import Node

from robot_rl import shared_memory


def silent_node(name: str, **options: Any) -> Node:
    """A node without the services and the log topic that every other one has."""
    return rclpy.create_node(name, enable_rosout=False, start_parameter_services=False, **options)


def keep_participant(context: Context | None = None) -> Node:
    """A hidden node that keeps the participant; the context does not destroy it."""
    own = {'context': context, 'use_global_arguments': False}
    keeper = silent_node(f'_process_{os.getpid()}', **own)
    keeper.context.untrack_node(keeper)
    return keeper


def leave(status: int, keeper: Node) -> NoReturn:
    """Ends the process as the interpreter does, except that what still lives is not destroyed.

    A participant with shared memory is: else its segments and ports stay, these maybe locked.

    Args:
        status: of the process.
        keeper: from `keep_participant`; all other nodes are destroyed, or go with the context.
    """
    rclpy.try_shutdown()
    if shared_memory.in_use():
        keeper.destroy_node()
    shared_memory.sweep()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
