# SPDX-License-Identifier: Apache-2.0
"""Chests, their catch, and what an episode lacks."""

import mujoco
import numpy as np
import pytest

from robot_rl.task import load_task, robot_of
from sim_bridge.build import make_world
from sim_bridge.tasks.chest import any_chest, drawer
from sim_bridge.tasks.drawer import TRAVEL
from sim_bridge.world import World


def world_of(name: str) -> World:
    task = load_task(name)
    return make_world(task, robot_of(task))


def test_the_catch_holds_a_sprung_drawer_until_the_button_is_pressed() -> None:
    world = world_of('sawyer_drawer_button')
    world.reset(0)
    model, data = world.model, world.data
    mujoco.mj_step(model, data, nstep=1000)
    assert data.joint('drawer0').qpos[0] < 0.002
    data.body('button_head').xfrc_applied[2] = -5.0
    mujoco.mj_step(model, data, nstep=1000)
    assert data.joint('drawer0').qpos[0] == pytest.approx(TRAVEL, abs=0.002)


def test_the_desired_place_of_a_handle_is_where_it_is_at_the_desired_opening() -> None:
    world = world_of('sawyer_drawer_can')
    for seed in range(3):
        world.reset(seed)
        task = world.task
        way = task.desired[3:] - task.drawer.handle(world.data)
        task.drawer.open(world.data, float(np.linalg.norm(way)))
        assert task.achieved(world.data)[3:] == pytest.approx(task.desired[3:], abs=1e-9)


def test_a_saved_episode_comes_back_with_its_chest() -> None:
    world = world_of('sawyer_drawer_open')
    told = []
    for seed in range(6):
        world.reset(seed)
        told.append((world.save_state(), world.scene_state()))
    assert len({tuple(state['drawer'][2:5]) for _, state in told}) == 6
    for saved, state in told:
        world.load_state(saved)
        assert all((world.scene_state()[key] == value).all() for key, value in state.items())


def test_pucks_that_an_episode_lacks_are_zero_in_state_and_both_goals() -> None:
    world, lacking = world_of('sawyer_objects'), 0
    for seed in range(8):
        world.reset(seed)
        told = world.scene_state()
        states, parts = told['objects'].reshape(2, 15), told['desired_goal'][3:].reshape(2, 3)
        for state, desired, achieved in zip(
            states, parts, told['achieved_goal'][3:].reshape(2, 3), strict=True
        ):
            assert state.any() == desired.any() == achieved.any()
            lacking += not state.any()
    assert 0 < lacking < 16


def test_every_seed_makes_another_chest_that_fingers_can_hook() -> None:
    chests = [any_chest(seed) for seed in range(200)]
    assert len(set(chests)) == 200
    for chest in chests:
        assert chest.bar_out - chest.bar_radius - 0.008 > 0.028  # between the bar and the front
        assert all(part.size for part in drawer(chest))
