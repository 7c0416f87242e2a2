# SPDX-License-Identifier: Apache-2.0
"""Frame, panel, lever and latch of a door, and a hook to open it with.

The bolt is a body of its own: the lever draws it out of the strike, whose two cheeks hold it
until then. Nothing but geometry decides when the door is free.
"""

import math

import mujoco
import numpy as np

from sim_bridge.scene import COUPLING, SURROUNDINGS, TOOL, Physics
from sim_bridge.tasks.objects import STEEL, Colour, Part

# Door, m and rad. Its frame: the hinge's axis at the lever's height, z up, the panel along -y.
WIDTH, HEIGHT, THICK = 0.70, 2.0, 0.04
PANEL_MASS = 12.0  # kg
LEVER_HEIGHT = 1.05  # over the floor of the house
SPINDLE = 0.06  # of the lever's axis from the door's free edge
LEVER, LEVER_RADIUS = 0.13, 0.010  # length towards the hinge
STAND = 0.065  # of the lever's middle from the panel
GAP = 0.004  # between panel and frame

# Latch, m: the bolt reaches so far into the strike, and the lever draws it out on 60 degrees.
BOLT = 0.016
BOLT_HALF = (0.006, 0.03, 0.010)
DRAW = BOLT / np.radians(60.0)  # m/rad
PLAY = 0.0015  # on each side of the bolt

# Hook, m, along the tool's z: a rod with a disc at its end.
ROD_RADIUS, ROD_END = 0.007, 0.10
HOLD = 0.072  # where the lever's middle should lie on the rod, the disc behind it
DISC_RADIUS, DISC_HALF = 0.022, 0.006
LATCH = 4  # contact bit of bolt and strike, which meet nothing else

_PANEL: Colour = (0.66, 0.47, 0.32, 1.0)
_FRAME: Colour = (0.90, 0.89, 0.86, 1.0)
_BLACK: Colour = (0.16, 0.17, 0.20, 1.0)


def add_hook(tool: mujoco.MjsBody, physics: Physics) -> None:
    """Puts the hook into the gripper."""
    hook = tool.add_body(name='hook')
    hook.gravcomp = tool.gravcomp
    rod = (ROD_RADIUS, ROD_END / 2)
    for part in (
        Part('box', (0.008, 0.004, 0.010), colour=_BLACK, density=1000.0),
        Part('cylinder', rod, (0.0, 0.0, ROD_END / 2), colour=STEEL, density=2700.0),
        Part('cylinder', (DISC_RADIUS, DISC_HALF), (0.0, 0.0, ROD_END), colour=STEEL),
    ):
        part.add_to(hook, physics, TOOL)


def add_frame(frame: mujoco.MjsBody, physics: Physics) -> None:
    """Gives the frame two posts, a lintel, and the strike's two cheeks."""
    low, high = -LEVER_HEIGHT, HEIGHT - LEVER_HEIGHT
    middle, half = (low + high + 0.08) / 2, (high - low + 0.08) / 2
    for y in (0.04 + GAP, -WIDTH - GAP - 0.04):
        post = Part('box', (0.05, 0.04, half), (0.0, y, middle), colour=_FRAME)
        post.add_to(frame, physics, SURROUNDINGS)
    lintel = 0.0, -WIDTH / 2, high + GAP + 0.04
    Part('box', (0.05, WIDTH / 2, 0.04), lintel, colour=_FRAME).add_to(frame, physics, 0)
    for way in (-1.0, 1.0):
        x = way * (BOLT_HALF[0] + PLAY + 0.01)
        cheek = Part('box', (0.01, BOLT / 2, 0.03), (x, -WIDTH - GAP - BOLT / 2, 0.0))
        _latching(cheek.add_to(frame, physics, 0), conaffinity=LATCH)


def add_panel(door: mujoco.MjsBody, physics: Physics) -> None:
    """Hangs the door, which opens both ways and which a light spring closes."""
    door.add_joint(
        name='door',
        axis=[0.0, 0.0, 1.0],
        range=[-90.0, 90.0],  # MjSpec counts in degrees
        limited=True,
        stiffness=3.0,
        damping=4.0,
    )
    size = THICK / 2, WIDTH / 2, HEIGHT / 2
    at = 0.0, -WIDTH / 2, HEIGHT / 2 - LEVER_HEIGHT
    panel = Part('box', size, at, colour=_PANEL, density=PANEL_MASS / (8 * math.prod(size)))
    panel.add_to(door, physics, SURROUNDINGS)


def add_handle(scene: mujoco.MjSpec, door: mujoco.MjsBody, physics: Physics) -> None:
    """Adds the lever with its spring, and the bolt that it draws."""
    handle = door.add_body(name='handle', pos=[0.0, SPINDLE - WIDTH, 0.0])
    handle.add_joint(
        name='handle',
        axis=[-1.0, 0.0, 0.0],
        range=[0.0, 90.0],
        limited=True,
        stiffness=0.6,
        springref=-20.0,
        damping=0.05,
        armature=0.002,
    )
    out = -(THICK / 2 + STAND)
    across, along = (0.0, np.pi / 2, 0.0), (np.pi / 2, 0.0, 0.0)
    spindle, lever = (0.011, STAND / 2), (LEVER_RADIUS, LEVER / 2)
    for part in (
        Part('cylinder', spindle, (out + STAND / 2, 0.0, 0.0), across, STEEL, 2700.0),
        Part('capsule', lever, (out, LEVER / 2, 0.0), along, STEEL, 2700.0),
    ):
        part.add_to(handle, physics, SURROUNDINGS)
    _add_bolt(scene, door, physics)


def _add_bolt(scene: mujoco.MjSpec, door: mujoco.MjsBody, physics: Physics) -> None:
    bolt = door.add_body(name='bolt', pos=[0.0, -WIDTH - GAP - BOLT + BOLT_HALF[1], 0.0])
    slide = mujoco.mjtJoint.mjJNT_SLIDE
    # The armature makes the link to the lever stiff against the bolt's friction.
    bolt.add_joint(name='bolt', type=slide, axis=[0.0, 1.0, 0.0], armature=0.5)
    tongue = Part('box', BOLT_HALF, colour=STEEL, density=7800.0)
    _latching(tongue.add_to(bolt, physics, 0), contype=LATCH)
    link = scene.add_equality(name='latch', name1='bolt', name2='handle')
    link.type = mujoco.mjtEq.mjEQ_JOINT
    link.objtype = mujoco.mjtObj.mjOBJ_JOINT
    link.data[1] = DRAW
    link.solref = COUPLING


def _latching(geom: mujoco.MjsGeom, contype: int = 0, conaffinity: int = 0) -> None:
    geom.contype, geom.conaffinity = contype, conaffinity
    geom.friction = [0.1, 0.001, 0.0001]
