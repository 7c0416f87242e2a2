# SPDX-License-Identifier: Apache-2.0
"""Each robot's URDF against the vendor's numbers: kinematics, limits, names, inertias."""

import math
from xml.etree import ElementTree

import mujoco
import numpy as np
import pytest
from robot_tables import placed, read

from robot_rl.control import urdf
from robot_rl.control.kinematics import Kinematics, arm_spec
from robot_rl.control.robot import load_robot
from robot_rl.errors import InputError

QUARTER = math.pi / 2
ROBOTS = ('sawyer', 'fetch', 'jaco', 'jaco_j2n6s300')
TABLES = {
    'sawyer': read('sawyer'),
    'fetch': read('fetch'),
    'jaco': read('j2s6s300', 'j2s6s300_'),
    'jaco_j2n6s300': read('j2n6s300', 'j2n6s300_'),
}
ARM_JOINTS = {'sawyer': 7, 'fetch': 7, 'jaco': 6, 'jaco_j2n6s300': 6}
#: Where `tool0` sits: vendor's link, xyz (m), rpy (rad).
TOOLS = {
    'sawyer': ('right_hand', (0, 0, 0.109), (0, 0, 0)),
    'fetch': ('gripper_link', (0, 0, 0), (0, QUARTER, 0)),
    'jaco': ('j2s6s300_end_effector', (0, 0, 0), (0, 0, 0)),
    'jaco_j2n6s300': ('j2n6s300_end_effector', (0, 0, 0), (0, 0, 0)),
}
#: Frames of the vendor that carry nothing and are left out.
DROPPED = {
    'sawyer': {'pedestal_feet_fixed', 'torso_t0', 'right_torso_itb'}
    | {'right_j1_2', 'right_j2_2', 'right_j4_2'}
}
#: Links whose inertia is ours: Sawyer's hand carries a gripper, the vendor's own is 1e-8 kg;
#: the vendor's tensor of Fetch's fingers is no body's.
OWN_INERTIA = {
    'sawyer': {'right_hand'},
    'fetch': {'r_gripper_finger_link', 'l_gripper_finger_link'},
}


def elements(name, kind):
    """The URDF's elements of a kind by name."""
    root = ElementTree.fromstring(urdf.expand(load_robot(name).urdf))
    return {e.get('name'): e for e in root.findall(kind)}


def floats(text):
    return np.array([float(word) for word in text.split()])


def configurations(name, count=40, seed=0):
    """Random joint positions [J] within the limits; a turn either way without any."""
    robot, table = load_robot(name), TABLES[name]
    bounds = np.array([table.limits[joint][:2] for joint in robot.joints])
    lower, upper = np.clip(bounds, -math.pi, 2 * math.pi).T
    rng = np.random.default_rng(seed)
    return rng.uniform(lower, upper, (count, len(robot.joints)))


@pytest.mark.parametrize('name', ROBOTS)
def test_pose_is_that_of_the_vendors_numbers(name):
    robot, table = load_robot(name), TABLES[name]
    arm, (link, xyz, rpy) = Kinematics(robot), TOOLS[name]
    for position in configurations(name):
        joints = robot.held | dict(zip(robot.joints, position, strict=True))
        pose, tool = table.pose(link, joints) @ placed(xyz, rpy), arm.evaluate(position)
        np.testing.assert_allclose(tool.position_xyz, pose[:3, 3], rtol=0, atol=1e-9)
        np.testing.assert_allclose(tool.rotation, pose[:3, :3], rtol=0, atol=1e-9)


