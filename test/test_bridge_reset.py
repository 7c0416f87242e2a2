# SPDX-License-Identifier: Apache-2.0
"""The bridge's service `reset`: begins in a seed's start, or in a state saved before."""

import json

import numpy as np
import pytest
from graph import Listener, process
from robot_rl_msgs.msg import SceneState
from robot_rl_msgs.srv import Reset

from robot_rl.task import load_task, robot_of
from robot_rl.types import JointCommand
from sim_bridge.build import make_world


@pytest.fixture(name='listener')
def fixture_listener():
    listener = Listener()
    yield listener
    listener.close()


def test_a_state_saved_elsewhere_comes_back_in_the_graph(listener):
    task = load_task('fetch_pick')
    world = make_world(task, robot_of(task))
    world.reset(3)
    for _ in range(5):
        world.apply(JointCommand(world.stamp_ns, 'velocity', np.full(8, 0.02)))
        world.step()
    told, state = world.scene_state(), world.world_state()
    world.close()
    scenes = listener.collect(SceneState, 'scene_state')
    with process('sim_bridge', task='fetch_pick', sync='lockstep'):
        begun = listener.call(Reset, 'reset', Reset.Request(seed=1, state=state.tobytes()))
        assert begun.success, begun.message
        assert listener.until(lambda: bool(scenes))
        refused = listener.call(Reset, 'reset', Reset.Request(seed=1, state=b'{}'))
    found = {t.name.split('/')[-1]: np.frombuffer(t.data, t.dtype) for t in scenes[0].vectors}
    for name in ('achieved_goal', 'desired_goal'):
        np.testing.assert_array_equal(found[name], told[name])
    assert not refused.success
    assert 'state' in refused.message


def test_looks_are_noted_with_the_episode_they_are_of(listener, tmp_path):
    with process('sim_bridge', task='fetch_reach_image', sync='lockstep', run_dir=str(tmp_path)):
        for episode in (7, 8):
            begun = listener.call(Reset, 'reset', Reset.Request(seed=3, episode=episode))
            assert begun.success, begun.message
    lines = [json.loads(line) for line in (tmp_path / 'looks.jsonl').read_text().splitlines()]
    assert [(line['episode'], line['seed']) for line in lines] == [(7, 3), (8, 3)]
