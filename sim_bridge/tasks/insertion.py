# SPDX-License-Identifier: Apache-2.0
"""Insertion: the gripper holds a plug 5 cm above its socket (Nair 2022, section 6.3).

Three connectors, each tighter than the one before: USB, D-Sub, Model-E. The plug is fixed in the
gripper, the socket on the table; the goal's noise is not the world's, it is in what the robot
believes.
"""

from dataclasses import dataclass

import mujoco
import numpy as np

from robot_rl.types import FloatArray
from sim_bridge.scene import STIFF, SURROUNDINGS, TOOL, look
from sim_bridge.tasks.connector import Connector, shell_boxes, socket_boxes
from sim_bridge.tasks.task import Start, Task

START_HEIGHT = 0.05  # m above the goal
START_JITTER = np.array([0.004, 0.004, 0.004])  # m, uniform in [-j, j]
FRONT = 0.16, 0.19  # m, aside of the socket and above its face: the camera of image tasks
SPRUNG_MASS = 0.1  # kg, of the spring contacts
SPRUNG_DAMPING = 20.0  # N s/m
DARK, METAL, BRASS = [0.16, 0.17, 0.20, 1.0], [0.62, 0.63, 0.66, 1.0], [0.80, 0.66, 0.30, 1.0]


class Insertion(Task):
    """A plug, its socket, and what counts as plugged in; the goal is the inserted tool's.

    `options` are the connector.
    """

    Options = Connector

    # ---- scene ---------------------------------------------------------------------------

    def add_to(self, scene: mujoco.MjSpec, tool: mujoco.MjsBody, visuals: bool) -> None:
        """Puts the plug into the gripper and the socket on the table."""
        self._add_plug(tool, visuals)
        quat = np.zeros(4)
        mujoco.mju_mat2Quat(quat, self.goal_rotation.ravel())
        socket = scene.worldbody.add_body(name='socket', pos=self.goal_xyz, quat=quat)
        for box in socket_boxes(self.options):
            colour = METAL if box.bright else DARK
            geom = self._add_box(socket, box.centre, box.half, colour, SURROUNDINGS)
            if box.turn is not None:
                geom.quat = box.turn
        if self.options.spring[1]:
            self._add_spring(socket)
        self._add_table(scene, visuals)

    def _add_plug(self, tool: mujoco.MjsBody, visuals: bool) -> None:
        c = self.options
        plug = tool.add_body(name='plug', mass=0.02, inertia=[3e-6] * 3, ipos=[0, 0, 0.006])
        plug.explicitinertial = True
        plug.gravcomp = tool.gravcomp
        for edge in c.edges():
            plug.add_geom(
                type=mujoco.mjtGeom.mjGEOM_CAPSULE,
                fromto=[*edge, c.shell_z, *edge, c.tip_z - c.corner],
                size=[c.corner, 0, 0],
                rgba=[0.75, 0.76, 0.78, 1.0],
                group=3,
                **self._surface(TOOL),
            )
        if visuals:
            self._add_shell(plug)
        centre = [0, 0, c.shell_z - c.grip_half[2]]
        self._add_box(plug, centre, c.grip_half, [0.92, 0.92, 0.94, 1.0], TOOL)

    def _add_shell(self, plug: mujoco.MjsBody) -> None:
        """What is seen of the plug."""
        c = self.options
        for box in shell_boxes(c):
            geom = self._add_box(plug, box.centre, box.half, [0.78, 0.79, 0.81, 1.0], 0)
            if box.turn is not None:
                geom.quat = box.turn

    def _add_spring(self, socket: mujoco.MjsBody) -> None:
        """A plate in the socket that the plug pushes down the last part of its way."""
        c = self.options
        plate = socket.add_body(name='contacts', mass=SPRUNG_MASS, inertia=[1e-6] * 3)
        plate.explicitinertial, plate.gravcomp = True, 1.0
        plate.add_joint(
            name='contacts',
            type=mujoco.mjtJoint.mjJNT_SLIDE,
            axis=[0, 0, 1],
            range=[0.0, c.spring_travel],
            damping=SPRUNG_DAMPING,
            solref_limit=STIFF.solref,
            solimp_limit=STIFF.solimp,
        )
        half = np.array([*c.opening, 0.001])
        self._add_box(plate, [0, 0, c.tip_z - c.spring_travel + 0.001], half, BRASS, SURROUNDINGS)

    def _add_table(self, scene: mujoco.MjSpec, visuals: bool) -> None:
        face = self.goal_xyz[2] - self.options.tip_z + self.options.depth
        top = face - self.options.height
        x, y = self.goal_xyz[:2]
        world = scene.worldbody
        board = [x + 0.1, y, top - 0.02]
        self._add_box(world, board, [0.30, 0.45, 0.02], [0.78, 0.70, 0.58, 1.0], SURROUNDINGS)
        if visuals:
            floor_z = float(scene.geom('floor').pos[2])
            leg = (top - 0.04 - floor_z) / 2
            for dx in (-0.15, 0.35):
                for dy in (-0.4, 0.4):
                    centre = [x + dx, y + dy, floor_z + leg]
                    self._add_box(world, centre, [0.02, 0.02, leg], [0.35, 0.35, 0.38, 1.0], 0)
            eye = (x + 0.13, y - 0.14, face + 0.075)
            axes = look(*eye, x, y, face + 0.012)
            world.add_camera(name='closeup', pos=eye, xyaxes=axes, fovy=30)
            eye = (x + FRONT[0], y - FRONT[0], face + FRONT[1])
            axes = look(*eye, x, y, face + 0.012)
            world.add_camera(name='front', pos=eye, xyaxes=axes, fovy=10)

    def _add_box(
        self, body: mujoco.MjsBody, centre: object, half: object, rgba: list[float], side: int
    ) -> mujoco.MjsGeom:
        kind = mujoco.mjtGeom.mjGEOM_BOX
        return body.add_geom(type=kind, pos=centre, size=half, rgba=rgba, **self._surface(side))

    def _surface(self, side: int) -> dict[str, object]:
        return STIFF.surface(side) | {'friction': (self.options.friction, *STIFF.friction[1:])}

    def bind(self, model: mujoco.MjModel) -> None:
        """Finds the spring contacts."""
        self._spring = model.joint('contacts').dofadr[0] if self.options.spring[1] else None

    # ---- reset ---------------------------------------------------------------------------

    def show_goal(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """The plug in its socket."""
        return Start(self.goal_xyz)

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Starts above the socket; its springs are as stiff as this piece has them."""
        height = np.array([0.0, 0.0, START_HEIGHT])
        start = Start(self.goal_xyz + height + rng.uniform(-START_JITTER, START_JITTER))
        if self._spring is not None:
            data.qfrc_applied[self._spring] = -rng.uniform(*self.options.spring)
        return start

    # ---- privileged state ----------------------------------------------------------------

    def privileged(self, tool_xyz: FloatArray, tool_rotation: FloatArray) -> dict[str, FloatArray]:
        """What no sensor gives: the plug's tip in the frame of the socket.

        Returns:
            `tip_from_socket`: m, shape [3], x and y across, z depth below the face;
            `tilt`: rad, between the axes of plug and socket, shape [1].
        """
        c = self.options
        tip = tool_xyz + tool_rotation[:, 2] * c.tip_z
        across = self.goal_rotation.T @ (tip - self.goal_xyz)
        across[2] -= c.tip_z - c.depth
        cosine = float(np.clip(tool_rotation[:, 2] @ self.goal_rotation[:, 2], -1.0, 1.0))
        return {'tip_from_socket': across, 'tilt': np.array([np.arccos(cosine)])}

    # ---- success -------------------------------------------------------------------------

    def contact(self, tool_xyz: FloatArray, tool_rotation: FloatArray) -> bool:
        """Whether the pins touch: at depth, and inside the opening (Nair 2022, eq. 25)."""
        c = self.options
        tip = self.privileged(tool_xyz, tool_rotation)['tip_from_socket']
        inside = bool((np.abs(tip[:2]) < c.clearance + c.corner).all())
        return inside and bool(tip[2] > c.depth - c.pin_travel)


@dataclass(frozen=True)
class DSub(Connector):
    """D-Sub with nine pins: a D, tighter than USB, and springs in its contacts."""

    plug_half: tuple[float, float] = (0.0085, 0.0042)
    slant: float = 0.17
    grip_half: tuple[float, float, float] = (0.010, 0.004, 0.010)
    clearance: float = 0.0002
    chamfer: float = 0.0005
    depth: float = 0.008
    friction: float = 0.45
    spring: tuple[float, float] = (2.0, 7.0)


class DSubInsertion(Insertion):
    """D-Sub: the edges of a D to align, and some force."""

    Options = DSub


@dataclass(frozen=True)
class ModelE(Connector):
    """A waterproof connector: two prongs with a rib between them, and a seal."""

    plug_half: tuple[float, float] = (0.0090, 0.0050)
    groove: float = 0.005
    grip_half: tuple[float, float, float] = (0.010, 0.004, 0.010)
    clearance: float = 0.00015
    chamfer: float = 0.0008
    friction: float = 0.3
    spring: tuple[float, float] = (4.0, 38.0)


class ModelEInsertion(Insertion):
    """Model-E: most edges, and so much force that some pieces need more than the base's."""

    Options = ModelE
