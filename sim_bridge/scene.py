# SPDX-License-Identifier: Apache-2.0
"""The part of a simulated scene that every task shares: physics, floor, arm, firmware, cameras."""

from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

from robot_rl.control.kinematics import arm_spec
from robot_rl.control.robot import GripperConfig, RobotConfig
from robot_rl.errors import InputError

COUPLING = (0.004, 1.0)  # time constant (s) and damping ratio of what holds fingers together
FOVY_DEG = 45.0  # of the cameras that a robot carries

# Contact sides: what the tool carries meets what stands around it, and loose objects meet both
# and each other. The arm itself meets nothing, since safety keeps the tool in a small sphere;
# that saves half of the collision time.
TOOL, SURROUNDINGS, OBJECT = 1, 2, 3


@dataclass(frozen=True)
class Physics:
    """How finely a scene is simulated, and how hard its contacts are.

    Attributes:
        timestep_s: s.
        solref: of contacts, time constant (s) and damping ratio.
        solimp: of contacts, see MuJoCo's manual.
        friction: sliding, torsion (m) and rolling (m) of tool and objects.
        firmware_s: s, of a cycle of the joint controller, in which it limits its push.
    """

    timestep_s: float = 0.001
    solref: tuple[float, float] = (0.002, 1.0)
    solimp: tuple[float, float, float, float, float] = (0.95, 0.999, 1e-4, 0.5, 2.0)
    friction: tuple[float, float, float] = (0.4, 0.001, 0.0001)
    firmware_s: float = 0.01

    def steps(self, control_hz: float) -> int:
        """Steps in one control period; an `InputError` where they do not fit into it."""
        steps, step_ms = round(1.0 / control_hz / self.timestep_s), 1000 * self.timestep_s
        if not abs(steps * step_ms * control_hz / 1000 - 1.0) < 1e-9:
            text = f'has no period of whole steps of {step_ms:g} ms, as the simulation needs'
            raise InputError(f'control_hz: {control_hz} {text}')
        return steps

    def surface(self, side: int) -> dict[str, Any]:
        """Contact parameters of a geom; side 0 for one that is only seen."""
        return {
            'contype': int(side in (TOOL, OBJECT)),
            'conaffinity': int(side in (SURROUNDINGS, OBJECT)),
            'condim': 4,
            'friction': self.friction,
            'solref': self.solref,
            'solimp': self.solimp,
        }


#: Tight fits: parts sink by a few um, not by the 0.2 mm of MuJoCo's defaults.
STIFF = Physics()
#: Loose objects on a table: twice the speed. They sink by 0.06 mm; with the 0.01 mm of an
#: impedance of 0.9, MuJoCo 3.11 takes edges for faces of boxes at rest, sees one deep in the other
#: and throws it (its issue 3476).
TABLE = Physics(0.002, (0.006, 1.0), (0.7, 0.99, 1e-3, 0.5, 2.0), (1.0, 0.005, 0.0002), 0.02)


def build(
    robot: RobotConfig, visuals: bool, physics: Physics = STIFF
) -> tuple[mujoco.MjSpec, mujoco.MjsBody]:
    """A scene with the arm in it, base frame at the origin.

    Args:
        robot: which arm.
        visuals: whether it is to be looked at; without, everything that only costs time is left
            out. Joints and their order are the same.
        physics: time step and contacts.

    Returns:
        the scene, and the body of the tool frame to which a task attaches what the tool holds.
    """
    scene = mujoco.MjSpec()
    scene.modelname = robot.name
    _set_physics(scene.option, physics)
    arm = arm_spec(robot, visuals, followers=True)
    _prepare_arm(arm, robot, visuals, physics)
    scene.attach(arm, frame=scene.worldbody.add_frame(), prefix='')
    if robot.command_mode == 'torque':
        _add_motors(scene, robot)
    else:
        _add_springs(scene, robot)
    scene.worldbody.add_site(name='ground', pos=[0.0, 0.0, -robot.base_height], group=4)
    if visuals:
        _add_looks(scene, -robot.base_height)
        _add_cameras(scene)
    return scene, scene.body(robot.tool_frame)


def _set_physics(option: mujoco.MjOption, physics: Physics) -> None:
    option.timestep = physics.timestep_s
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    option.impratio = 10.0


def _prepare_arm(arm: mujoco.MjSpec, robot: RobotConfig, visuals: bool, physics: Physics) -> None:
    """Sets weight compensation and which shapes collide."""
    carried = _carried_bodies(arm, robot)
    for body in arm.bodies:
        body.gravcomp = float(robot.low_level.gravity_compensation)
    for geom in list(arm.geoms):
        seen = geom.contype == 0 and geom.conaffinity == 0
        if not seen and geom.parent.name in carried:
            geom.contype, geom.conaffinity = TOOL, 0
            geom.solref, geom.solimp[:] = physics.solref, physics.solimp
            if robot.gripping:
                geom.condim, geom.friction = 4, physics.friction
            geom.group = 3
        elif not seen or not visuals:
            arm.delete(geom)


def _carried_bodies(arm: mujoco.MjSpec, robot: RobotConfig) -> set[str]:
    """Names of the bodies behind the wrist sensor."""
    bodies = [arm.body(wrist_body(arm, robot))]
    names = set()
    while bodies:
        body = bodies.pop()
        names.add(body.name)
        bodies.extend(body.bodies)
    return names


