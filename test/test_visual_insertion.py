# SPDX-License-Identifier: Apache-2.0
"""Insertions that are seen: what their policy reads, what pays, and the bench of figure 27."""

import itertools
import os
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import yaml

from benchmarks import insertion
from benchmarks.curves import Length
from benchmarks.insertion_runs import Outcome, configure, exact, train, unaided
from robot_rl import config, resources
from robot_rl.control.kinematics import Kinematics
from robot_rl.episodes.episode import Limits
from robot_rl.episodes.observation import EntryConfig, ObservationBuilder
from robot_rl.errors import InputError
from robot_rl.learning.config import load_agent
from robot_rl.rewards.functions import RewardConfig, make_reward
from robot_rl.task import load_task, robot_of
from robot_rl.types import Action, JointState, Observation, Snapshot, Wrench
from sim_bridge import expert
from sim_bridge.evaluate import Plan, play, two_at_a_time
from sim_bridge.host import DirectHost

TASK = 'usb_insertion_image'


def test_the_actor_sees_pictures_alone_and_the_critic_the_state():
    for name in ('sac_residual_image', 'td3_residual_image'):
        agent = load_agent(name).agent
        assert agent.actor_entries == ('image',)
        assert 'image' not in agent.critic_entries


@pytest.mark.parametrize('name', insertion.TASKS)
def test_pictures_pay_for_the_way_into_the_socket(name):
    task = load_task(name)
    with closing(DirectHost(task, robot_of(task), Limits(task.horizon), 1)) as host:
        observation, paid, heights = host.reset(), [], []
        for values in expert.actions(task, host):
            if host.over:
                break
            paid.append(host.reward.value)
            heights.append(observation.entries['achieved_goal'][2] - task.goal.position[2])
            observation = host.act(Action(observation.stamp_ns, values, 'script'))
        assert host.reward.success
        assert host.reward.terminated
        assert host.reward.value > max(paid) / 2
    assert observation.entries['image'].shape == (32, 32, 3)
    assert all(-0.3 < value < -0.01 for value in paid)
    inside = [value for value, height in zip(paid, heights, strict=True) if height < 0.008]
    assert all(a < b + 0.005 for a, b in itertools.pairwise(inside))


def test_the_newest_of_stacked_pictures_is_rewarded(tmp_path):
    goal = tmp_path / 'goal.npy'
    np.save(goal, np.zeros((4, 4), np.uint8))
    settings = {'entry': 'image', 'file': str(goal), 'size': [4, 4]}
    read = config.parse(RewardConfig, {'kind': 'goal_image', 'goal_image': settings}, 'task')
    image = np.stack([np.full((4, 4), v, np.uint8) for v in (255, 255, 51)], axis=-1)
    paid = make_reward(read)(Observation(1, 'a', 0, 0, {'image': image}), False)
    assert paid.value == pytest.approx(-0.2)
    with pytest.raises(InputError, match=r'image: expected shape \(4, 4, 1\)'):
        make_reward(read)(Observation(1, 'a', 0, 0, {'image': image[:3]}), False)


def test_a_goal_picture_must_be_as_large_as_what_is_compared(tmp_path):
    path = resources.find('config/tasks', TASK)
    data = yaml.safe_load(path.read_text()) | {'extends': None}
    below = path.parent / 'common'
    for name in ('insertion', 'insertion_image'):
        for key, value in yaml.safe_load((below / f'{name}.yaml').read_text()).items():
            data[key] = (value | data.get(key, {})) if isinstance(value, dict) else value
    data = {k: v for k, v in data.items() if k != 'extends'}
    data |= {'name': 'x', 'scene': 'usb_insertion'}
    wrong = tmp_path / 'wrong.yaml'
    for change, said in (
        (
            {'size': [48, 48]},
            r'goal_image: size: expected \[32, 32\] as image has, got \[48',
        ),
        ({'entry': 'wrench'}, "goal_image: entry: no colour picture 'wrench'; known: image"),
    ):
        reward = {'kind': 'goal_image', 'goal_image': data['reward']['goal_image'] | change}
        wrong.write_text(yaml.safe_dump(data | {'reward': reward}))
        with pytest.raises(InputError, match=said):
            load_task(str(wrong))


