# SPDX-License-Identifier: Apache-2.0
"""Learner and reward that die, and power that fails, while the arm learns in real time.

Like `test_faults.py`, with a learner, a recording, and a process for each part that is killed.
"""

import os
import signal
import time
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from arm_stage import ALLOWANCE_S, ROBOT
from fault_graph import LEARNING, LearningGraph, Starved, busy, meta
from robot_rl_msgs.msg import Action, OperatorEvent, Reward, Step

from benchmarks.integrity import audit
from robot_rl import types as core
from robot_rl.learning.checkpoint import load
from robot_rl.nodes.conversions import from_time
from robot_rl.replay.bag import recordings
from robot_rl.replay.dataset import load_dataset
from robot_rl.replay.recording import read_steps
from robot_rl.task import data_spec, load_task

pytestmark = pytest.mark.graph

RATES = load_task('usb_insertion').rates


def follows(one: core.Step, other: core.Step) -> bool:
    """Whether two steps of a recording make a transition."""
    before, after = one.observation, other.observation
    in_a_row = other.sequence == one.sequence + 1 and not one.last
    return in_a_row and (before.collector, before.episode) == (after.collector, after.episode)


@pytest.fixture(scope='module')
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LearningGraph]:
    made = LearningGraph(tmp_path_factory.mktemp('run'))
    yield made
    made.close()


@pytest.fixture
def graph(running: LearningGraph) -> LearningGraph:
    running.bring_up()
    return running


@pytest.mark.fault(12)
def test_row_12_learner_killed(graph: LearningGraph) -> None:
    graph.until(lambda: len(graph.checkpoints) > 1, 30, 'two checkpoints')
    actions = graph.listener.collect(Action, 'control/action')
    graph.until(lambda: bool(actions), 10, 'an action')
    graph.observations.clear()
    graph.statuses.clear()
    graph.end('learner', signal.SIGKILL)
    before = meta(graph.checkpoints[-1])
    graph.watch(2.0)
    graph.restart('learner')
    graph.until(lambda: meta(graph.checkpoints[-1])['updates'] > before['updates'], 30, 'learning')
    *asked, _ = [from_time(o.header.stamp) for o in graph.observations]
    assert set(asked) <= {from_time(a.header.stamp) for a in actions}, 'a cycle was missed'
    after = graph.save()
    assert after['run'] == before['run']
    assert before['updates'] < after['updates'] <= after['env_steps'] - 10
    assert not audit(load(graph.checkpoints[-1]))


@pytest.mark.fault(42)
def test_row_42_reward_killed(graph: LearningGraph) -> None:
    rewards = graph.listener.collect(Reward, 'reward')
    steps = graph.listener.collect(Step, 'replay')
    graph.until(lambda: bool(rewards and steps), 10, 'rewards and steps')
    held = graph.check('42 reward killed', graph.strike('reward', signal.SIGKILL), 1.0)
    graph.until(lambda: graph.logged('reward: silent'), 5, 'who is silent')
    counted, heard = len(steps), len(rewards)
    graph.watch(1.0)
    assert len(steps) == counted, 'a step without reward was sent'
    assert not any(v.any() for _, v in graph.after(held))
    silent = graph.observations[-1]
    graph.restart('reward')
    graph.until(lambda: graph.observations[-1].episode > silent.episode, 20, 'the next episode')
    graph.until(graph.moving, 5, 'motion')
    graph.until(lambda: steps[-1].observation.episode > silent.episode, 10, 'a step of it')
    sent = {from_time(s.observation.header.stamp): s.reward for s in list(steps)}
    graph.until(lambda: from_time(rewards[-1].header.stamp) >= max(sent), 5, 'its reward')
    killed, restarted = (
        {from_time(r.header.stamp): r.value for r in life}
        for life in (rewards[:heard], rewards[heard:])
    )
    # Replay may hear a reward node earlier, and of the killed one a last word more, than we do.
    assert sum(max(killed) < stamp_ns < min(restarted) for stamp_ns in list(sent)[:counted]) <= 1
    for paid in (killed, restarted):
        of_it = {t: reward for t, reward in sent.items() if min(paid) <= t <= max(paid)}
        assert of_it
        assert of_it == {t: paid.get(t) for t in of_it}
    assert from_time(silent.header.stamp) not in {*killed, *restarted}


