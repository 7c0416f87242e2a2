# SPDX-License-Identifier: Apache-2.0
"""Every robot of config/robots: it loads, fits its URDF, and stands in its home."""

import math
from pathlib import Path
from xml.etree import ElementTree

import mujoco
import numpy as np
import pytest
import yaml

from robot_rl import resources
from robot_rl.control import urdf
from robot_rl.control.kinematics import Kinematics, arm_spec, rotation_vector
from robot_rl.control.robot import load_robot
from robot_rl.errors import InputError

FOLDER = resources.find('config/robots', 'sawyer').parent
ROBOTS = sorted(path.stem for path in FOLDER.glob('*.yaml'))
SAWYER = yaml.safe_load((FOLDER / 'sawyer.yaml').read_text())


def changed(folder, **values):
    """Path of Sawyer's file with some keys replaced; None takes one away."""
    data = {k: v for k, v in (SAWYER | values).items() if v is not None}
    path = Path(folder, 'changed.yaml')
    path.write_text(yaml.safe_dump(data))
    return str(path)


@pytest.mark.parametrize('name', ROBOTS)
def test_fits_its_urdf(name):
    robot = load_robot(name)
    assert robot.name == name
    known = urdf.joints(robot.urdf)
    for joint, position in zip(robot.joints, robot.home, strict=True):
        assert known[joint].lower < position < known[joint].upper
        assert 0 < known[joint].velocity < math.inf
        assert 0 < known[joint].effort < math.inf


@pytest.mark.parametrize('name', ROBOTS)
def test_inertias_are_those_of_solid_bodies(name):
    root = ElementTree.fromstring(urdf.expand(load_robot(name).urdf))
    inertials = [link.find('inertial') for link in root.iter('link')]
    tensors = [e for e in inertials if e is not None]
    assert len(tensors) >= len(load_robot(name).joints)
    for element in tensors:
        assert float(element.find('mass').get('value')) > 0
        i = {k: float(v) for k, v in element.find('inertia').attrib.items()}
        matrix = [
            [i['ixx'], i['ixy'], i['ixz']],
            [i['ixy'], i['iyy'], i['iyz']],
            [i['ixz'], i['iyz'], i['izz']],
        ]
        small, middle, large = np.linalg.eigvalsh(matrix)
        assert small > 0
        assert small + middle >= large  # no mass distribution has other moments


@pytest.mark.parametrize('name', ROBOTS)
def test_moving_links_weigh_something(name):
    robot = load_robot(name)
    model = arm_spec(robot).compile()
    assert model.nv == len(robot.joints)
    for joint in robot.joints:
        assert model.body_subtreemass[model.joint(joint).bodyid[0]] > 0.01


@pytest.mark.parametrize('name', ROBOTS)
def test_jacobian_is_the_derivative_at_home(name):
    robot, step = load_robot(name), 1e-6
    arm, home = Kinematics(robot), np.array(robot.home)
    tool = arm.evaluate(home)
    for joint in range(len(home)):
        shift = step * np.eye(len(home))[joint]
        ahead, behind = arm.evaluate(home + shift), arm.evaluate(home - shift)
        linear = (ahead.position_xyz - behind.position_xyz) / (2 * step)
        angular = rotation_vector(ahead.rotation @ behind.rotation.T) / (2 * step)
        column = np.concatenate((linear, angular))
        np.testing.assert_allclose(tool.jacobian[:, joint], column, rtol=0, atol=1e-7)


@pytest.mark.parametrize('name', ROBOTS)
def test_home_leaves_room_to_move_the_tool(name):
    """No direction of the tool is lost at home."""
    robot = load_robot(name)
    jacobian = Kinematics(robot).evaluate(np.array(robot.home)).jacobian
    assert np.linalg.svd(jacobian, compute_uv=False)[-1] > 0.02