def test_an_offset_is_subtracted_and_must_fit(snapshot_of):
    entry = EntryConfig('tool', 'tool_position', offset=(0.1, 0.2, 0.3), scale=10.0)
    kinematics, snapshot = snapshot_of
    built = ObservationBuilder((entry,), kinematics).build(snapshot)
    assert built['tool'] == pytest.approx((built['achieved_goal'] - (0.1, 0.2, 0.3)) * 10)
    with pytest.raises(InputError, match=r'tool: offset: expected 3 values, got \[1\.0\]'):
        ObservationBuilder((replace(entry, offset=(1.0,)),), kinematics).build(snapshot)


@pytest.fixture(name='snapshot_of')
def _snapshot_of():
    robot = robot_of(load_task('usb_insertion'))
    home = np.asarray(robot.home)
    state = JointState(0, home, np.zeros_like(home))
    return Kinematics(robot), Snapshot(0, state, Wrench(0, np.zeros(3), np.zeros(3)), {})


def test_the_expert_demonstrates_without_a_base_controller():
    played = expert.play(unaided(load_task(TASK)), 2, 5)
    assert played.success == [True, True]


def test_variants_of_the_bench_are_what_they_say():
    assert exact(load_task(TASK)).goal.noise == (0.0, 0.0, 0.0)
    assert configure('residual_sac').agent == load_agent('sac_residual_image').agent
    assert configure('sac').agent.mean_init_scale == 1.0
    assert configure('td3').agent.critic_burn_in == 0
    assert configure('lfd').agent.cloning.weight > 0


@pytest.mark.parametrize('variant', ['residual_sac', 'lfd'])
def test_a_short_run_of_the_bench_learns_and_is_counted(variant, monkeypatch):
    monkeypatch.setattr('benchmarks.insertion_runs.DEMONSTRATIONS', 1)
    monkeypatch.setattr('benchmarks.insertion_runs.OFFLINE', 3)

    def few(name):
        made = configure(name)
        agent = replace(made.agent, hidden=(8,), critic_burn_in=0)
        return replace(made, agent=agent, learner=replace(made.learner, batch_size=4))

    monkeypatch.setattr('benchmarks.insertion_runs.configure', few)
    short = replace(load_task(TASK), horizon=4)
    found = train(short, variant, 0, Length(4, 4, 1))
    assert (found.task, found.variant, found.steps) == (TASK, variant, [4])
    assert found.perfect in (0.0, 1.0)


def test_the_table_stands_beside_the_thesis(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(insertion, 'configure_process', lambda threads: None)  # pytest's own
    path = tmp_path / 'found.jsonl'
    made = [Outcome(TASK, 'residual_sac', s, 1.0, 0.9 - s / 10, 50, [10], [1.0]) for s in (0, 1)]
    for outcome in made:
        insertion.curves.append(path, outcome)
    assert insertion.main(['--variants', '--out', str(path)]) == 0
    said = capsys.readouterr().out
    assert '| usb | residual_sac | 2 | 10 | 100% (100%) | 100% | 85% (80%) | 80% |' in said
    assert '"value": 1.0' in said


def test_pictures_are_drawn_in_other_processes_once_this_one_has_drawn_some():
    task = replace(load_task(TASK), horizon=2)
    with closing(DirectHost(task, robot_of(task), Limits(2), 0)) as host:
        host.reset()
        (found,) = two_at_a_time(play, [Plan('', task, 'zero', 1, 0)])
    assert found.actions == [2]


def test_a_process_that_is_ended_from_outside_is_said():
    with pytest.raises(InputError, match='_exit: a process was ended from outside'):
        two_at_a_time(os._exit, [1, 1])