@pytest.mark.parametrize('name', ROBOTS)
def test_every_frame_is_where_the_vendor_has_it(name):
    """Fingers and cameras, too: 1e-5, since the table gives pi/2 to four places."""
    robot, table = load_robot(name), TABLES[name]
    position = configurations(name, 1, seed=1)[0]
    joints = robot.held | dict(zip(robot.joints, position, strict=True))
    model = arm_spec(robot).compile()
    data = mujoco.MjData(model)
    for joint in robot.joints:
        data.joint(joint).qpos[:] = joints[joint]
    mujoco.mj_kinematics(model, data)
    for frame in table.frames.values():
        if frame.name not in DROPPED.get(name, ()):
            pose, found = table.pose(frame.child, joints), data.body(frame.child)
            np.testing.assert_allclose(found.xpos, pose[:3, 3], rtol=0, atol=1e-9)
            np.testing.assert_allclose(found.xmat.reshape(3, 3), pose[:3, :3], rtol=0, atol=1e-5)


@pytest.mark.parametrize('name', ROBOTS)
def test_joints_are_the_vendors(name):
    ours, table = elements(name, 'joint'), TABLES[name]
    missing = set(table.frames) - set(ours)
    assert missing == DROPPED.get(name, set())
    for frame in table.frames.values():
        if frame.name in ours:
            joint = ours[frame.name]
            assert joint.get('type') == frame.kind
            assert joint.find('parent').get('link') == frame.parent
            assert joint.find('child').get('link') == frame.child
            if frame.kind != 'fixed':
                np.testing.assert_array_equal(floats(joint.find('axis').get('xyz')), frame.axis)
    assert len(load_robot(name).joints) == ARM_JOINTS[name]


@pytest.mark.parametrize('name', ROBOTS)
def test_limits_speeds_and_torques_are_the_vendors(name):
    robot, table = load_robot(name), TABLES[name]
    known = urdf.joints(robot.urdf)
    for joint, numbers in table.limits.items():
        found = known[joint]
        assert (found.lower, found.upper, found.velocity, found.effort) == numbers
    arm = Kinematics(robot)
    expected = np.array([table.limits[joint] for joint in robot.joints])
    np.testing.assert_array_equal(arm.position_limits, expected[:, :2])
    np.testing.assert_array_equal(arm.velocity_limits, expected[:, 2])
    np.testing.assert_array_equal(arm.effort_limits, expected[:, 3])


@pytest.mark.parametrize('name', ROBOTS)
def test_masses_and_inertias_are_the_vendors(name):
    ours, checked = elements(name, 'link'), 0
    for link, (mass, centre, tensor) in TABLES[name].inertias.items():
        inertial = ours[link].find('inertial') if link in ours else None
        if inertial is None or link in OWN_INERTIA.get(name, ()):
            assert mass < 0.1  # nothing that matters is left out or changed
            continue
        found = {k: float(v) for k, v in inertial.find('inertia').attrib.items()}
        assert float(inertial.find('mass').get('value')) == mass
        np.testing.assert_array_equal(floats(inertial.find('origin').get('xyz')), centre)
        pairs = ('ixx', 'ixy', 'ixz', 'iyy', 'iyz', 'izz')
        expected = tensor[np.triu_indices(3)]
        np.testing.assert_allclose([found[pair] for pair in pairs], expected, rtol=1e-12)
        checked += 1
    assert checked > ARM_JOINTS[name]


# ---- xacro arguments -------------------------------------------------------------------------


def test_the_wrist_is_an_argument_of_the_xacro():
    assert urdf.expand('jaco') == urdf.expand('jaco model:=j2s6s300')
    assert 'j2n6s300_joint_5' in urdf.joints('jaco  model:=j2n6s300')


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('jaco modell:=j2n6s300', r"jaco\.urdf\.xacro: no xacro argument 'modell'; known: model"),
        ('jaco model:=j9', r'jaco\.urdf\.xacro: not a valid xacro.*j9'),
        ('sawyer model:=x', r"sawyer\.urdf\.xacro: no xacro argument 'model'; known: none"),
        ('claw model:=x', r"unknown name 'claw'"),
    ],
)
def test_bad_arguments_are_refused_by_name(name, message):
    with pytest.raises(InputError, match=message):
        urdf.expand(name)
