# SPDX-License-Identifier: Apache-2.0
"""Puts every task into Gymnasium's registry: `gymnasium.make('robot_rl/FetchPick-v0')`.

Gymnasium has no plugins, so importing `sim_bridge` does it, and importing `robot_rl` where
Gymnasium was imported before. The simulation itself is imported by `make`.
"""

import gymnasium

from robot_rl import resources


def identity(task: str) -> str:
    """The name under which Gymnasium knows a task."""
    return f'robot_rl/{"".join(word.capitalize() for word in task.split("_"))}-v0'


def register() -> None:
    """Registers the tasks in config/tasks that are not yet there."""
    for task in resources.names('config/tasks'):
        name = identity(task)
        if name not in gymnasium.registry:
            gymnasium.register(name, 'sim_bridge.env:RobotEnv', kwargs={'task': task})
