# SPDX-License-Identifier: Apache-2.0
"""What a scripted expert sees and does: privileged state in, actions in [-1, 1] out."""

from collections.abc import Callable, Iterator

import mujoco
import numpy as np

from robot_rl.control.base import BASES
from robot_rl.control.controller import XYZ
from robot_rl.task import TaskConfig
from robot_rl.types import FloatArray
from sim_bridge.host import DirectHost
from sim_bridge.tasks.table import TableTask
from sim_bridge.tasks.task import Task

#: Of the way that is left, in one action period.
GAIN = 0.6
#: A place, or what gives it anew each period.
Place = FloatArray | Callable[[], FloatArray]
#: What an expert is: it gives one action [A] a period.
Script = Iterator[FloatArray]


class View:
    """One world as a script sees it. Positions are m in the base frame.

    Attributes:
        task: as configured.
        scene: the simulated task.
        opening: what the gripper does when nothing else is said, 1 opens and -1 closes.
    """

    def __init__(self, task: TaskConfig, host: DirectHost) -> None:
        """Looks at a host whose world is at the start of an episode."""
        self.task, self._host, self._action = task, host, task.action
        self._scale = np.array(task.action.scale)
        self._base = BASES[task.base.kind](task.base, 1.0 / task.rates.action_hz)
        self.scene: Task = host.world.task
        self.opening = 0.0

    @property
    def tool(self) -> FloatArray:
        """Position of the tool, shape [3]."""
        return self._host.world.privileged()['tool_xyz']

    @property
    def rotation(self) -> FloatArray:
        """The tool's axes in the base frame, shape [3, 3]."""
        return self._host.world.privileged()['tool_rotation']

    @property
    def joints(self) -> FloatArray:
        """Positions of the robot's joints, rad or m, shape [J]."""
        return self._host.world.joint_state().position

    @property
    def data(self) -> mujoco.MjData:
        """The simulated state, to look at."""
        return self._host.world.data

    @property
    def axes(self) -> tuple[str, ...]:
        """What the action's numbers move."""
        return self._action.axes

    @property
    def scale(self) -> FloatArray:
        """How far each goes in a period, m or rad, shape [A]."""
        return self._scale

    @property
    def goal(self) -> FloatArray:
        """What should be achieved."""
        return self.scene.desired

    @property
    def achieved(self) -> FloatArray:
        """What is achieved."""
        return np.asarray(self._host.world.scene_state()['achieved_goal'], np.float64)

    @property
    def believed(self) -> FloatArray:
        """Where the base controller steers the tool to, shape [3]."""
        return np.asarray(self._host.observation.entries['desired_goal'][:3], np.float64)

    def base(self) -> FloatArray:
        """How far the base controller moves the tool in the coming period, m, shape [3]."""
        wrench = np.asarray(self._host.observation.entries['tool_wrench'][:3], np.float64)
        return self._base.displacement(self.tool, self.believed, self.rotation @ wrench)

    def told(self, name: str) -> FloatArray:
        """A vector of the scene's state."""
        return np.asarray(self._host.world.scene_state()[name], np.float64)

    def object(self, index: int = 0) -> FloatArray:
        """Position of an object of a table, shape [3]."""
        assert isinstance(self.scene, TableTask)
        return self.scene.objects[index].xyz(self._host.world.data)

    def turn(self, index: int = 0) -> FloatArray:
        """Axes of an object of a table in the base frame, shape [3, 3]."""
        assert isinstance(self.scene, TableTask)
        return self.scene.objects[index].rotation(self._host.world.data)

    def action(self, **moves: float) -> FloatArray:
        """The action that moves these axes, m or rad a period; others rest.

        The gripper does what `opening` says, unless it is named.
        """
        asked = [moves.get(axis, 0.0) for axis in self._action.axes]
        values = np.clip(np.asarray(asked) / self._scale, -1.0, 1.0)
        if 'gripper' in self._action.axes and 'gripper' not in moves:
            values[self._action.axes.index('gripper')] = self.opening
        return np.asarray(values, np.float64)

    def slowed(self, moves: FloatArray) -> FloatArray:
        """The action that moves its axes by so much, m or rad, [A]; too much slows all alike."""
        return np.asarray(
            moves / max(1.0, float((np.abs(moves) / self._scale).max())) / self._scale
        )

    def towards(
        self, xyz: FloatArray, yaw: float | None = None, share: float = GAIN
    ) -> FloatArray:
        """The action that goes a share of the way, in a straight line.

        Where a base controller steers, the action makes up for what that does.

        Args:
            xyz: of the tool, shape [3].
            yaw: of the tool's x axis, rad; none leaves it.
            share: of the way.
        """
        way = share * (xyz - self.tool)
        axes = self._action.axes
        limits = [self._scale[axes.index(axis)] if axis in axes else np.inf for axis in XYZ]
        way *= min(1.0, *(limit / max(abs(w), 1e-9) for w, limit in zip(way, limits, strict=True)))
        if self.task.base.kind != 'none':
            way -= self.base()
        moves = dict(zip(XYZ, way.tolist(), strict=True))
        if yaw is not None:
            moves['yaw'] = share * self.yaw_error(yaw)
        return self.action(**moves)

    def yaw_error(self, yaw: float) -> float:
        """The shortest turn of the tool's x axis to an angle about z, rad."""
        apart = yaw - np.arctan2(self.rotation[1, 0], self.rotation[0, 0])
        return float((apart + np.pi) % (2 * np.pi) - np.pi)

    def go(
        self, place: Place, yaw: float | None = None, near: float = 0.01, steps: int = 40
    ) -> Script:
        """Moves the tool to a place, until it is as near as this, m, or for so many periods."""
        for _ in range(steps):
            xyz = place() if callable(place) else place
            turned = yaw is None or abs(self.yaw_error(yaw)) < 0.05
            if float(np.linalg.norm(xyz - self.tool)) < near and turned:
                return
            yield self.towards(xyz, yaw)

    def hold(self, steps: int) -> Script:
        """Stands still for so many periods."""
        for _ in range(steps):
            yield self.action()

    def grip(self, opening: float, steps: int) -> Script:
        """Opens (1) or closes (-1) the gripper for so many periods, and from then on."""
        self.opening = opening
        yield from self.hold(steps)
