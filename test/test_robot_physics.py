# SPDX-License-Identifier: Apache-2.0
"""Every robot in the simulation: it holds, weighs, falls and obeys as physics has it."""

import dataclasses

import mujoco
import numpy as np
import pytest
from robot_stage import CONTROL_HZ, ROBOTS, make, play, quiet

from robot_rl.control.controller import Controller
from robot_rl.control.kinematics import Kinematics
from robot_rl.control.robot import load_robot
from robot_rl.safety.filter import SafetyFilter
from robot_rl.task import load_task
from robot_rl.types import JointCommand

COMPENSATED = {'sawyer': True, 'fetch': True, 'jaco': False, 'jaco_j2n6s300': False}
TASK = load_task('usb_insertion')
LOAD_KG = 1.0
G = 9.81
SAG = 2e-3  # m, how far 1 kg may pull the tool


@pytest.fixture(params=ROBOTS)
def name(request):
    return request.param


@pytest.fixture
def world(name):
    result = make(quiet(name))
    result.reset(0)
    return result


def load(world):
    """Makes the plug in the gripper weigh 1 kg, which nothing compensates."""
    model = world.model
    plug = model.body('plug').id
    added = LOAD_KG - model.body_mass[plug]
    model.body_mass[plug], model.body_gravcomp[plug] = LOAD_KG, 0.0
    model.body_inertia[plug] = 4e-4  # a cube of 5 cm
    mujoco.mj_setConst(model, mujoco.MjData(model))
    return added


def tool_xyz(world):
    return world.privileged()['tool_xyz']


# ---- standing still --------------------------------------------------------------------------


def test_gravity_compensation_is_the_papers(name, world):
    """On where the real robot has it, off for Jaco (Gu et al. 2016, section V)."""
    assert load_robot(name).low_level.gravity_compensation == COMPENSATED[name]
    play(world, 0.5)
    torque = np.abs(world.data.qfrc_actuator[world._dofs]).max()
    assert torque < 0.05 if COMPENSATED[name] else torque > 3.0


def test_the_arm_starts_at_rest_and_stays(world):
    before = tool_xyz(world)
    play(world, 3.0)
    assert np.linalg.norm(tool_xyz(world) - before) < 1e-4
    np.testing.assert_allclose(world.joint_state().velocity, 0.0, atol=1e-4)


def test_holding_one_kilogram_settles_close_by(world):
    play(world, 0.5)
    before = tool_xyz(world)
    load(world)
    play(world, 2.0)
    settled = tool_xyz(world)
    play(world, 1.0)
    assert np.linalg.norm(tool_xyz(world) - settled) < 1e-5
    assert 1e-4 < np.linalg.norm(settled - before) < SAG


def test_the_wrist_reads_a_known_weight(world):
    """Within 2 %, straight down, whichever way the tool is turned."""
    play(world, 0.5)
    before = world.wrench()
    weight = load(world) * G
    play(world, 2.0)
    turn = world.privileged()['tool_rotation']
    # Between the readings the tool, whose own weight is in both, has turned by the sag only.
    force = turn @ (world.wrench().force_xyz - before.force_xyz)
    np.testing.assert_allclose(force, [0, 0, -weight], rtol=0, atol=0.02 * weight)


def test_the_wrist_carries_hand_and_fingers(name, world):
    play(world, 0.5)
    model = world.model
    hand = model.body(world._wrist_name).id
    expected = model.body_subtreemass[hand] * G
    assert np.linalg.norm(world.wrench().force_xyz) == pytest.approx(expected, rel=0.02)
    fingers = [b for b in range(model.nbody) if 'finger' in model.body(b).name]
    assert len(fingers) >= 2
    assert all(_behind(model, finger, hand) for finger in fingers)


def _behind(model, body, root):
    while body not in (0, root):
        body = model.body_parentid[body]
    return body == root


# ---- moving ----------------------------------------------------------------------------------


def test_joints_move_at_the_commanded_velocity(world):
    count = len(world.joint_state().position)
    wanted = np.array([0.05, -0.03, 0.04, 0.02, -0.06, 0.05, 0.1])[:count]
    before = world.joint_state().position
    play(world, 0.5, wanted)
    np.testing.assert_allclose(world.joint_state().velocity, wanted, atol=3e-3)
    play(world, 0.5)
    moved = world.joint_state().position - before
    np.testing.assert_allclose(moved, 0.5 * wanted, rtol=0, atol=2e-3)


