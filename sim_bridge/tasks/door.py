# SPDX-License-Identifier: Apache-2.0
"""A door with a latch that an arm opens with a hook (Gu et al. 2016, section V-A.2).

The door hangs on its left post, seen from the arm, and a spring closes it. Its lever turns
downwards by up to 90 degrees and draws a bolt out of the strike, which it leaves at 60 degrees;
before that the bolt holds the door. A positive angle opens the door away from the arm.
"""

from dataclasses import dataclass
from typing import Any, Literal

import mujoco
import numpy as np

from robot_rl.types import Entries, FloatArray
from sim_bridge.scene import TABLE, look
from sim_bridge.tasks.door_parts import (
    HOLD,
    LEVER,
    SPINDLE,
    STAND,
    THICK,
    WIDTH,
    add_frame,
    add_handle,
    add_hook,
    add_panel,
)
from sim_bridge.tasks.task import Start, Task

OPEN = np.radians(15.0)  # at which the goal lies; 10 degrees are enough
AREA = (0.05, 0.10)  # m, half sides in x and y of where the door stands about `goal_xyz`
BACK = 0.25  # m, of the tool's start from the middle of the levers' places

# What guides to the goal in a dense reward; each is too little to decide on success.
FAR, CLOSENESS = 0.5, 0.15  # m, from which on the hook is equally far; goal units/m
TURNING = 0.05  # goal units/rad of the lever


@dataclass(frozen=True)
class DoorOptions:
    """Of the scene.

    Attributes:
        opens: whether the arm shall push the door open or pull it.
    """

    opens: Literal['push', 'pull'] = 'push'


class Door(Task):
    """One door; `goal_xyz` is the mean place of the lever's spindle, in front of the panel.

    Attributes:
        hinge: of the door in this episode, m, base frame, shape [3].
    """

    Options = DoorOptions
    physics = TABLE
    hinge = np.zeros(3)

    # ---- scene ---------------------------------------------------------------------------

    def add_to(self, scene: mujoco.MjSpec, tool: mujoco.MjsBody, visuals: bool) -> None:
        """Puts the hook into the gripper, and up the frame with the door."""
        self._tool_name = tool.name
        add_hook(tool, self.physics)
        frame = scene.worldbody.add_body(name='door_frame', mocap=True)
        add_frame(frame, self.physics)
        door = frame.add_body(name='door')
        add_panel(door, self.physics)
        add_handle(scene, door, self.physics)
        if visuals:
            x, y, z = self.goal_xyz
            eye = (x - 0.95, y - 0.75, z + 0.50)
            axes = look(*eye, x - 0.05, y + 0.08, z)
            scene.worldbody.add_camera(name='closeup', pos=eye, xyaxes=axes, fovy=50)
            side = [0.8, 0.4, -0.4]  # or the door would be in its own shadow
            lamp = scene.worldbody.add_light(pos=[x - 1.5, y - 0.8, z + 0.8], dir=side)
            lamp.diffuse, lamp.castshadow = [0.5, 0.5, 0.5], False

    def bind(self, model: mujoco.MjModel) -> None:
        """Finds tool and door."""
        self._tool = model.body(self._tool_name).id
        self._frame = int(model.body('door_frame').mocapid[0])
        self._door, self._handle = (int(model.joint(n).qposadr[0]) for n in ('door', 'handle'))

    # ---- reset ---------------------------------------------------------------------------

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """The door anywhere in a rectangle, closed; the arm always in the same posture."""
        shift = rng.uniform(-1.0, 1.0, 2) * AREA
        data.mocap_pos[self._frame] = self.hinge = self.goal_xyz + np.array(
            [shift[0] + STAND + THICK / 2, shift[1] + WIDTH - SPINDLE, 0.0]
        )
        self.desired = np.array([OPEN if self.options.opens == 'push' else -OPEN, 0.0, 0.0])
        return Start(self.goal_xyz + np.array([-BACK, 0.0, 0.10]))

    # ---- privileged state ----------------------------------------------------------------

    def angles(self, data: mujoco.MjData) -> FloatArray:
        """Of the door and of the lever, rad, shape [2]."""
        return np.array([data.qpos[self._door], data.qpos[self._handle]])

    def lever_point(self, door: float, turn: float, radius: float) -> tuple[FloatArray, ...]:
        """A point of the lever's axis, its upper side, and the way through the door.

        Args:
            door: angle of the door, rad.
            turn: angle of the lever, rad.
            radius: of the point from the spindle, m.

        Returns:
            m, base frame, shape [3], then two unit vectors, shape [3] each.
        """
        cos, sin = np.cos(door), np.sin(door)
        turned = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        along = np.array([0.0, np.cos(turn), -np.sin(turn)])
        upper = np.array([0.0, np.sin(turn), np.cos(turn)])
        spindle = np.array([-THICK / 2 - STAND, SPINDLE - WIDTH, 0.0])
        return self.hinge + turned @ (spindle + radius * along), turned @ upper, turned[:, 0]

    # ---- goal ----------------------------------------------------------------------------

    def observe(self, data: mujoco.MjData) -> Entries:
        """The goals, shape [3], and what else a tracker sees.

        The first value is the door's angle, rad, at most `OPEN` either way, so that within 5
        degrees of the goal it is open by 10 degrees or more. The other two lead there: how far
        the hook is from the lever, and how far the lever from fully turned, both weighted so
        little that they are always within that distance of zero.

        Beside them `handle` and `frame`, where the closed door has lever and hinge (m, base
        frame, [3] each), and `angles` of door and lever (rad, [2]).
        """
        angles = self.angles(data)
        hook = data.xpos[self._tool] + HOLD * data.xmat[self._tool][2::3]
        apart = float(np.linalg.norm(hook - self.lever_point(angles[0], angles[1], LEVER)[0]))
        guide = CLOSENESS * min(apart, FAR), TURNING * (np.pi / 2 - angles[1])
        return {
            'achieved_goal': np.array([np.clip(angles[0], -OPEN, OPEN), *guide]),
            'desired_goal': self.desired.copy(),
            'handle': self.lever_point(0.0, 0.0, LEVER)[0],
            'frame': np.array(data.mocap_pos[self._frame]),
            'angles': angles,
        }

    def save(self) -> Any:
        """Where the door stands, too."""
        return super().save(), self.hinge.copy()

    def load(self, state: Any) -> None:
        """Goes back to what `save` gave."""
        desired, self.hinge = state[0], state[1].copy()
        super().load(desired)
