# SPDX-License-Identifier: Apache-2.0
"""The graph and the direct host are one system: same seed, same steps, bit for bit."""

from collections.abc import Iterator

import numpy as np
import pytest
from graph import LIGHT_NODES, Listener, process
from robot_rl_msgs import msg as rr

from robot_rl.control.robot import load_robot
from robot_rl.episodes.episode import Limits
from robot_rl.learning.build import make_player
from robot_rl.nodes import records
from robot_rl.task import load_task
from robot_rl.types import Step
from sim_bridge.host import DirectHost

SEED = 3
EPISODES = 4


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


def direct_steps() -> list[Step]:
    task = load_task('usb_insertion')
    robot = load_robot(task.robot)
    host = DirectHost(task, robot, Limits(task.horizon), SEED)
    player = make_player(task, robot, 'sample', SEED)
    for _ in range(EPISODES):
        observation = host.reset()
        while not host.episodes.over:
            action = player.act(observation)
            assert action is not None
            observation = host.act(action)
    return host.take_steps()


def graph_steps(listener: Listener, processes: str) -> list[Step]:
    """Steps of the same episodes through DDS."""
    received = listener.collect(rr.Step, 'replay')
    settings = {'sync': 'lockstep', 'learning': False, 'episodes': EPISODES, 'seed': SEED}
    groups = [LIGHT_NODES] if processes == 'composed' else [(node,) for node in LIGHT_NODES]
    running = [process('container', nodes=group, **settings) for group in groups]
    for each in running:
        each.__enter__()
    try:
        done = listener.until(lambda: sum(m.last for m in received) == EPISODES, 60)
    finally:
        for each in running:
            each.__exit__(None, None, None)
    assert done, f'{len(received)} steps arrived, {sum(m.last for m in received)} ends'
    return [records.from_step(message) for message in received]


@pytest.mark.parametrize('processes', ['composed', 'separate'])
def test_both_hosts_give_the_same_steps(listener: Listener, processes: str) -> None:
    expected, got = direct_steps(), graph_steps(listener, processes)
    assert [s.sequence for s in got] == list(range(len(expected)))
    start_ns = got[0].observation.stamp_ns - expected[0].observation.stamp_ns
    for ours, theirs in zip(got, expected, strict=True):
        assert ours.observation.stamp_ns - theirs.observation.stamp_ns == start_ns
        for name in ('episode', 'step', 'truncated'):
            assert getattr(ours.observation, name) == getattr(theirs.observation, name)
        for name in ('reward', 'success', 'terminated', 'truncated', 'interventions', 'source'):
            assert getattr(ours, name) == getattr(theirs, name), name
        for name in ('requested', 'executed', 'policy'):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), name)
        assert ours.observation.entries.keys() == theirs.observation.entries.keys()
        for name, entry in theirs.observation.entries.items():
            np.testing.assert_array_equal(ours.observation.entries[name], entry, name)
            assert ours.observation.entries[name].dtype == entry.dtype
