# SPDX-License-Identifier: Apache-2.0
"""The assemblies: connectors that fit, springs that differ, an arm that errs as it is told to."""

import dataclasses

import mujoco
import numpy as np
import pytest

from robot_rl.control.controller import Controller
from robot_rl.control.kinematics import Kinematics
from robot_rl.episodes.episode import GoalConfig
from robot_rl.errors import InputError
from robot_rl.task import load_task, robot_of
from sim_bridge.build import make_world
from sim_bridge.tasks.connector import Box, Connector, socket_boxes
from sim_bridge.tasks.insertion import DSub, ModelE
from sim_bridge.world import World

BIAS = (0.02, -0.01, 0.01)


def outside(box: Box, point: np.ndarray) -> float:
    """How far a point is from a box, m; 0 within."""
    turn = np.zeros(9)
    mujoco.mju_quat2Mat(turn, np.array([1.0, 0, 0, 0]) if box.turn is None else box.turn)
    local = turn.reshape(3, 3).T @ (point - box.centre)
    return float(np.linalg.norm(np.maximum(np.abs(local) - box.half, 0.0)))


@pytest.mark.parametrize('connector', [Connector(), DSub(), ModelE()])
def test_the_centred_plug_has_its_clearance_all_around(connector: Connector) -> None:
    boxes = list(socket_boxes(connector))
    gaps = []
    for edge in connector.edges():
        for depth in np.linspace(0.0, connector.depth - 0.002, 9):
            point = np.array([*edge, connector.face_z + depth])
            gaps.append(min(outside(box, point) for box in boxes) - connector.corner)
    assert min(gaps) == pytest.approx(connector.clearance, rel=0.02)


@pytest.mark.parametrize(
    'options',
    [{'clearance': 0.0}, {'spring': (3.0, 1.0)}, {'groove': 0.001}, {'slant': 0.6}],
)
def test_connectors_that_can_not_be_are_refused(options: dict) -> None:
    with pytest.raises(ValueError, match='connector: '):
        Connector(**options)


def test_springs_differ_by_episode_within_their_range_and_push_out() -> None:
    world = make_world(load_task('model_e_insertion'), robot_of(load_task('model_e_insertion')))
    forces = []
    for seed in range(10):
        world.reset(seed)
        forces.append(-world.data.qfrc_applied.sum())
    assert ModelE().spring[0] <= min(forces) < max(forces) <= ModelE().spring[1]
    assert np.std(forces) > 3.0


def block_world(**options: object) -> World:
    task = load_task('block_insertion')
    task = dataclasses.replace(task, scene_options=task.scene_options | options)
    world = make_world(task, robot_of(task))
    world.reset(0)
    return world


def still(world: World, periods: int) -> np.ndarray:
    """Places of the tool, one a period, of an arm that is told to stand still."""
    task = load_task('block_insertion')
    robot = robot_of(task)
    driver, places = Controller(task.controller, Kinematics(robot), robot), []
    for _ in range(periods):
        world.apply(driver.drive(world.joint_state(), np.zeros(3)))
        world.step()
        places.append(world.privileged()['tool_xyz'])
    return np.array(places)


def test_a_biased_arm_drifts_at_that_velocity() -> None:
    places = still(block_world(bias=BIAS), 30)
    np.testing.assert_allclose(places[-1] - places[9], BIAS, rtol=0.05, atol=1e-3)


def test_a_noisy_arm_wanders_and_an_exact_one_does_not() -> None:
    steps = np.diff(still(block_world(noise=0.02), 200), axis=0) * 20
    np.testing.assert_allclose(steps.std(axis=0), 0.02, rtol=0.35)
    assert np.ptp(still(block_world(), 20), axis=0).max() < 1e-4


def test_unknown_and_bad_options_are_named() -> None:
    with pytest.raises(InputError, match='rotation'):
        block_world(rotation=2.0)


def test_a_goal_that_holds_the_tools_has_room_for_it() -> None:
    with pytest.raises(ValueError, match='size of 3 or more'):
        GoalConfig((0, 0, 0), (0, 0, 0), size=2, tool=True)
