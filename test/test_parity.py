# SPDX-License-Identifier: Apache-2.0
"""The graph and the direct host are one system: same seed, same steps, bit for bit."""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from graph import LIGHT_NODES, Listener, process
from robot_rl_msgs import msg as rr

from robot_rl import resources
from robot_rl.episodes.episode import Limits
from robot_rl.learning.build import make_player
from robot_rl.nodes import records
from robot_rl.replay.step_file import read_steps
from robot_rl.task import load_task, robot_of
from robot_rl.types import Step
from sim_bridge.expert import main as expert
from sim_bridge.host import DirectHost

pytestmark = pytest.mark.graph

SEED = 3
EPISODES = 3


def wiring(name: str) -> tuple[Any, ...]:
    """What of a task decides what its graph carries."""
    task = load_task(name)
    sources = {entry.source for entry in task.observation}
    action = 'gripper' in task.action.axes, bool(task.action.joints), bool(task.held)
    goal = task.goal.from_scene, task.goal.tool, task.reward.kind, task.base.kind
    return task.robot, frozenset(sources), bool(task.cameras), *action, *goal


#: One task of each wiring; `usb_insertion` has tests of its own.
PLAYED = {wiring(name): name for name in resources.names('config/tasks')}
PLAYED.pop(wiring('usb_insertion'))
FEW = 8  # steps of the episode that every task plays; the graph goes on playing


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


def visual_task(folder: Path) -> str:
    """The USB task seen by a camera with colour and depth, rewarded by a goal picture."""
    task = yaml.safe_load(resources.find('config/tasks', 'usb_insertion').read_text())
    goal = folder / 'goal.png'
    cv2.imwrite(str(goal), np.full((32, 32), 128, np.uint8))
    camera = {'name': 'closeup', 'size': [32, 32], 'frozen_frames': 0, 'gray': True}
    task['cameras'] = [camera | {'depth': True, 'holes': {}}]
    task['observation'] += [
        {'name': 'gray', 'source': 'color', 'camera': 'closeup'},
        {'name': 'depth', 'source': 'depth', 'camera': 'closeup'},
    ]
    picture = {'entry': 'gray', 'file': str(goal), 'size': [32, 32]}
    task['reward'] = {'kind': 'goal_image', 'goal_image': picture}
    task['horizon'] = 8
    path = folder / 'visual.yaml'
    path.write_text(yaml.safe_dump(task))
    return str(path)


def direct_steps(name: str, policy: Any, steps: int = 0) -> list[Step]:
    """All steps of some episodes, or the first few."""
    task = load_task(name)
    robot = robot_of(task)
    host = DirectHost(task, robot, Limits(task.horizon), SEED)
    player = make_player(task, robot, policy, SEED)
    taken: list[Step] = []
    with closing(host):
        for _ in range(1 if steps else EPISODES):
            observation = host.reset()
            while not (host.over or 0 < steps <= len(taken)):
                action = player.act(observation)
                assert action is not None
                observation = host.act(action)
                taken += host.take_steps()
    return taken[:steps] if steps else taken


def graph_steps(
    listener: Listener, groups: list[tuple[str, ...]], count: int, **more: Any
) -> list[Step]:
    """The first steps that the graph plays; asks for those that came before we listened."""
    received: dict[int, Any] = {}
    messages = listener.collect(rr.Step, 'replay')
    acks = listener.node.create_publisher(rr.ReplayAck, 'replay/ack', 10)
    listener.node.create_timer(0.5, lambda: acks.publish(rr.ReplayAck(resend=True)))

    def complete() -> bool:
        received.update((m.sequence, m) for m in messages)
        messages.clear()
        return set(range(count)) <= received.keys()

    settings = {'sync': 'lockstep', 'learning': False, 'seed': SEED} | more
    with ExitStack() as stack:
        for group in groups:
            stack.enter_context(process('container', nodes=group, **settings))
        done = listener.until(complete, 80)
    assert done, f'{len(received)} steps arrived'
    return [records.from_step(received[sequence]) for sequence in range(count)]


def compare(got: list[Step], expected: list[Step]) -> None:
    assert [s.sequence for s in got] == list(range(len(expected)))
    for ours, theirs in zip(got, expected, strict=True):
        for name in ('stamp_ns', 'episode', 'step', 'truncated'):
            assert getattr(ours.observation, name) == getattr(theirs.observation, name), name
        for name in ('reward', 'success', 'terminated', 'truncated', 'interventions', 'source'):
            assert getattr(ours, name) == getattr(theirs, name), name
        for name in ('requested', 'executed', 'policy'):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), name)
        assert ours.observation.entries.keys() == theirs.observation.entries.keys()
        for name, entry in theirs.observation.entries.items():
            np.testing.assert_array_equal(ours.observation.entries[name], entry, name)
            assert ours.observation.entries[name].dtype == entry.dtype


@pytest.mark.parametrize('processes', ['composed', 'separate'])
def test_both_hosts_give_the_same_steps(listener: Listener, processes: str) -> None:
    groups = [LIGHT_NODES] if processes == 'composed' else [(node,) for node in LIGHT_NODES]
    expected = direct_steps('usb_insertion', 'sample')
    assert any(np.any(step.requested) for step in expected)
    compare(graph_steps(listener, groups, len(expected), policy='sample'), expected)


def test_both_hosts_see_and_reward_the_same_pictures(listener: Listener, tmp_path: Path) -> None:
    task = visual_task(tmp_path)
    expected = direct_steps(task, 'zero')
    pictures = [step.observation.entries for step in expected]
    assert any((a['gray'] != b['gray']).any() for a, b in itertools.pairwise(pictures))
    assert all(np.isfinite(entries['depth']).all() for entries in pictures)
    assert all(-1 < step.reward < 0 for step in expected)
    groups = [(*LIGHT_NODES, 'camera_node')]
    compare(graph_steps(listener, groups, len(expected), policy='zero', task=task), expected)


@pytest.mark.parametrize('name', PLAYED.values())
def test_both_hosts_play_every_wiring_alike(listener: Listener, name: str) -> None:
    expected = direct_steps(name, 'sample', FEW)
    assert len(expected) == FEW
    nodes = (*LIGHT_NODES, 'camera_node') if load_task(name).cameras else LIGHT_NODES
    compare(graph_steps(listener, [nodes], FEW, policy='sample', task=name), expected)


def test_episodes_begin_in_states_of_demonstrations(listener: Listener, tmp_path: Path) -> None:
    shown = tmp_path / 'shown.npz'
    assert expert(['fetch_pick', '--episodes', '2', '--demonstrations', str(shown)]) == 0
    agent = yaml.safe_load(resources.find('config/agents', 'sac_her').read_text())
    agent['learner'] |= {'demonstrations': {'path': str(shown), 'share': 0.25}}
    agent['learner'] |= {'starts': {'share': 1.0}, 'checkpoint_steps': 100000}
    (tmp_path / 'agent.yaml').write_text(yaml.safe_dump(agent))
    known = {s.observation.entries['achieved_goal'].tobytes() for s in read_steps(shown)}
    settings = {'agent': tmp_path / 'agent.yaml', 'learning': True, 'run_dir': tmp_path}
    groups = [LIGHT_NODES, ('learner_node',)]
    steps = graph_steps(listener, groups, 4, task='fetch_pick', steps=60, **settings)
    assert steps[0].observation.first
    assert steps[0].observation.entries['achieved_goal'].tobytes() in known
