# SPDX-License-Identifier: Apache-2.0
"""What is refused when agent, task and data are put together."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from robot_rl.control.robot import load_robot
from robot_rl.episodes.observation import SOURCES, EntryConfig
from robot_rl.errors import InputError
from robot_rl.learning.build import FROM_GOAL, make_learner
from robot_rl.rewards.goal import goal_reward
from robot_rl.task import load_task, robot_of
from sim_bridge.expert import play

AGENT = """
algorithm: sac
agent:
  actor_entries: [{0}]
  critic_entries: [{0}]
  device: cpu
learner:
  capacity: 1000
  relabel: {{future: 0.8, reward: {{distance: 0.01}}{1}}}
"""
PLACE = EntryConfig('place', 'tool_position')
GOAL = EntryConfig('goal', 'goal')


def learner(tmp_path: Path, read: str, more: str = '') -> object:
    path = tmp_path / 'her.yaml'
    path.write_text(AGENT.format(read, more))
    task = load_task('usb_insertion', agent=str(path))
    task = dataclasses.replace(task, observation=(*task.observation, PLACE, GOAL))
    return make_learner(task, load_robot(task.robot), 0, 'run')


@pytest.mark.parametrize('entry', ['tool_position', 'goal'])
def test_relabelling_what_hides_in_another_entry_is_refused(tmp_path: Path, entry: str) -> None:
    with pytest.raises(InputError) as caught:
        learner(tmp_path, f'{entry}, desired_goal')
    assert f"reads '{entry}', which task usb_insertion computes from the goal" in str(caught.value)
    assert 'her.yaml' in str(caught.value)


def test_relabelling_the_goal_itself_is_fine(tmp_path: Path) -> None:
    assert learner(tmp_path, 'place, wrench, desired_goal')
    assert learner(tmp_path, 'place, goal, desired_goal', ', also: {goal: place}')


def test_sources_that_depend_on_the_goal_exist() -> None:
    assert set(FROM_GOAL) <= set(SOURCES)


@pytest.mark.parametrize('name', ['fetch_stack_2', 'fetch_block_move'])
def test_relabelled_goals_pay_as_the_tasks_own(name: str) -> None:
    """Step by step through the graph's steps: what is sampled pays what the task would pay."""
    task = load_task(name)
    assert task.reward.goal is not None
    made = make_learner(task, robot_of(task), 0, 'run')
    for step in play(task, 1, seed=0).steps:
        made.add(step)
    batch = made._mixture.sample(200, np.random.default_rng(0))
    goals = (
        batch.next_observation['achieved_goal'],
        batch.next_observation['desired_goal'],
    )
    expected = goal_reward(*goals, task.reward.goal)[0]
    np.testing.assert_array_equal(batch.reward, expected)
    assert len(set(batch.reward.tolist())) > 1
