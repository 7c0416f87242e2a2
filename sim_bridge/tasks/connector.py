# SPDX-License-Identifier: Apache-2.0
"""Plugs and sockets: their measures, and the boxes that a socket is made of.

All geometry is in the frame of the inserted tool: the tool frame `tool0` at the goal, z into the
socket.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import mujoco
import numpy as np

from robot_rl.types import FloatArray


@dataclass(frozen=True)
class Connector:
    """A plug and its socket; as it stands here, USB type A.

    Attributes:
        plug_half: m, half width x and thickness y of the plug.
        corner: m, radius of its edges.
        slant: rad, by which its sides lean outwards towards +y, as those of a D do.
        groove: m, width of the groove that parts it in two along x, where a rib of the socket
            goes; 0 for none.
        grip_half: m, half sizes of the body between the fingers.
        shell_z: m, where the plug leaves that body.
        tip_z: m, where it ends.
        depth: m, from the socket's face to its ground.
        clearance: m, on each side of the centred plug.
        chamfer: m, width and depth of the lead-in, at 45 degrees.
        wall: m, how far the housing reaches beyond the opening.
        height: m, of the housing over the table.
        friction: of plug on socket.
        spring: N, least and greatest force of the spring contacts; each piece has its own.
        spring_travel: m, over which they push back, up to the full depth.
        pin_travel: m before full depth, where the pins begin to touch.
    """

    plug_half: tuple[float, float] = (0.006, 0.00225)
    corner: float = 0.0002
    slant: float = 0.0
    groove: float = 0.0
    grip_half: tuple[float, float, float] = (0.008, 0.004, 0.010)
    shell_z: float = 0.012
    tip_z: float = 0.024
    depth: float = 0.011
    clearance: float = 0.0003
    chamfer: float = 0.0003
    wall: float = 0.008
    height: float = 0.030
    friction: float = 0.4
    spring: tuple[float, float] = (0.0, 0.0)
    spring_travel: float = 0.004
    pin_travel: float = 0.001

    def __post_init__(self) -> None:
        """Refuses what does not fit together."""
        if not min(*self.plug_half, self.corner, self.clearance, self.chamfer, self.depth) > 0:
            raise ValueError('connector: plug, corner, clearance, chamfer, depth: expected > 0')
        if not 0 < self.pin_travel <= self.spring_travel < self.depth < self.height:
            raise ValueError('connector: expected pin_travel <= spring_travel < depth < height')
        if not 0 <= self.spring[0] <= self.spring[1]:
            raise ValueError(f'connector: spring: expected 0 <= least <= most, got {self.spring}')
        if not 0 <= self.slant < 0.5 or not self.friction >= 0:
            raise ValueError(
                'connector: expected slant in [0, 0.5) rad, and friction of 0 or more'
            )
        if self.groove and not 2 * self.rib > 5 * self.chamfer:
            raise ValueError('connector: groove: too narrow for a rib with lead-ins')

    @property
    def face_z(self) -> float:
        """Where the socket's face is."""
        return self.tip_z - self.depth

    @property
    def rib(self) -> float:
        """Half width of the rib in the groove, m."""
        return self.groove / 2 - self.clearance

    @property
    def opening(self) -> FloatArray:
        """Half sizes of the socket's opening, that along x in its middle, m, shape [2]."""
        x, y = self.plug_half
        return np.array([x + self.clearance / np.cos(self.slant), y + self.clearance])

    def edges(self) -> Iterator[FloatArray]:
        """Centres of the plug's rounded edges, [2] each."""
        x, y = self.plug_half
        lean = np.tan(self.slant)
        for side in (-1, 1):
            for end in (-1, 1):
                across = end * (y - self.corner)
                reach = x - self.corner / np.cos(self.slant)
                yield np.array([side * (reach + across * lean), across])
                if self.groove:
                    yield np.array([side * (self.groove / 2 + self.corner), across])