@pytest.mark.parametrize('name', ['replay', 'learner'])
def test_a_kill_leaves_no_gap_that_is_not_counted(graph: LearningGraph, name: str) -> None:
    steps = graph.listener.collect(Step, 'replay')
    graph.until(lambda: bool(steps), 10, 'steps')
    before = graph.save()
    collector, first = steps[0].collector, before['sequences'][steps[0].collector]
    graph.end(name, signal.SIGKILL)
    sent = len(steps)
    graph.restart(name)
    graph.until(lambda: len(steps) > sent + 20, 30, 'more steps')
    wanted = steps[-1].sequence
    graph.until(lambda: graph.save()['sequences'][collector] > wanted, 30, 'them in replay')
    after = load(graph.checkpoints[-1])
    assert not audit(after)
    assert after.meta['run'] == before['run']
    end = after.meta['sequences'][collector]
    unsent = set(range(first, end)) - {s.sequence for s in steps}
    lost = after.meta['lost_steps'] - before['lost_steps']
    assert lost == len(unsent) if name == 'learner' else 0 < lost <= len(unsent)


@pytest.mark.fault(46)
def test_row_46_overload(graph: LearningGraph) -> None:
    starved = Starved(graph, 'controller', seconds=3.0)
    graph.diagnostics.clear()
    with busy(4):
        graph.watch(0.5)
        since = time.monotonic()
        starved.start()
        six_missed_s = 6 * (Starved.PAUSE_S + Starved.RUN_S)
        graph.check('46 overload', since, six_missed_s + 0.25, within=2.8)
        starved.join()
    assert any(s.reason == 'overload' for s in graph.statuses)
    graph.until(lambda: graph.says('safety_node', 'overload'), 5, 'the cause')
    graph.until(graph.moving, 10, 'motion')


@pytest.mark.fault(29)
@pytest.mark.parametrize(('topic', 'seconds'), [('wrench', 5), ('policy/action', 3)])
def test_row_29_a_flood_of_messages(graph: LearningGraph, topic: str, seconds: int) -> None:
    graph.log.clear()
    graph.statuses.clear()
    graph.start_script('flood', 'flood.py', topic, '5000', str(seconds))
    graph.until(lambda: not graph.alive('flood'), 30, 'the end of the flood')
    stamps = np.array([from_time(s.header.stamp) for s in graph.statuses]) * 1e-9
    jitter = np.abs(np.diff(stamps) - 1 / RATES.control_hz)
    p50, p90 = np.quantile(jitter, [0.5, 0.9])
    print(f'29 {topic}: jitter p50 {p50 * 1e3:.1f} ms, p90 {p90 * 1e3:.1f} ms')
    assert p90 <= 0.01 + ALLOWANCE_S
    graph.until(lambda: graph.logged(f'{topic}: .* flooded by .*flood_'), 5, 'who floods')


@pytest.mark.fault(45)
def test_row_45_power_lost_in_an_episode(graph: LearningGraph) -> None:
    graph.until(lambda: len(graph.checkpoints) > 1, 30, 'two checkpoints')
    recording = recordings(graph.folder / 'bag')[-1]
    graph.until(lambda: recording.stat().st_size > 1000, 30, 'a recording')
    age_s = time.time() - (graph.checkpoints[-1] / 'meta.json').stat().st_mtime
    assert age_s < 60
    for name in LEARNING:
        graph.send(name, signal.SIGKILL)
    kept, cut = graph.checkpoints[-2:]
    os.truncate(cut / 'learner.safetensors', 1000)
    last = graph.observations[-1]
    os.truncate(recording, recording.stat().st_size - 100)
    task = load_task(str(graph.settings['task']))
    steps = list(read_steps(recording))
    assert not steps[-1].last
    following = [follows(a, b) for a, b in pairwise(steps)]
    assert len(load_dataset(recording, data_spec(task, ROBOT))) == sum(following)
    assert steps[-1].observation.step > last.step - 50, 'more than some seconds are lost'

    graph.watch(0.2)  # what was sent before
    graph.sent.clear()
    graph.diagnostics.clear()
    graph.log.clear()
    for name in LEARNING:
        graph.restart(name)
    graph.until(lambda: graph.says('driver_node', 'disarmed'), 20, 'the driver')
    after = graph.save()
    assert after['run'] == meta(kept)['run']
    assert after['env_steps'] == meta(kept)['env_steps']
    assert after['updates'] == meta(kept)['updates']
    assert not any(v.any() for _, v in graph.sent), 'it moved before it was armed'
    graph.arm('safety')
    if graph.logged('waiting for a person'):  # nobody armed it in time
        graph.publish(OperatorEvent, 'operator/event', OperatorEvent(event=OperatorEvent.RESUME))
    graph.bring_up()
    assert graph.observations[-1].collector != last.collector
    assert recordings(graph.folder / 'bag')[-1] != recording
