# SPDX-License-Identifier: Apache-2.0
"""USB insertion: the gripper holds a plug 5 cm above its socket (Nair 2022, section 6.3).

All geometry is in the frame of the inserted tool: the tool frame `tool0` at the goal, z into the
socket. The plug is fixed in the gripper, the socket on the table; the goal's noise is not the
world's, it is in what the robot believes.
"""

from collections.abc import Iterator

import mujoco
import numpy as np

from robot_rl.types import FloatArray
from sim_bridge.scene import STIFF, SURROUNDINGS, TOOL, look
from sim_bridge.tasks.task import Start, Task

# Plug, m: USB type A.
PLUG_HALF = np.array([0.006, 0.00225])  # half width x and thickness y of the metal shell
CORNER = 0.0002  # radius of the shell's edges
GRIP_HALF = np.array([0.008, 0.004, 0.010])  # plastic body between the fingers
SHELL_Z, TIP_Z = 0.012, 0.024  # where the shell starts and ends

# Socket, m.
DEPTH = 0.011  # from its face to its ground
CLEARANCE = 0.0003  # on each side of the centred plug
CHAMFER = 0.0003  # width and depth of the lead-in, at 45 degrees
WALL = 0.008  # how far the housing reaches beyond the opening
HEIGHT = 0.030  # of the housing over the table

START_HEIGHT = 0.05  # m above the goal
START_JITTER = np.array([0.004, 0.004, 0.004])  # m, uniform in [-j, j]
PIN_TRAVEL = 0.001  # m before full depth, where the pins begin to touch


class UsbInsertion(Task):
    """The plug, the socket, and what counts as plugged in; the goal is the inserted tool's."""

    # ---- scene ---------------------------------------------------------------------------

    def add_to(self, scene: mujoco.MjSpec, tool: mujoco.MjsBody, visuals: bool) -> None:
        """Puts the plug into the gripper and the socket on the table."""
        self._add_plug(tool, visuals)
        quat = np.zeros(4)
        mujoco.mju_mat2Quat(quat, self.goal_rotation.ravel())
        socket = scene.worldbody.add_body(name='socket', pos=self.goal_xyz, quat=quat)
        for centre, half, turn in socket_boxes():
            colour = [0.16, 0.17, 0.20, 1.0] if turn is None else [0.62, 0.63, 0.66, 1.0]
            geom = add_box(socket, centre, half, colour, SURROUNDINGS)
            if turn is not None:
                geom.quat = turn
        self._add_table(scene, visuals)

    def _add_plug(self, tool: mujoco.MjsBody, visuals: bool) -> None:
        plug = tool.add_body(name='plug', mass=0.02, inertia=[3e-6] * 3, ipos=[0, 0, 0.006])
        plug.explicitinertial = True
        plug.gravcomp = tool.gravcomp
        for x in (-1, 1):
            for y in (-1, 1):
                corner = np.array([x, y]) * (PLUG_HALF - CORNER)
                plug.add_geom(
                    type=mujoco.mjtGeom.mjGEOM_CAPSULE,
                    fromto=[*corner, SHELL_Z, *corner, TIP_Z - CORNER],
                    size=[CORNER, 0, 0],
                    rgba=[0.75, 0.76, 0.78, 1.0],
                    group=3,
                    **STIFF.surface(TOOL),
                )
        if visuals:
            shell = np.array([*PLUG_HALF, (TIP_Z - SHELL_Z) / 2])
            add_box(plug, [0, 0, (TIP_Z + SHELL_Z) / 2], shell, [0.78, 0.79, 0.81, 1.0], 0)
        centre = [0, 0, SHELL_Z - GRIP_HALF[2]]
        add_box(plug, centre, GRIP_HALF, [0.92, 0.92, 0.94, 1.0], TOOL)

    def _add_table(self, scene: mujoco.MjSpec, visuals: bool) -> None:
        face = self.goal_xyz[2] - TIP_Z + DEPTH
        top = face - HEIGHT
        x, y = self.goal_xyz[:2]
        world = scene.worldbody
        board = [x + 0.1, y, top - 0.02]
        add_box(world, board, [0.30, 0.45, 0.02], [0.78, 0.70, 0.58, 1.0], SURROUNDINGS)
        if visuals:
            floor_z = float(scene.geom('floor').pos[2])
            leg = (top - 0.04 - floor_z) / 2
            for dx in (-0.15, 0.35):
                for dy in (-0.4, 0.4):
                    centre = [x + dx, y + dy, floor_z + leg]
                    add_box(world, centre, [0.02, 0.02, leg], [0.35, 0.35, 0.38, 1.0], 0)
            eye = (x + 0.13, y - 0.14, face + 0.075)
            axes = look(*eye, x, y, face + 0.012)
            world.add_camera(name='closeup', pos=eye, xyaxes=axes, fovy=30)

    # ---- reset ---------------------------------------------------------------------------

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Start:
        """Starts above the socket."""
        height = np.array([0.0, 0.0, START_HEIGHT])
        return Start(self.goal_xyz + height + rng.uniform(-START_JITTER, START_JITTER))

    # ---- privileged state ----------------------------------------------------------------

    def privileged(self, tool_xyz: FloatArray, tool_rotation: FloatArray) -> dict[str, FloatArray]:
        """What no sensor gives: the plug's tip in the frame of the socket.

        Returns:
            `tip_from_socket`: m, shape [3], x and y across, z depth below the face;
            `tilt`: rad, between the axes of plug and socket, shape [1].
        """
        tip = tool_xyz + tool_rotation[:, 2] * TIP_Z
        across = self.goal_rotation.T @ (tip - self.goal_xyz)
        across[2] -= TIP_Z - DEPTH
        cosine = float(np.clip(tool_rotation[:, 2] @ self.goal_rotation[:, 2], -1.0, 1.0))
        return {'tip_from_socket': across, 'tilt': np.array([np.arccos(cosine)])}

    # ---- success -------------------------------------------------------------------------

    def contact(self, tool_xyz: FloatArray, tool_rotation: FloatArray) -> bool:
        """Whether the pins touch: at depth, and inside the opening (Nair 2022, eq. 25)."""
        tip = self.privileged(tool_xyz, tool_rotation)['tip_from_socket']
        inside = bool((np.abs(tip[:2]) < CLEARANCE + CORNER).all())
        return inside and bool(tip[2] > DEPTH - PIN_TRAVEL)