Span = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A box of the socket.

    Attributes:
        centre: m, shape [3].
        half: m, half sizes, shape [3].
        turn: quaternion of its axes, shape [4]; none for upright.
        bright: whether it is to be seen as metal.
    """

    centre: FloatArray
    half: FloatArray
    turn: FloatArray | None = None
    bright: bool = False

    def turned(self, about: FloatArray, angle: float) -> 'Box':
        """The same after a turn about an axis along z through a point [3], rad."""
        if angle == 0.0:
            return self
        quat, turn, centre = np.zeros(4), np.zeros(4), np.zeros(3)
        mujoco.mju_axisAngle2Quat(quat, np.array([0.0, 0.0, 1.0]), angle)
        mujoco.mju_rotVecQuat(centre, self.centre - about, quat)
        mujoco.mju_mulQuat(
            turn, quat, np.array([1.0, 0, 0, 0]) if self.turn is None else self.turn
        )
        return Box(about + centre, self.half, turn, self.bright)


def socket_boxes(connector: Connector) -> Iterator[Box]:
    """The boxes around the opening.

    Per side a wall below the lead-in, the lead-in itself as a tilted box whose face runs from
    the housing's face to the wall, and the housing beside it; then the ground, and the rib.
    """
    c = connector
    face, ground, bottom = c.face_z, c.tip_z, c.face_z + c.height
    opening, lean = c.opening, np.tan(c.slant)
    outer = opening + c.wall
    edge = opening + c.chamfer + [outer[1] * lean, 0.0]
    for axis in (0, 1):
        across = outer[1] if axis == 0 else edge[0]  # no two boxes share a face
        inner = opening[axis] + c.chamfer
        for side in (-1.0, 1.0):
            about = np.array([side * opening[0], 0.0, 0.0])
            angle = -side * c.slant if axis == 0 else 0.0
            wall = (opening[axis], outer[axis])
            for box in (
                _side(axis, side, wall, across, (face + c.chamfer, bottom)),
                _side(axis, side, (inner, outer[axis]), across, (face, face + c.chamfer)),
                _lead_in(c, axis, side, opening[axis], edge[1 - axis]),
            ):
                yield box.turned(about, angle)
    middle = np.array([0.0, 0.0, (ground + bottom) / 2])
    yield Box(middle, np.array([*edge, (bottom - ground) / 2]))
    if c.groove:
        yield from _rib(c, edge[1], bottom)


def shell_boxes(c: Connector) -> Iterator[Box]:
    """The boxes that the plug is seen as: its prongs, and the slanted sides of a D."""
    x, y = c.plug_half
    lean, middle, half = y * np.tan(c.slant), (c.tip_z + c.shell_z) / 2, (c.tip_z - c.shell_z) / 2
    if c.groove:
        for side in (-1.0, 1.0):
            yield _side(0, side, (c.groove / 2, x), y, (c.shell_z, c.tip_z))
        return
    yield Box(np.array([0.0, 0.0, middle]), np.array([x - lean, y, half]))
    for side in (-1.0, 1.0):
        about = np.array([side * x, 0.0, 0.0])
        flank = Box(
            np.array([side * (x - lean), 0.0, middle]), np.array([lean, y / np.cos(c.slant), half])
        )
        if lean:
            yield flank.turned(about, -side * c.slant)


def _rib(c: Connector, across: float, bottom: float) -> Iterator[Box]:
    """What goes into the plug's groove, with a lead-in on either side."""
    for side in (-1.0, 1.0):
        yield _side(0, side, (0.0, c.rib), across, (c.face_z + c.chamfer, bottom))
        top = (c.face_z, c.face_z + c.chamfer)
        yield _side(0, side, (0.0, c.rib - c.chamfer), across, top)
        yield _lead_in(c, 0, side, c.rib, across, into=-1.0)


def _side(axis: int, side: float, span: Span, across: float, depth: Span) -> Box:
    centre = np.array([0.0, 0.0, sum(depth) / 2])
    half = np.array([across, across, (depth[1] - depth[0]) / 2])
    centre[axis] = side * sum(span) / 2
    half[axis] = (span[1] - span[0]) / 2
    return Box(centre, half)


def _lead_in(
    c: Connector, axis: int, side: float, wall: float, across: float, into: float = 1.0
) -> Box:
    """A box whose upper face runs at 45 degrees from the housing's face to a wall.

    Args:
        c: the connector.
        axis: across the wall.
        side: of the opening's middle on which it stands.
        wall: m, how far it is from there.
        across: m, half length of the box along the wall.
        into: 1 where the material is behind the wall, -1 where it is before it.
    """
    thickness = 0.001
    inwards = np.array([0.0, 0.0, np.sqrt(0.5)])  # from the face into the material
    inwards[axis] = into * side * np.sqrt(0.5)
    centre = np.array([0.0, 0.0, c.face_z + c.chamfer / 2]) + inwards * thickness / 2
    centre[axis] += side * (wall + into * c.chamfer / 2)
    half = np.full(3, c.chamfer * np.sqrt(0.5))
    half[1 - axis] = across
    half[2] = thickness / 2
    axle = np.zeros(3)
    axle[1 - axis] = into * side if axis == 0 else -side
    turn = np.zeros(4)
    mujoco.mju_axisAngle2Quat(turn, axle, np.pi / 4)
    return Box(centre, half, turn, bright=True)
