# SPDX-License-Identifier: Apache-2.0
"""Pictures for people: depth before and after filling, and what a bottleneck reads."""

import re
from dataclasses import replace

import cv2
import numpy as np
import pytest

from robot_rl.agents.ddpg import DDPG, DDPGConfig
from robot_rl.errors import InputError
from robot_rl.learning.build import make_learner
from robot_rl.learning.checkpoint import save
from robot_rl.perception.holes import HolesConfig
from robot_rl.task import data_spec, load_task, robot_of
from sim_bridge import depth_view, view
from sim_bridge.bottleneck_view import Reconstruction, reconstruct
from sim_bridge.depth_view import HOLE, paint
from sim_bridge.tiles import GAP, SIDE, STRIP


def test_depth_is_shown_before_and_after_filling(tmp_path):
    path = tmp_path / 'depth.png'
    view.main(
        ['depth', 'fetch_pick_image', '--episodes', '1', '--across', '1', '--out', str(path)]
    )
    sheet = cv2.imread(str(path))[..., ::-1]
    assert sheet.shape == (SIDE + STRIP + 2 * GAP, 3 * SIDE + 2 * GAP, 3)
    holes = [
        (sheet[GAP + STRIP : -GAP, GAP + i * SIDE :][:, :SIDE] == HOLE).all(-1).mean()
        for i in range(3)
    ]
    assert holes[0] == holes[2] == 0
    assert 0.01 < holes[1] < 0.5
    with pytest.raises(InputError, match='task particle_image: none of its cameras gives depth'):
        view.main(['depth', 'particle_image'])


@pytest.mark.parametrize(
    ('holes', 'title'),
    [(None, r'holes added, \d+% valid'), (HolesConfig(), r'measured \d+% valid')],
)
def test_the_title_says_where_holes_were_added(monkeypatch, holes, title):
    task, told = load_task('fetch_pick_image'), []
    task = replace(task, cameras=tuple(replace(c, holes=holes) for c in task.cameras))
    monkeypatch.setattr(depth_view, 'tile', lambda pictures, titles: told.extend(titles))
    monkeypatch.setattr(depth_view, 'sheet_of', lambda tiles, across: tiles)
    depth_view.depth_sheet(task, 1, 0, 1)
    assert re.fullmatch(title, told[1])


def test_near_is_bright_and_nothing_is_pink():
    picture = paint(np.array([[0.5, 1.0, np.nan, 9.0]], np.float32), 0.5, 2.0)
    brightness = picture.sum(-1)[0].astype(int)
    assert tuple(picture[0, 2]) == HOLE
    assert brightness[0] > brightness[1] > brightness[3]


def test_a_gray_history_is_no_colour():
    stack = np.stack([np.full((4, 4), v, np.uint8) for v in (10, 20, 30)], axis=-1)
    assert (view._newest(stack, 1) == 30).all()
    assert view._newest(stack, 3).shape == (4, 4, 3)


def test_a_bottleneck_says_entries_in_their_own_units():
    task = load_task('particle')
    spec = data_spec(task, robot_of(task))
    names = ('achieved_goal', 'tool_wrench')
    config = DDPGConfig(hidden=(8, 8), bottleneck_entries=names, normalize=True, device='cpu')
    agent = DDPG(config, spec, 0)
    rng = np.random.default_rng(0)
    many = {
        n: np.full((64, *e.shape), 3.0) + rng.normal(size=(64, *e.shape))
        for n, e in spec.entries.items()
    }
    agent._input.observe(many)
    agent._bottleneck._input.observe(many)
    said = agent.reconstruct({name: values[0] for name, values in many.items()})
    assert {n: v.shape for n, v in said.items()} == {n: spec.entries[n].shape for n in names}
    assert abs(np.mean(said['tool_wrench']) - 3.0) < 2.0
    known = agent._bottleneck._input
    assert known.unscaled(known.batch(many)) == pytest.approx(
        np.concatenate([many[n] for n in names], axis=1), rel=1e-4
    )


def test_an_agent_without_bottleneck_is_named():
    task = load_task('particle')
    agent = DDPG(DDPGConfig(device='cpu'), data_spec(task, robot_of(task)), 0)
    assert agent.reconstruct({}) == {}
    with pytest.raises(InputError, match='has no bottleneck'):
        reconstruct(task, agent, 1, 0)


def test_errors_are_those_between_both_lines():
    found = Reconstruction()
    for true, told in ((0.0, 3.0), (1.0, 5.0)):
        found.add({'x': np.array([true, 7.0])}, {'x': np.array([told, 7.0])})
    assert found.error('x[0]') == pytest.approx(np.sqrt((9 + 16) / 2))
    assert found.error('x[1]') == 0


def test_a_run_folder_shows_what_its_policy_sees(tmp_path, monkeypatch, capsys):
    task = replace(load_task('particle_image'), horizon=5)
    robot = robot_of(task)
    save(tmp_path / 'checkpoints', make_learner(task, robot, 0, 'run').checkpoint())
    monkeypatch.setattr(view, 'SHOWN', 2)
    monkeypatch.setattr(view, 'PLAYED', 1)
    monkeypatch.setattr(view, 'load_task', lambda *names: task)
    assert view.show_sight(tmp_path, task, 0) == ['observation.png', 'bottleneck.png']
    assert cv2.imread(str(tmp_path / 'bottleneck.png')).std() > 5
    assert view.main(['bottleneck', str(tmp_path), '--episodes', '1']) == 0
    assert 'bottleneck.png: 1080x' in capsys.readouterr().out
    with pytest.raises(InputError, match='no checkpoint found'):
        view.main(['bottleneck', str(tmp_path / 'nowhere')])