def wrist_body(arm: mujoco.MjSpec, robot: RobotConfig) -> str:
    """Name of the body on which the wrist sensor sits."""
    if robot.wrist:
        return robot.wrist
    body = arm.body(robot.tool_frame)
    while body.parent is not None and not body.parent.joints:
        body = body.parent
    return str(body.name)


def _add_springs(scene: mujoco.MjSpec, robot: RobotConfig) -> None:
    """A velocity interface per joint: kp (q_set - q) + kd (dq_set - dq), q_set integrates dq_set.

    Two actuators a joint, both driven by the commanded velocity: a spring to the integrated
    set-point, which is its activation, and a damper. MuJoCo limits their sum to the URDF's
    effort.
    """
    low = robot.low_level
    for name, stiffness in zip(robot.joints, low.stiffness, strict=True):
        spring = scene.add_actuator(name=f'{name}_spring', target=name)
        spring.trntype = mujoco.mjtTrn.mjTRN_JOINT
        spring.set_to_intvelocity(kp=stiffness)
    for name, damping in zip(robot.joints, low.damping, strict=True):
        damper = scene.add_actuator(name=f'{name}_damper', target=name)
        damper.trntype = mujoco.mjtTrn.mjTRN_JOINT
        damper.set_to_velocity(kv=damping)
    if robot.gripper and robot.gripping:
        _limit_fingers(scene, robot.gripper)


def _limit_fingers(scene: mujoco.MjSpec, gripper: GripperConfig) -> None:
    """Couples the fingers to the leading one, and bounds what each squeezes with."""
    for name, share in gripper.followers.items():
        equality = scene.add_equality(name=name, name1=name, name2=gripper.joint)
        equality.type = mujoco.mjtEq.mjEQ_JOINT
        equality.objtype = mujoco.mjtObj.mjOBJ_JOINT
        equality.data[1] = share
        equality.solref = COUPLING
    for name in (gripper.joint, *gripper.followers):
        scene.joint(name).armature = gripper.inertia
        if name != gripper.joint:
            spring = scene.add_actuator(name=f'{name}_spring', target=name)
            spring.trntype = mujoco.mjtTrn.mjTRN_JOINT
            spring.set_to_position(kp=gripper.stiffness, kv=gripper.damping)
        spring = scene.actuator(f'{name}_spring')
        spring.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
        spring.forcerange = [-gripper.force, gripper.force]


def _add_motors(scene: mujoco.MjSpec, robot: RobotConfig) -> None:
    """Torque straight to the joints, limited by the URDF's effort."""
    for name in robot.joints:
        motor = scene.add_actuator(name=f'{name}_motor', target=name)
        motor.trntype = mujoco.mjtTrn.mjTRN_JOINT
        motor.set_to_motor()


def _add_cameras(scene: mujoco.MjSpec) -> None:
    """A camera in each optical frame of the URDF, under the frame's name (REP-103: z ahead)."""
    for body in scene.bodies:
        if body.name.endswith('_optical_frame'):
            # MuJoCo's cameras look along -z with y up.
            body.add_camera(name=body.name, quat=[0, 1, 0, 0], fovy=FOVY_DEG)


def _add_looks(scene: mujoco.MjSpec, floor_z: float) -> None:
    visual = scene.visual
    visual.global_.offwidth, visual.global_.offheight = 1920, 1080
    visual.map.znear, visual.map.zfar = 0.005, 10.0
    visual.headlight.ambient[:] = 0.35
    visual.headlight.diffuse[:] = 0.35
    visual.headlight.specular[:] = 0.1
    visual.quality.shadowsize = 2048
    scene.stat.extent, scene.stat.center = 1.0, np.array([0.4, 0.0, 0.1])
    world = scene.worldbody
    world.add_light(pos=[1.5, -1.5, 2.5], dir=[-0.45, 0.5, -0.75], diffuse=[0.6, 0.6, 0.6])
    scene.add_texture(
        name='floor',
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=[0.80, 0.81, 0.83],
        rgb2=[0.74, 0.75, 0.78],
        width=512,
        height=512,
    )
    scene.add_texture(
        name='sky',
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.93, 0.94, 0.96],
        rgb2=[0.70, 0.74, 0.80],
        width=256,
        height=256,
    )
    material = scene.add_material(name='floor', texrepeat=[8, 8])
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = 'floor'
    world.add_geom(
        name='floor',
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[4, 4, 0.1],
        pos=[0, 0, floor_z],
        material='floor',
        contype=0,
        conaffinity=0,
    )
    world.add_camera(
        name='overview', pos=[1.75, -1.15, 0.75], xyaxes=look(1.75, -1.15, 0.75, 0.35, 0.0, 0.12)
    )


def look(x: float, y: float, z: float, at_x: float, at_y: float, at_z: float) -> list[float]:
    """The x and y axes of a camera at one point that looks at another, upright."""
    back = np.array([x - at_x, y - at_y, z - at_z])
    right = np.cross([0.0, 0.0, 1.0], back)
    up = np.cross(back, right)
    return [*(right / np.linalg.norm(right)), *(up / np.linalg.norm(up))]
