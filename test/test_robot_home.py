# SPDX-License-Identifier: Apache-2.0
"""Every robot at home: free of collision, tool down, cameras where the URDF has them."""

import math

import mujoco
import numpy as np
import pytest

from robot_rl.control.kinematics import Kinematics, arm_spec
from robot_rl.control.robot import load_robot
from sim_bridge import scene as scenes

ROBOTS = ('sawyer', 'fetch', 'jaco', 'jaco_j2n6s300')


@pytest.fixture(params=ROBOTS)
def name(request):
    return request.param


# ---- home ------------------------------------------------------------------------------------


def collisions(robot, position):
    """Pairs of links that touch although no single joint lies between them; floor included."""
    spec = arm_spec(robot)
    for geom in spec.geoms:
        geom.contype = geom.conaffinity = 1
    spec.worldbody.add_geom(
        name='floor',
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[3, 3, 0.1],
        pos=[0, 0, -robot.base_height],
    )
    model = spec.compile()
    data = mujoco.MjData(model)
    for joint, value in zip(robot.joints, position, strict=True):
        data.joint(joint).qpos[:] = value
    mujoco.mj_forward(model, data)
    weld = model.body_weldid
    found = set()
    for contact in data.contact[: data.ncon]:
        pair = [int(weld[model.geom_bodyid[geom]]) for geom in contact.geom]
        above = [int(weld[model.body_parentid[body]]) for body in pair]
        if pair[0] not in (pair[1], above[1]) and pair[1] != above[0]:
            found.add(tuple(model.body(model.geom_bodyid[g]).name for g in contact.geom))
    return found


def test_home_is_free_of_collision(name):
    robot = load_robot(name)
    assert collisions(robot, robot.home) == set()


def test_the_collision_check_can_fail():
    robot = load_robot('fetch')
    folded = [0.0, 1.5, 0.0, 1.5, 0.0, 0.0, 0.0]  # the forearm in the base
    assert collisions(robot, folded)


def test_home_points_the_tool_down_and_ahead(name):
    robot = load_robot(name)
    tool = Kinematics(robot).evaluate(np.array(robot.home))
    assert tool.rotation[2, 2] < -0.995
    assert tool.position_xyz[0] > 0.4
    assert abs(tool.position_xyz[1]) < 0.2


# ---- cameras ---------------------------------------------------------------------------------

CAMERAS = {
    'sawyer': {'head_camera_optical_frame', 'right_hand_camera_optical_frame'},
    'fetch': {'head_camera_rgb_optical_frame', 'head_camera_depth_optical_frame'},
    'jaco': {'wrist_camera_optical_frame'},
    'jaco_j2n6s300': {'wrist_camera_optical_frame'},
}


def test_a_camera_looks_along_each_optical_frame(name):
    robot = load_robot(name)
    model = scenes.build(robot, visuals=True)[0].compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    found = {model.camera(i).name for i in range(model.ncam)}
    assert CAMERAS[name] < found
    for camera in CAMERAS[name]:
        seen, frame = data.cam(camera), data.body(camera)
        np.testing.assert_allclose(seen.xpos, frame.xpos, atol=1e-12)
        # Optical: z ahead, y down. MuJoCo's camera: z back, y up.
        expected = frame.xmat.reshape(3, 3) * np.array([1.0, -1.0, -1.0])
        np.testing.assert_allclose(seen.xmat.reshape(3, 3), expected, atol=1e-9)


@pytest.mark.parametrize('name', ['fetch', 'jaco', 'jaco_j2n6s300'])
def test_the_robots_own_camera_sees_its_tool(name):
    """In front of the camera and within its field of view of 45 degrees."""
    robot = load_robot(name)
    model = arm_spec(robot).compile()
    data = mujoco.MjData(model)
    for joint, value in zip(robot.joints, robot.home, strict=True):
        data.joint(joint).qpos[:] = value
    mujoco.mj_kinematics(model, data)
    camera = data.body(min(CAMERAS[name]))
    x, y, z = camera.xmat.reshape(3, 3).T @ (data.body('tool0').xpos - camera.xpos)
    assert z > 0.05
    assert math.hypot(x, y) < z * math.tan(math.radians(25.0))
