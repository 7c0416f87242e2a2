# SPDX-License-Identifier: Apache-2.0
"""What is refused when agent, task and data are put together."""

import dataclasses
from pathlib import Path

import pytest

from robot_rl.control.robot import load_robot
from robot_rl.episodes.observation import SOURCES, EntryConfig
from robot_rl.errors import InputError
from robot_rl.learning.build import FROM_GOAL, make_learner
from robot_rl.task import load_task

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
