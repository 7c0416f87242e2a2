# SPDX-License-Identifier: Apache-2.0
"""The simulated robot: repeatable, obedient, and honest about forces."""

import dataclasses
import math

import mujoco
import numpy as np
import pytest

from robot_rl.control.controller import Controller
from robot_rl.control.kinematics import Kinematics
from robot_rl.control.robot import load_robot
from robot_rl.errors import InputError
from robot_rl.task import load_task
from robot_rl.types import JointCommand
from sim_bridge.build import make_world
from sim_bridge.world import World

TASK = load_task('usb_insertion')
ROBOT = load_robot('sawyer')
QUIET = dataclasses.replace(
    ROBOT, low_level=dataclasses.replace(ROBOT.low_level, force_noise=0.0, torque_noise=0.0)
)
ARM = Kinematics(ROBOT)
PERIOD_NS = 50_000_000


@pytest.fixture
def world():
    result = make_world(TASK, QUIET)
    result.reset(0)
    return result


def velocity(value):
    return JointCommand(0, 'velocity', np.array(value, dtype=np.float64))


def play(world, seconds, value=None):
    for _ in range(round(seconds * 20)):
        if value is not None:
            world.apply(velocity(value))
        world.step()


def drive(world, seconds, velocity_xyz):
    """Moves the tool at a velocity, m/s, with its orientation held; the mean of late wrenches."""
    driver = Controller(TASK.controller, ARM, ROBOT)
    forces = []
    for _ in range(round(seconds * 20)):
        world.apply(driver.drive(world.joint_state(), np.array(velocity_xyz)))
        world.step()
        forces.append(world.wrench().force_xyz)
    return np.array(forces)


def trace(world, seed, periods=40):
    """Everything that comes out of a world under random commands."""
    rng = np.random.default_rng(7)
    world.reset(seed)
    found = []
    for _ in range(periods):
        world.apply(velocity(rng.uniform(-0.3, 0.3, 7)))
        world.step()
        state, wrench = world.joint_state(), world.wrench()
        found.append([*state.position, *state.velocity, *wrench.force_xyz, *wrench.torque_xyz])
    return np.array(found)


# ---- repeatable ------------------------------------------------------------------------------


def test_equal_seeds_and_commands_give_equal_bits():
    first, second = make_world(TASK, ROBOT), make_world(TASK, ROBOT)
    expected = trace(first, 3)
    np.testing.assert_array_equal(trace(second, 3), expected)
    np.testing.assert_array_equal(trace(first, 3), expected)
    assert (trace(first, 4) != expected).any()


def test_a_saved_state_goes_on_to_the_bit():
    world = make_world(TASK, ROBOT)
    world.reset(1)
    play(world, 0.5, np.full(7, 0.05))
    world.apply(velocity(np.full(7, -0.1)))
    saved = world.save_state()

    def rest():
        world.step()
        play(world, 0.5, np.full(7, 0.05))
        wrench = world.wrench()
        state = world.joint_state()
        return [world.stamp_ns, *state.position, *state.velocity, *wrench.force_xyz]

    expected = rest()
    world.reset(9)
    world.load_state(saved)
    assert rest() == expected


def test_time_never_goes_back():
    world = make_world(TASK, ROBOT)
    stamps = []
    for seed in (5, 0, 5):
        world.reset(seed)
        stamps.append(world.stamp_ns)
        for _ in range(3):
            world.step()
            stamps.append(world.stamp_ns)
            assert world.joint_state().stamp_ns == world.wrench().stamp_ns == stamps[-1]
    steps = np.diff(stamps)
    assert (steps > 0).all()
    assert sorted(set(steps.tolist())) == [PERIOD_NS, 5_000_000_000]


# ---- wrist sensor ----------------------------------------------------------------------------


@pytest.mark.parametrize('mass', [0.1, 1.0])
def test_a_weight_is_read_in_newtons(world, mass):
    """A weight at the tool, without compensation: m g downwards, which is the tool's +z."""
    play(world, 0.5)
    before = world.wrench()
    plug = world.model.body('plug').id
    world.data.xfrc_applied[plug, 2] = -mass * 9.81
    play(world, 2.0)
    force = world.wrench().force_xyz - before.force_xyz
    np.testing.assert_allclose(force, [0, 0, mass * 9.81], rtol=0, atol=0.02 * mass * 9.81)


