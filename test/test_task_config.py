# SPDX-License-Identifier: Apache-2.0
"""Tasks from YAML: files laid over others, robots with grippers, and the scene's state."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from robot_rl_msgs import msg as rr

from robot_rl import resources
from robot_rl.control.robot import load_robot
from robot_rl.errors import InputError
from robot_rl.nodes import records
from robot_rl.rewards.goal import GoalRewardConfig, goal_reward
from robot_rl.task import load_task, robot_of
from sim_bridge.build import make_world, scene_streams
from sim_bridge.expert import main as expert
from sim_bridge.tasks import make_task

PICK = resources.find('config/tasks', 'fetch_pick').read_text()
COMMON = resources.share_dir() / 'config' / 'tasks' / 'common'


def written(folder: Path, text: str) -> str:
    (folder / 'common').mkdir(exist_ok=True)
    for file in COMMON.glob('*.yaml'):
        (folder / 'common' / file.name).write_text(file.read_text())
    path = folder / 'task.yaml'
    path.write_text(text)
    return str(path)


def test_a_tasks_own_keys_go_before_those_of_the_file_that_it_extends(tmp_path: Path) -> None:
    task = load_task(written(tmp_path, PICK + 'horizon: 7\nsafety: {tool_speed: 0.5}\n'))
    common = load_task('fetch_pick')
    assert (task.horizon, task.safety.tool_speed) == (7, 0.5)
    assert task.safety.sphere_radius == common.safety.sphere_radius
    assert task.action == common.action


def test_a_file_elsewhere_extends_what_the_package_has(tmp_path: Path) -> None:
    path = tmp_path / 'mine.yaml'
    path.write_text('extends: usb_insertion_image\nsafety: {tool_speed: 0.08}\n')
    task, whole = load_task(str(path)), load_task('usb_insertion_image')
    assert task.safety == replace(whole.safety, tool_speed=0.08)
    assert (task.cameras, task.reward) == (whole.cameras, whole.reward)


def test_files_that_extend_each_other_are_named(tmp_path: Path) -> None:
    (tmp_path / 'common').mkdir()
    for name, other in (('one', 'two'), ('two', 'one')):
        (tmp_path / 'common' / f'{name}.yaml').write_text(f'extends: {other}\n')
    with pytest.raises(InputError, match=r'two\.yaml: extends: .*one\.yaml extends it in turn'):
        load_task(str(tmp_path / 'common' / 'one.yaml'))


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        (PICK.replace('extends: fetch_table', 'extends: nothing'), r'extends: no file .*nothing'),
        (PICK + 'base: {kind: p_controller, gain: [1, 1, 1]}\n', 'the goal is not its'),
        (PICK + 'reward: {goal: {part: -1}}\n', 'part: expected at least 0'),
        (PICK + 'action: {axes: [x, wrist], scale: [1, 1]}\n', "'wrist' is none of the tool"),
    ],
)
def test_bad_tasks_name_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_task(written(tmp_path, text))


def test_an_axis_that_the_robot_lacks_lists_those_that_it_has(tmp_path: Path) -> None:
    text = PICK + 'action: {axes: [elbow], scale: [0.1]}\n'
    with pytest.raises(InputError, match=r"no joint 'elbow'; known: x, y, z, yaw, gripper"):
        robot_of(load_task(written(tmp_path, text)))


def test_the_gripper_is_a_joint_where_the_task_moves_it_and_held_elsewhere() -> None:
    task, fetch = load_task('fetch_pick'), load_robot('fetch')
    gripping = robot_of(task)
    assert gripping.joints == (*fetch.joints, 'r_gripper_finger_joint')
    assert len(gripping.home) == len(gripping.low_level.stiffness) == len(gripping.joints)
    assert not set(gripping.held) & {'r_gripper_finger_joint', 'l_gripper_finger_joint'}
    assert robot_of(load_task('usb_insertion')) == load_robot('sawyer')


def test_a_scene_that_does_not_tell_what_the_task_reads_is_named(tmp_path: Path) -> None:
    text = PICK + 'observation: [{name: cup, source: scene, size: 3}]\n'
    task = load_task(written(tmp_path, text))
    world = make_world(task, robot_of(task))
    world.reset(0)
    with pytest.raises(InputError, match=r"does not tell 'cup' with 3 values; it tells achieved"):
        scene_streams(world, task)


def test_unknown_scenes_options_and_experts_are_named(tmp_path: Path) -> None:
    goal = np.zeros(3), np.eye(3)
    with pytest.raises(InputError, match=r"unknown scene 'moon'; known: .*usb_insertion"):
        make_task('moon', *goal, {})
    with pytest.raises(InputError, match="scene fetch_pick: unknown key 'colour'"):
        make_task('fetch_pick', *goal, {'colour': 'red'})
    with pytest.raises(InputError, match='unknown name'):
        expert(['nothing'])


def test_what_a_tracker_tells_survives_the_message() -> None:
    told = {'scene/achieved_goal': np.array([1.0, 2.0, 3.0]), 'scene/objects': np.zeros(15)}
    message = records.to_scene_state(5, told)
    back = records.from_scene_state(message, {'achieved_goal': 3, 'objects': 15})
    for name, values in back.items():
        np.testing.assert_array_equal(values, told[f'scene/{name}'])


@pytest.mark.parametrize('values', [np.zeros(2), np.zeros(3, np.float32), np.full(3, np.nan)])
def test_an_unfit_vector_of_the_tracker_is_named(values: np.ndarray) -> None:
    vectors = records.to_tensors({'achieved_goal': values})
    with pytest.raises(InputError, match='scene_state: achieved_goal: expected'):
        records.from_scene_state(rr.SceneState(vectors=vectors), {'achieved_goal': 3})
    with pytest.raises(InputError, match='scene_state: cup: expected'):
        records.from_scene_state(rr.SceneState(vectors=vectors), {'cup': 3})


@pytest.mark.parametrize(
    ('kind', 'expected'),
    [('sparse', [-1, -1, 0]), ('binary', [0, 0, 1]), ('step', [-2, -1, 0])],
)
def test_a_goal_of_two_parts_is_reached_where_both_are(kind: str, expected: list[float]) -> None:
    config = GoalRewardConfig(kind, distance=0.05, part=3)  # type: ignore[arg-type]
    desired = np.zeros((3, 6))
    achieved = np.array([[1, 0, 0, 0, 1, 0], [0.04, 0, 0, 0, 1, 0], [0.04, 0, 0, 0, 0, 0.04]])
    reward, reached = goal_reward(achieved, desired, config)
    np.testing.assert_array_equal(reward, expected)
    np.testing.assert_array_equal(reached, [False, False, True])
