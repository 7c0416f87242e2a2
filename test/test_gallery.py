# SPDX-License-Identifier: Apache-2.0
"""The page of tasks: pictures, rules, rates, and what is written by hand."""

from dataclasses import replace
from pathlib import Path

import pytest

from robot_rl.errors import InputError
from robot_rl.rewards.functions import RewardConfig
from robot_rl.rewards.goal import GoalRewardConfig
from robot_rl.task import load_task
from sim_bridge import gallery


def test_draws_a_task_halfway_and_one_without_an_expert(monkeypatch):
    task = load_task('fetch_pick')
    halfway = gallery.draw(task)
    assert halfway.shape == (240, 320, 3)
    monkeypatch.setattr(gallery, 'EXPERTS', {})
    assert (gallery.draw(task) != halfway).any()


def test_a_line_names_what_there_is_to_know():
    rate = {'task': 'fetch_pick', 'episodes': 50, 'success_rate': 0.98, 'mean_steps': 26.4}
    line = gallery.describe('fetch_pick', 'tasks/fetch_pick.jpg', rate)
    for part in ('(tasks/fetch_pick.jpg)', 'Pick a block', 'fetch', '0.05', '98% of 50, 26 steps'):
        assert part in line
    assert 'not measured' in gallery.describe('fetch_pick', 'x.jpg', None)


def test_the_rule_counts_parts():
    task = load_task('fetch_pick')
    goal = GoalRewardConfig(distance=0.02, part=3)
    reward = RewardConfig('goal', 'distance', 0.02, goal=goal)
    two = replace(task, reward=reward, goal=replace(task.goal, size=6))
    assert gallery.rule(two) == 'each of 2 parts within 0.02'
    assert gallery.rule(task) == 'goal within 0.05'
    assert gallery.rule(load_task('usb_insertion')) == 'electrical contact'


def test_only_the_table_is_written_anew():
    once = gallery._fill('# Tasks\n\nby hand\n', 'first')
    again = gallery._fill(once + 'more by hand\n', 'second')
    assert again.startswith('# Tasks\n\nby hand\n')
    assert again.endswith('more by hand\n')
    assert 'second' in again
    assert 'first' not in again


def test_rates_are_read_and_the_last_counts(tmp_path: Path):
    path = tmp_path / 'rates.jsonl'
    path.write_text('{"task": "a", "success_rate": 0}\n\n{"task": "a", "success_rate": 1}\n')
    assert gallery.read_rates(path) == {'a': {'task': 'a', 'success_rate': 1}}
    path.write_text('{"name": 3}')
    with pytest.raises(InputError, match=r'rates\.jsonl: expected lines of'):
        gallery.read_rates(path)