def test_joint_order_is_the_configurations(tmp_path):
    order = [6, 0, 3, 1, 5, 2, 4]
    low = dict(SAWYER['low_level'])
    path = changed(
        tmp_path,
        joints=[SAWYER['joints'][i] for i in order],
        home=[SAWYER['home'][i] for i in order],
        low_level=low,
    )
    mixed, plain = Kinematics(load_robot(path)), Kinematics(load_robot('sawyer'))
    position = np.random.default_rng(3).uniform(-1, 1, 7)
    a, b = mixed.evaluate(position[order]), plain.evaluate(position)
    np.testing.assert_array_equal(a.position_xyz, b.position_xyz)
    np.testing.assert_array_equal(a.jacobian, b.jacobian[:, order])
    np.testing.assert_array_equal(mixed.effort_limits, plain.effort_limits[order])


def test_a_base_frame_may_be_any_fixed_link(tmp_path):
    path = changed(tmp_path, base_frame='pedestal', tool_frame='right_hand')
    arm, plain = Kinematics(load_robot(path)), Kinematics(load_robot('sawyer'))
    home = np.array(SAWYER['home'])
    hand, tool = arm.evaluate(home), plain.evaluate(home)
    expected = tool.position_xyz - 0.109 * tool.rotation[:, 2]
    np.testing.assert_allclose(hand.position_xyz, expected, atol=1e-12)


def test_held_joints_stay_where_they_are_put():
    robot = load_robot('sawyer')
    model = arm_spec(robot).compile()
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    left, right = (data.body(f'right_gripper_{s}_finger').xpos for s in 'lr')
    # Each finger rests 0.0115 m from the middle, less the 7.5 mm that it is closed by.
    assert np.linalg.norm(left - right) == pytest.approx(2 * (0.0115 - 0.0075), abs=1e-9)


BAD = {
    'a joint the URDF lacks': (
        {'joints': ['elbow', *SAWYER['joints'][1:]]},
        r'joints: .*elbow; it has .*right_j0',
    ),
    'home beyond a limit': ({'home': [0, 0, 0, 0, 0, 0, 9.0]}, r'right_j6 at 9.0: .*4\.7124'),
    'home too short': ({'home': [0, 0, 0]}, r'home: expected 7 values.* got 3'),
    'a joint twice': ({'joints': ['right_j0'] * 7}, r'joints: expected distinct'),
    'a joint both held and moved': ({'held': {'right_j0': 0.0}}, r"held: \['right_j0'\]"),
    'held beyond a limit': (
        {'held': {'right_gripper_l_finger_joint': 0.5}},
        r'right_gripper_l_finger_joint at 0.5',
    ),
    'an unknown tool frame': ({'tool_frame': 'claw'}, r'tool_frame: .*claw; it has .*tool0'),
    'an unknown wrist': ({'wrist': 'paw'}, r'wrist: .*paw; it has .*right_hand'),
    'an unknown base frame': ({'base_frame': 'moon'}, r'base_frame: .*moon'),
    'no joints': ({'joints': None}, r"missing key 'joints'"),
    'an unknown key': ({'colour': 'red'}, r"unknown key 'colour'"),
    'NaN at home': ({'home': [math.nan] * 7}, r'home\[0\]: expected a finite number'),
    'an unknown mode': ({'command_mode': 'thought'}, r'command_mode: expected one of'),
    'no stiffness': (
        {'low_level': SAWYER['low_level'] | {'stiffness': [0.0] * 7}},
        r'low_level: .*above 0',
    ),
    'negative noise': (
        {'low_level': SAWYER['low_level'] | {'force_noise': -1.0}},
        r'low_level: noise',
    ),
    'an unknown URDF': ({'urdf': 'nothing'}, r'nothing'),
}


@pytest.mark.parametrize('case', BAD)
def test_a_bad_file_is_refused_by_name(case, tmp_path):
    values, message = BAD[case]
    with pytest.raises(InputError, match=message) as caught:
        load_robot(changed(tmp_path, **values))
    if case != 'an unknown URDF':
        assert 'changed.yaml' in str(caught.value)


def test_a_broken_xacro_is_refused_by_name(tmp_path):
    path = tmp_path / 'broken.urdf.xacro'
    path.write_text('<robot name="broken"><link name="base"></robot>')
    with pytest.raises(InputError, match=r'broken\.urdf\.xacro: not a valid xacro'):
        urdf.expand(str(path))
