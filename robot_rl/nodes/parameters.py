# SPDX-License-Identifier: Apache-2.0
"""The parameters that all nodes declare, and how a dataclass becomes parameters."""

import dataclasses
from typing import TypeVar

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException
from rclpy.node import Node

from robot_rl.control.robot import RobotConfig
from robot_rl.errors import InputError
from robot_rl.task import TaskConfig, load_task, robot_of

T = TypeVar('T')
_FIXED = ParameterDescriptor(read_only=True)


@dataclasses.dataclass(frozen=True)
class GraphParameters:
    """Parameters that all nodes declare, so that one set describes the graph.

    Attributes:
        task: name in config/tasks, or a file.
        robot: name in config/robots; empty for the task's own.
        agent: name in config/agents; empty for the task's own.
        sync: whether time is the wall's or waits for every command.
        seed: of start states, goals, exploration and networks.
        steps: actions after which the run ends; 0 for no end.
        episodes: episodes after which the run ends; 0 for no end.
        checkpoint: folder to resume from or to take the policy from; empty for none.
        run_dir: folder for logs, checkpoints and metrics; empty for none.
        bag: folder to record every step into; empty for none.
        reset: whether the simulation puts everything at its start, or the arm moves there.
        policy: how the policy acts: by a sample, by its mean, or not at all.
        learning: whether a learner is part of the graph.
    """

    task: str = 'usb_insertion'
    robot: str = ''
    agent: str = ''
    sync: str = 'realtime'
    seed: int = 0
    steps: int = 0
    episodes: int = 0
    checkpoint: str = ''
    run_dir: str = ''
    bag: str = ''
    reset: str = 'scene'
    policy: str = 'sample'
    learning: bool = True

    def __post_init__(self) -> None:
        """Refuses values outside their choices."""
        _one_of('sync', self.sync, ('realtime', 'lockstep'))
        _one_of('reset', self.reset, ('scene', 'motion'))
        if self.reset == 'motion' and self.lockstep:
            raise InputError('parameter reset: motion needs sync:=realtime')
        _one_of('policy', self.policy, ('sample', 'mean', 'zero'))
        for name in ('seed', 'steps', 'episodes'):
            if getattr(self, name) < 0:
                raise InputError(f'parameter {name}: expected 0 or more')

    @property
    def lockstep(self) -> bool:
        """Whether the simulation waits for every command."""
        return self.sync == 'lockstep'

    def load(self) -> tuple[TaskConfig, RobotConfig]:
        """The task and its robot."""
        task = load_task(self.task, self.robot, self.agent)
        return task, robot_of(task)


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(f'parameter {name}: expected one of {", ".join(known)}, got {value!r}')


def declare(node: Node, cls: type[T]) -> T:
    """Declares every field of a dataclass as a parameter and reads the dataclass back.

    They are given at the start and never change: whoever tries is refused.

    Raises:
        InputError: a value of the wrong type or outside what the dataclass allows.
    """
    values = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        try:
            declared = node.declare_parameter(field.name, field.default, _FIXED)
            values[field.name] = declared.value
        except InvalidParameterTypeException as error:
            raise InputError(f'parameter {field.name}: {error}') from error
    return cls(**values)
