# SPDX-License-Identifier: Apache-2.0
"""Tasks that are seen: from the camera to the learner, and the contact sheet."""

from contextlib import closing
from dataclasses import replace

import cv2
import numpy as np
import pytest

from benchmarks.images import VARIANTS, Scripted, configure
from robot_rl import cli, config
from robot_rl.agents.bc import BC
from robot_rl.episodes.episode import Limits
from robot_rl.episodes.observation import EntryConfig, _bytes
from robot_rl.errors import InputError
from robot_rl.learning.build import make_learner
from robot_rl.learning.config import load_agent
from robot_rl.learning.learner import Learner, RunInfo
from robot_rl.task import data_spec, load_task, robot_of
from robot_rl.types import Action
from sim_bridge import tiles, view
from sim_bridge.direct import train_episode
from sim_bridge.host import DirectHost

FAST = {'hidden': (16, 16), 'device': 'cpu'}


@pytest.fixture(scope='module')
def host():
    task = load_task('particle_image')
    with closing(DirectHost(task, robot_of(task), Limits(task.horizon), 0)) as made:
        yield made


@pytest.mark.parametrize('variant', VARIANTS)
def test_every_variant_learns_from_an_episode(variant, host):
    task = load_task('particle_image')
    robot, made = robot_of(task), configure(variant, load_agent('ddpg_image'))
    learning = replace(made.learner, batch_size=8, warmup_steps=45, capacity=200)
    made = replace(made, agent=replace(made.agent, **FAST), learner=learning)
    spec = data_spec(task, robot)
    agent = made.make(spec, 0)
    if isinstance(agent, BC) and agent.config.expert:
        agent.teach(Scripted(task))
    learner = Learner(made.learner, agent, spec, RunInfo('', task.name, '', variant, 0, 10.0, ''))
    host.start_over(Limits(task.horizon), 0)
    host.take_steps()
    train_episode(host, agent, learner, 0)
    assert learner.updates > 0
    columns = learner.replay.columns
    assert columns.entries['image'].dtype == np.uint8
    goal = columns.entries['goal_image'][:50]
    assert (goal == goal[0]).all()
    batch = learner._mixture.sample(64, np.random.default_rng(0))
    shown = {picture.tobytes() for picture in columns.entries['image'][:51]}
    later = [picture.tobytes() in shown for picture in batch.observation['goal_image']]
    assert np.mean(later) == pytest.approx(
        0.8 if variant.endswith(('her', 'plain')) else 0, abs=0.1
    )


def test_learners_are_made_as_the_files_say():
    for name in ('particle_image', 'reacher_image', 'fetch_pick_image'):
        task = load_task(name)
        learner = make_learner(task, robot_of(task), 0, 'run')
        assert set(learner.replay.columns.entries) >= {'image', 'goal_image', 'desired_goal'}


@pytest.mark.parametrize('name', ['particle_image', 'reacher_image'])
def test_the_expert_of_the_bench_solves_its_task(name):
    task, solved = load_task(name), []
    expert = Scripted(task)
    blind = replace(task, cameras=(), observation=task.observation[:1])
    with closing(DirectHost(blind, robot_of(task), Limits(task.horizon), 3)) as host:
        for _ in range(4):
            observation = host.reset()
            while not host.over:
                values = expert.act(observation.entries, False)
                observation = host.act(Action(observation.stamp_ns, values, 'script'))
            solved.append(host.reward.success)
    assert np.mean(solved) >= 0.75


def test_a_contact_sheet_shows_what_the_policy_sees(tmp_path, capsys):
    path = tmp_path / 'sheet.png'
    view.main(['observation', 'particle_image', '--episodes', '3', '--out', str(path)])
    assert 'sheet.png: ' in capsys.readouterr().out
    sheet = cv2.imread(str(path))
    side = (tiles.SIDE + tiles.STRIP + 2 * tiles.GAP, 2 * tiles.SIDE + 2 * tiles.GAP)
    assert sheet.shape == (2 * side[0], 2 * side[1], 3)
    assert (sheet[side[0] :, side[1] :] == 255).all()
    assert sheet[: side[0], : side[1]].std() > 10


def test_a_task_without_pictures_has_no_sheet():
    assert 'view' in cli.COMMANDS
    with pytest.raises(InputError, match='task particle: its observation has no pictures'):
        view.main(['observation', 'particle'])


def test_depth_becomes_bytes_between_two_distances():
    depth = np.array([[[0.4], [0.6], [1.4], [5.0], [0.0]]], np.float32)
    assert _bytes(depth, 0.4, 1.4).ravel().tolist() == [0, 51, 255, 255, 0]
    for span in ([1.0, 0.5], [-1.0, 1.0]):
        settings = {'name': 'depth', 'source': 'depth', 'camera': 'a', 'span': span}
        with pytest.raises(InputError, match='depth: span: expected 0 <= low < high'):
            config.parse(EntryConfig, settings, 'task')


def test_frames_are_stacked_along_their_channels():
    task = load_task('particle_image')
    image = replace(task.observation[1], history=3)
    task = replace(task, observation=(task.observation[0], image))
    robot = robot_of(task)
    assert data_spec(task, robot).entries['image'].shape == (48, 48, 9)
    with closing(DirectHost(task, robot, Limits(task.horizon), 0)) as host:
        seen = host.reset()
        for _ in range(3):
            before = seen.entries['image']
            seen = host.act(Action(seen.stamp_ns, np.ones(2)))
            assert np.array_equal(seen.entries['image'][..., :6], before[..., 3:])
