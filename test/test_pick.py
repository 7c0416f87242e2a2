# SPDX-License-Identifier: Apache-2.0
"""The bench of Fetch's pick from pictures: what is learned, and a run from start to table."""

import json
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import pick
from benchmarks.images import configure
from benchmarks.pick import STARTS, VARIANTS, Outcome
from robot_rl.episodes.episode import Limits
from robot_rl.errors import InputError
from robot_rl.learning.config import load_agent
from robot_rl.replay.dataset import read_steps
from robot_rl.task import load_task, robot_of
from sim_bridge.host import DirectHost
from sim_bridge.tasks.fetch_pick import PickOptions

TASK = pick.small(load_task(pick.TASK))
BASE = load_agent('ddpg_pick_image_small')


@pytest.fixture
def short(monkeypatch):
    """Runs of a few steps, which leave pytest's process as it is."""
    learner = replace(BASE.learner, batch_size=8, warmup_steps=50, offline_updates=2, capacity=500)
    agent = replace(BASE.agent, hidden=(16,), device='cpu')
    monkeypatch.setattr(pick, 'FILE_EPISODES', 1)
    monkeypatch.setattr(pick, 'configure_process', lambda threads: None)
    monkeypatch.setattr(
        pick, 'load_agent', lambda name: replace(BASE, agent=agent, learner=learner)
    )


def test_pictures_are_small_and_looks_do_not_vary():
    assert {camera.size for camera in TASK.cameras} == {(48, 48)}
    assert all(camera.depth for camera in TASK.cameras)
    assert not TASK.looks.varies
    for grasped in STARTS.values():
        begun = pick.beginning(TASK, grasped)
        assert PickOptions(**begun.scene_options).grasped == grasped


def test_block_and_goal_are_in_the_picture_wherever_they_are():
    high = replace(TASK, scene_options=TASK.scene_options | {'air': 1.0})
    with closing(DirectHost(high, robot_of(high), Limits(1), 1, records=False)) as host:
        for _ in range(30):
            seen = host.reset().entries
            for name in ('image', 'goal_image'):
                red, green, _ = np.moveaxis(seen[name].astype(int), -1, 0)
                where = f'{name}: block {seen["achieved_goal"]}, goal {seen["desired_goal"]}'
                assert (red - green > 60).sum() >= 12, where


def test_only_the_symmetric_critic_sees_pictures():
    critics = {v: configure(v, BASE).agent.critic_entries for v in VARIANTS}
    assert 'image' in critics['sym_her']
    assert critics['asym_her'] == critics['asym_her_plain'] == BASE.agent.critic_entries
    assert 'image' not in critics['asym_her']
    assert [bool(configure(v, BASE).agent.bottleneck_entries) for v in VARIANTS] == [1, 0, 0]


def test_runs_are_recorded_learned_from_and_counted_once(short, tmp_path, capsys):
    shown, out = tmp_path / 'shown', tmp_path / 'pick.jsonl'
    command = ['--variants', 'sym_her', '--seeds', '0', '--steps', '60', '--every', '60']
    command += ['--episodes', '1', '--demonstrations', str(shown), '--record', '2']
    command += ['--out', str(out)]
    assert pick.main(command) == 0
    goals = [
        tuple(step.observation.entries['desired_goal'])
        for name in ('0.npz', '1.npz')
        for step in read_steps(shown / name)
    ]
    assert len(set(goals)) == 2
    said = capsys.readouterr().out
    assert '2 episodes of the expert, 2 solved' in said
    (shown / '1.npz').unlink()
    result = json.loads(said.splitlines()[-1])
    assert result['by_variant']['sym_her'] in (0.0, 1.0)
    before = out.read_text()
    assert pick.main(command) == 0
    assert out.read_text() == before
    said = capsys.readouterr().out
    assert '| sym_her | 0 | 100 |' in said
    assert 'episodes of the expert' not in said
    pick.record(TASK, shown, 2)
    assert '1 episodes of the expert' in capsys.readouterr().out


def test_an_agent_without_demonstrations_is_refused(tmp_path):
    base = load_agent('ddpg_image')
    with pytest.raises(InputError, match='expected one with demonstrations, got ddpg_image'):
        pick.demonstrated(base, TASK, tmp_path / 'none.npz', 1)


def test_the_table_has_a_row_a_run():
    last = dict(zip(STARTS, (0.8, 0.7, 0.9), strict=True))
    runs = [Outcome(v, 1, [10], [0.5], 20, last, 120.0) for v in reversed(VARIANTS)]
    rows = pick.table(runs).splitlines()
    assert rows[2] == '| asym_her | 1 | 10 | 2 | 50% | 80% | 70% | 90% |'
    assert len(rows) == 2 + len(VARIANTS)
    assert np.all([len(row.split('|')) == len(rows[0].split('|')) for row in rows])