def test_the_tools_own_weight_is_in_the_reading(world):
    play(world, 0.5)
    model = world.model
    root = model.body(world._wrist_name).id
    behind = [b for b in range(model.nbody) if _below(model, b, root)]
    weight = sum(model.body_mass[b] for b in behind) * 9.81
    assert world.wrench().force_xyz[2] == pytest.approx(weight, rel=0.02)


def _below(model, body, root):
    while body not in (0, root):
        body = model.body_parentid[body]
    return body == root


@pytest.mark.parametrize('push', [(6.0, 0, 0), (0, -4.0, 0), (3.0, 2.0, 5.0)])
def test_a_push_is_read_in_the_tools_frame(world, push):
    """Force applied at a known point: reading and torque arm by hand."""
    play(world, 0.5)
    before = world.wrench()
    plug = world.model.body('plug').id
    world.data.xfrc_applied[plug, :3] = push
    play(world, 2.0)
    after, size = world.wrench(), np.linalg.norm(push)
    turn = world.privileged()['tool_rotation']
    expected = turn.T @ np.array(push)
    force = after.force_xyz - before.force_xyz
    np.testing.assert_allclose(force, expected, rtol=0, atol=0.02 * size)
    # xfrc_applied acts at the plug's centre of mass, 6 mm ahead of the tool frame.
    torque = after.torque_xyz - before.torque_xyz
    np.testing.assert_allclose(torque, np.cross([0, 0, 0.006], expected), rtol=0, atol=0.005)


def test_the_noise_has_the_configured_size():
    world, quiet = make_world(TASK, ROBOT), make_world(TASK, QUIET)
    found = trace(world, 2, 200)[:, 14:] - trace(quiet, 2, 200)[:, 14:]
    np.testing.assert_allclose(found[:, :3].std(axis=0), 0.05, rtol=0.2)
    np.testing.assert_allclose(found[:, 3:].std(axis=0), 0.002, rtol=0.2)


# ---- joints ----------------------------------------------------------------------------------


def test_the_arm_holds_still(world):
    before = world.privileged()['tool_xyz']
    play(world, 5.0)
    assert np.linalg.norm(world.privileged()['tool_xyz'] - before) < 1e-4


def test_joints_move_at_the_commanded_velocity(world):
    wanted = np.array([0.05, -0.03, 0.04, 0.02, -0.06, 0.05, 0.1])
    before = world.joint_state().position
    play(world, 0.5, wanted)
    np.testing.assert_allclose(world.joint_state().velocity, wanted, atol=2e-3)
    play(world, 0.5)
    moved = world.joint_state().position - before
    np.testing.assert_allclose(moved, 0.5 * wanted, rtol=0, atol=1e-3)


def test_a_command_lasts_one_control_period(world):
    world.apply(velocity(np.full(7, 0.1)))
    world.step()
    play(world, 0.5)
    np.testing.assert_allclose(world.joint_state().velocity, 0.0, atol=1e-4)
    before = world.joint_state().position
    play(world, 0.5)
    np.testing.assert_allclose(world.joint_state().position, before, atol=1e-5)


def test_a_blocked_tool_pushes_with_bounded_force(world):
    """Down onto the housing: the springs' push_force, and the dampers' share of the speed."""
    bias, limit = world.wrench().force_xyz, ROBOT.low_level.push_force
    drive(world, 1.0, [0.015, 0.0, 0.0])
    drive(world, 1.6, [0.0, 0.0, -0.03])
    force = {}
    for speed in (0.003, 0.01, 0.03):
        forces = np.linalg.norm(drive(world, 2.0, [0, 0, -speed])[-10:] - bias, axis=1)
        assert np.ptp(forces) < 0.01 * limit  # it does not grow with time
        force[speed] = forces[-1]
    slope = (force[0.03] - force[0.003]) / 0.027
    assert force[0.01] == pytest.approx(force[0.003] + 0.007 * slope, rel=0.02)
    assert force[0.003] - 0.003 * slope == pytest.approx(limit, rel=0.1)