def socket_boxes() -> Iterator['Box']:
    """Centre, half size and turn of the boxes around the opening.

    Per side a wall below the lead-in, the lead-in itself as a tilted box whose face runs from
    the housing's face to the wall, and the housing beside it; then the ground.
    """
    face, ground = TIP_Z - DEPTH, TIP_Z
    bottom = face + HEIGHT
    opening = PLUG_HALF + CLEARANCE
    edge, outer = opening + CHAMFER, opening + WALL
    for axis in (0, 1):
        across = outer[1] if axis == 0 else edge[0]  # no two boxes share a face
        for side in (-1.0, 1.0):
            wall = (opening[axis], outer[axis])
            yield _side(axis, side, wall, across, (face + CHAMFER, bottom))
            yield _side(axis, side, (edge[axis], outer[axis]), across, (face, face + CHAMFER))
            yield _lead_in(axis, side, opening, face)
    middle = np.array([0.0, 0.0, (ground + bottom) / 2])
    yield middle, np.array([*edge, (bottom - ground) / 2]), None


Span = tuple[float, float]
Box = tuple[FloatArray, FloatArray, FloatArray | None]


def _side(axis: int, side: float, span: Span, across: float, depth: Span) -> Box:
    centre = np.array([0.0, 0.0, sum(depth) / 2])
    half = np.array([across, across, (depth[1] - depth[0]) / 2])
    centre[axis] = side * sum(span) / 2
    half[axis] = (span[1] - span[0]) / 2
    return centre, half, None


def _lead_in(axis: int, side: float, opening: FloatArray, face: float) -> Box:
    """A box whose upper face runs at 45 degrees from the housing's face to the wall."""
    thickness = 0.001
    inwards = np.array([0.0, 0.0, np.sqrt(0.5)])  # from the face into the material
    inwards[axis] = side * np.sqrt(0.5)
    centre = np.array([0.0, 0.0, face + CHAMFER / 2]) + inwards * thickness / 2
    centre[axis] += side * (opening[axis] + CHAMFER / 2)
    half = np.full(3, CHAMFER * np.sqrt(0.5))
    half[1 - axis] = opening[1 - axis] + CHAMFER
    half[2] = thickness / 2
    axle = np.zeros(3)
    axle[1 - axis] = side if axis == 0 else -side
    turn = np.zeros(4)
    mujoco.mju_axisAngle2Quat(turn, axle, np.pi / 4)
    return centre, half, turn


def add_box(
    body: mujoco.MjsBody, centre: object, half: object, rgba: list[float], side: int
) -> mujoco.MjsGeom:
    """A box with the surface of the connector."""
    kind = mujoco.mjtGeom.mjGEOM_BOX
    return body.add_geom(type=kind, pos=centre, size=half, rgba=rgba, **STIFF.surface(side))