def test_joints_go_to_a_commanded_position_with_the_springs_impedance(name, world):
    """At rest the springs' torque is what carries the arm: K (q_set - q) = weight."""
    robot = load_robot(name)
    goal = world.joint_state().position + 0.01
    play(world, 2.0, goal, 'position')
    data, dofs = world.data, world._dofs
    weight = data.qfrc_bias[dofs] - data.qfrc_gravcomp[dofs]
    lead = goal - world.joint_state().position
    np.testing.assert_allclose(lead * robot.low_level.stiffness, weight, rtol=0, atol=0.02)


def test_a_blocked_tool_pushes_with_bounded_force(name, world):
    """Down onto the housing at two speeds: `push_force` and the dampers' share of the speed."""
    robot, limit = load_robot(name), load_robot(name).low_level.push_force
    bias = world.wrench().force_xyz
    drive(world, robot, 1.0, [0.015, 0.0, 0.0])
    drive(world, robot, 1.6, [0.0, 0.0, -0.03])
    pushes = []
    for speed in (0.01, 0.003):
        forces = drive(world, robot, 2.0, [0.0, 0.0, -speed])[-10:] - bias
        sizes = np.linalg.norm(forces, axis=1)
        assert np.ptp(sizes) < 0.02 * limit  # it neither grows nor swings
        pushes.append(sizes[-1])
    at_rest = pushes[1] - 0.003 * (pushes[0] - pushes[1]) / 0.007
    assert at_rest == pytest.approx(limit, rel=0.15)


def drive(world, robot, seconds, velocity_xyz):
    """Moves the tool at a velocity, m/s, its orientation held; the forces, tool frame."""
    driver = Controller(TASK.controller, Kinematics(robot), robot)
    forces = []
    for _ in range(round(seconds * CONTROL_HZ)):
        world.apply(driver.drive(world.joint_state(), np.array(velocity_xyz)))
        world.step()
        forces.append(world.wrench().force_xyz)
    return np.array(forces)


def test_the_controller_moves_the_tool_straight(name, world):
    """2 cm across and up, through the safety filter, which leaves it alone."""
    robot = load_robot(name)
    arm, before = Kinematics(robot), tool_xyz(world)
    driver = Controller(TASK.controller, arm, robot)
    sphere = dataclasses.replace(
        TASK.safety, sphere_center=tuple(before.tolist()), look_ahead=None
    )
    safety = SafetyFilter(sphere, arm, 1.0 / CONTROL_HZ)
    for _ in range(20):
        state, wrench = world.joint_state(), world.wrench()
        command = driver.drive(state, np.array([0.0, 0.02, 0.01]))
        result = safety.filter(command, state, wrench, world.stamp_ns)
        assert result.reason == ''
        world.apply(result.command)
        world.step()
    play(world, 0.5)
    np.testing.assert_allclose(tool_xyz(world) - before, [0.0, 0.02, 0.01], atol=1.5e-3)


def test_joint_torques_stay_within_the_urdfs_effort(name, world):
    effort = Kinematics(load_robot(name)).effort_limits
    rng = np.random.default_rng(0)
    for _ in range(40):
        world.apply(JointCommand(0, 'velocity', rng.choice([-5.0, 5.0], len(effort))))
        world.step()
        assert (np.abs(world.data.qfrc_actuator[world._dofs]) <= effort + 1e-9).all()
    np.testing.assert_array_equal(world.model.jnt_actfrcrange[:, 1], effort)
    assert np.isfinite(world.data.qpos).all()
    assert not any(warning.number for warning in world.data.warning)


def test_a_loose_arm_conserves_energy(name):
    """Gravity without actuators: the drift falls with the step, as the integrator's order says."""
    robot = load_robot(name)
    low = dataclasses.replace(robot.low_level, gravity_compensation=False)
    model = make(dataclasses.replace(robot, low_level=low)).model
    model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_ACTUATION
    model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_CONTACT
    model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_LIMIT
    model.opt.enableflags |= mujoco.mjtEnableBit.mjENBL_ENERGY
    assert not model.dof_damping.any()
    drifts = []
    for step in (1e-3, 5e-4, 2.5e-4):
        model.opt.timestep = step
        data = mujoco.MjData(model)
        data.qpos[:] = robot.home
        mujoco.mj_forward(model, data)
        start = data.energy.sum()
        mujoco.mj_step(model, data, nstep=round(0.2 / step))
        mujoco.mj_forward(model, data)
        assert data.energy[1] > 1.0  # J; it has fallen
        drifts.append(abs(data.energy.sum() - start) / data.energy[1])
    assert drifts[0] < 0.02
    np.testing.assert_allclose(np.divide(drifts[1:], drifts[:-1]), 0.5, atol=0.1)