def test_joint_torques_stay_within_the_urdfs_effort(world):
    rng = np.random.default_rng(0)
    for _ in range(40):
        world.apply(velocity(rng.choice([-5.0, 5.0], 7)))
        world.step()
        torque = np.abs(world.data.qfrc_actuator[world._dofs])
        assert (torque <= ARM.effort_limits + 1e-9).all()
    np.testing.assert_array_equal(world.model.jnt_actfrcrange[:, 1], ARM.effort_limits)


def test_a_loose_arm_conserves_energy():
    """Gravity without actuators: the drift falls with the step, as the integrator's order says."""
    drifts = []
    loose = dataclasses.replace(
        ROBOT, low_level=dataclasses.replace(ROBOT.low_level, gravity_compensation=False)
    )
    for step in (1e-3, 5e-4):
        model = make_world(TASK, loose).model
        model.opt.timestep = step
        model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_ACTUATION
        model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_CONTACT
        model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_LIMIT
        model.opt.enableflags |= mujoco.mjtEnableBit.mjENBL_ENERGY
        assert not model.dof_damping.any()
        data = mujoco.MjData(model)
        data.qpos[:] = ROBOT.home
        mujoco.mj_forward(model, data)
        start = data.energy.sum()
        mujoco.mj_step(model, data, nstep=round(0.5 / step))
        mujoco.mj_forward(model, data)
        assert data.energy[1] > 1.0  # J; it has fallen
        drifts.append(abs(data.energy.sum() - start) / data.energy[1])
    assert drifts[0] < 0.02
    assert drifts[1] < 0.65 * drifts[0]


def test_physics_never_complains(world):
    rng = np.random.default_rng(1)
    for seed in range(20):
        world.reset(seed)
        for _ in range(25):
            world.apply(velocity(rng.uniform(-1, 1, 7)))
            world.step()
        assert np.isfinite(world.data.qpos).all()
        # A reset clears the counts, so they are read before it.
        assert not any(w.number for w in world.data.warning)


# ---- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize('value', [np.zeros(6), np.zeros((7, 1)), np.full(7, math.nan)])
def test_bad_commands_are_refused(world, value):
    with pytest.raises(InputError, match='command: expected 7 finite values'):
        world.apply(velocity(value))


def test_an_unknown_scene_is_refused():
    with pytest.raises(InputError, match=r"'moon'; known: .*usb_insertion"):
        World('moon', ROBOT, np.zeros(3), np.zeros(3), 20.0)


def test_a_rate_that_physics_has_no_period_for_is_refused():
    with pytest.raises(InputError, match=r'control_hz: 30\.0'):
        World('usb_insertion', ROBOT, np.array(TASK.goal.position), np.zeros(3), 30.0)


# ---- pictures --------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def scene():
    result = make_world(TASK, ROBOT)
    result.reset(0)
    yield result
    result.close()


def test_pictures_have_the_asked_size_and_something_on_them(scene):
    for fancy in (False, True):
        picture = scene.render('closeup', 48, 64, fancy)
        assert (picture.shape, picture.dtype) == ((48, 64, 3), np.uint8)
        assert picture.std() > 5


def test_depth_is_metric(scene):
    """The optical axis passes over the housing and meets the table 0.335 m away.

    The camera stands 0.075 m above the socket's face, which is 0.03 m above the table; its axis
    falls by 0.063 m over 0.2012 m.
    """
    depth = scene.depth('closeup', 48, 64)
    assert (depth.shape, depth.dtype) == ((48, 64), np.float32)
    assert depth[24, 32] == pytest.approx(0.105 * 0.2012 / 0.063, rel=0.03)


def test_looking_changes_nothing(scene):
    scene.reset(0)
    before = scene.save_state()['physics']
    scene.render('overview', 48, 64)
    np.testing.assert_array_equal(scene.save_state()['physics'], before)


def test_an_unknown_camera_is_refused(scene):
    with pytest.raises(InputError, match=r"'moon'; known: .*overview.*closeup"):
        scene.render('moon', 10, 10)


def test_an_image_too_large_is_refused(scene):
    with pytest.raises(InputError, match='expected at most 1080x1920'):
        scene.render('closeup', 5000, 10)
