# SPDX-License-Identifier: Apache-2.0
import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from step_stream import SPEC, make_step, stream

from robot_rl.errors import InputError
from robot_rl.learning import checkpoint, weights
from robot_rl.learning.config import AgentConfig, LearnerConfig, load_agent
from robot_rl.learning.learner import Learner, RunInfo
from robot_rl.learning.statistics import Statistics

SMALL = {'batch_size': 8, 'capacity': 64, 'warmup_steps': 4, 'checkpoint_steps': 10}
RUN = RunInfo('r1', 'usb', 'sawyer', 'small', 0, 10.0, weights.settings_json('sac', SPEC))


def make(run=RUN, spec=SPEC, **more):
    agent = AgentConfig('small', 'sac', _sac(), LearnerConfig(**(SMALL | more)))
    return Learner(agent.learner, agent.make(spec, run.seed), spec, run)


def _sac():
    from robot_rl.agents.sac import SACConfig

    return SACConfig(hidden=(8,), device='cpu')


def feed(learner, steps):
    for step in steps:
        learner.add(step)
        while learner.owed:
            learner.update()


def same(one, two):
    return all(
        np.array_equal(one.files[f][k], two.files[f][k]) for f in one.files for k in one.files[f]
    )


@pytest.mark.parametrize('ratio', [0.0, 0.25, 1.0, 2.5])
def test_updates_follow_the_ratio_exactly(ratio):
    learner = make(updates_per_step=ratio)
    for step in stream(30):
        feed(learner, [step])
        counted = max(0, learner.statistics.env_steps - 4)
        assert learner.updates == int(ratio * counted)
    assert learner.statistics.env_steps == 30 - 6


def test_no_update_without_a_transition():
    learner = make(warmup_steps=0)
    learner.add(make_step(0, step=7))
    assert learner.owed == 0


def test_repeated_steps_count_nowhere():
    learner, steps = make(), list(stream(10))
    feed(learner, [s for s in steps for _ in range(2)])
    assert learner.summary()['duplicate_steps'] == 10
    assert learner.statistics.env_steps == 8


def test_same_steps_same_learner_whatever_the_timing():
    one, two = make(), make()
    feed(one, stream(30))
    for step in stream(30):
        two.add(step)
        assert two.summary()['env_steps'] == two.statistics.env_steps
        two.weights()
        while two.owed:
            two.update()
    assert same(one.checkpoint(), two.checkpoint())


@settings(max_examples=8)
@given(st.integers(1, 39))
def test_resume_goes_on_bit_for_bit(cut):
    import tempfile
    from pathlib import Path

    steps = list(stream(40))
    whole, first, second = make(), make(), make(dataclasses.replace(RUN, run='r2', seed=5))
    feed(whole, steps)
    feed(first, steps[:cut])
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.save(Path(folder), first.checkpoint())
        found, path = checkpoint.load_latest(Path(folder))
    second.restore(found, str(path))
    assert second.summary() == first.summary()
    assert second.run.run == 'r1'
    feed(second, steps[second.replay.next_sequence('arm') :])
    assert same(whole.checkpoint(), second.checkpoint())
    assert whole.weights() == second.weights()
    assert second.summary()['success_rate_20'] == whole.summary()['success_rate_20']


def test_published_policy_acts_like_the_agent():
    learner = make()
    feed(learner, stream(20))
    sent = learner.weights()
    assert (sent.run, sent.version, sent.episode) == ('r1', learner.updates, 3)
    other = AgentConfig('small', 'sac', _sac(), LearnerConfig()).make(SPEC, 77)
    expected = weights.specs(other.policy_state())
    other.load_policy_state(weights.unpack(sent.data, sent.sha256, expected))
    entries = make_step(3).observation.entries
    own = learner.checkpoint().files['policy']
    assert all(np.array_equal(own[k], v) for k, v in other.policy_state().items())
    assert other.act(entries, False).shape == (2,)


@pytest.mark.parametrize(('rule', 'wanted'), [('episode', 3), ('step', 12)])
def test_publishing_rule(rule, wanted):
    learner, sent = make(publish=rule, warmup_steps=3), 0
    assert learner.publish_due
    assert learner.weights().version == 0
    for step in stream(15):
        feed(learner, [step])
        if learner.publish_due:
            learner.weights()
            sent += 1
    assert sent == wanted + (3 if rule == 'step' else 0)
    assert not learner.publish_due


def test_checkpoints_become_due_by_actions():
    learner, due = make(), []
    for step in stream(40):
        feed(learner, [step])
        if learner.checkpoint_due:
            due.append(learner.checkpoint().meta['env_steps'])
    assert due == [10, 20, 30]


def test_checkpoint_says_what_is_stored():
    learner = make()
    feed(learner, stream(12))
    meta = json.loads(json.dumps(learner.checkpoint().meta))
    assert meta['sequences'] == {'arm': 12}
    wanted = {'run': 'r1', 'task': 'usb', 'robot': 'sawyer', 'agent': 'small', 'seed': 0}
    assert wanted.items() <= meta.items()
    assert (meta['env_steps'], meta['episodes'], meta['updates']) == (9, 2, 5)
    assert meta['robot_minutes'] == pytest.approx(9 / 600)


def spoil(learner):
    """Makes the agent's networks overflow, as a diverging run would."""
    state = learner.checkpoint().files['learner']
    agent = {k[6:]: v for k, v in state.items() if k.startswith('agent/')}
    agent['actor/weights.0'] = np.full_like(agent['actor/weights.0'], np.nan)
    learner._agent.load_state_dict(agent)


@pytest.mark.fault(47)
def test_diverged_policy_is_not_published_and_the_last_good_one_is_kept():
    learner = make()
    feed(learner, stream(20))
    good = learner.weights()
    spoil(learner)
    assert learner.weights() == good
    assert 'actor/weights.0' in learner.diverged
    assert learner.owed == 0
    assert not learner.checkpoint_due
    feed(learner, list(stream(30))[20:])
    assert not learner.publish_due
    with pytest.raises(InputError, match='diverged'):
        learner.checkpoint()


@pytest.mark.fault(47)
def test_diverged_metrics_stop_learning():
    learner = make(measure_every=1)
    feed(learner, stream(20))
    spoil(learner)
    feed(learner, list(stream(30))[20:])
    assert 'after' in learner.diverged


def test_diverged_learner_is_never_saved():
    learner = make()
    feed(learner, stream(20))
    spoil(learner)
    with pytest.raises(InputError, match=r'learning diverged: agent: actor/weights.0'):
        learner.checkpoint()


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'task': 'reach'}, "there: task: expected 'reach', got 'usb'"),
        ({'robot': 'fetch'}, "robot: expected 'fetch', got 'sawyer'"),
        ({'agent': 'big'}, "agent: expected 'big', got 'small'"),
        ({'settings': '{"action_size": 3}'}, 'there: settings.action_size: expected 3, got 2'),
    ],
)
def test_checkpoint_of_another_run_is_refused_by_name(change, message):
    saved = make().checkpoint()
    with pytest.raises(InputError, match=message):
        make(dataclasses.replace(RUN, **change)).restore(saved, 'there')


def test_checkpoint_that_is_none_is_refused():
    with pytest.raises(InputError, match='not a checkpoint of a training run'):
        make().restore(dataclasses.replace(make().checkpoint(), meta={}), 'there')


def test_statistics_of_episodes():
    statistics = Statistics(window=2)
    assert statistics.success_rate is None
    ended = [e for e in map(statistics.add, stream(15)) if e]
    assert [(e.number, e.length, e.success) for e in ended] == [
        (0, 4, True),
        (1, 4, False),
        (2, 4, True),
    ]
    rewards = [s.reward for s in stream(5)]
    assert ended[0].score == pytest.approx(sum(rewards))
    assert ended[0].version == 4
    assert statistics.success_rate == 0.5
    assert (statistics.env_steps, statistics.episodes, statistics.last_episode) == (12, 3, 2)


def test_statistics_keep_collectors_apart():
    statistics = Statistics()
    pairs = zip(stream(10, collector='a'), stream(10, collector='b'), strict=True)
    ended = [e for pair in pairs for e in map(statistics.add, pair) if e]
    assert [e.length for e in ended] == [4, 4, 4, 4]


def write(tmp_path, text):
    path = tmp_path / 'agent.yaml'
    path.write_text(text)
    return str(path)


def test_every_agent_file_of_the_package_loads():
    config = load_agent('sac_residual')
    assert (config.name, config.algorithm) == ('sac_residual', 'sac')
    assert config.make(SPEC, 0).entries == ('place', 'touch')


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('algorithm: sack', "algorithm: unknown 'sack'; known: "),
        ('algorithm: sac\nagent: {gama: 0.9}', "agent: unknown key 'gama'"),
        ('algorithm: sac\nlearner: {batch: 2}', "learner: unknown key 'batch'"),
        ('algorithm: sac\nlearner: {updates_per_step: .nan}', 'updates_per_step'),
        ('algorithm: sac\nlearner: {updates_per_step: -1}', 'updates_per_step'),
        ('algorithm: sac\nlearner: {batch_size: 0}', 'batch_size'),
        ('algorithm: sac\nlearner: {publish: never}', 'publish'),
        ('agent: {}', "missing key 'algorithm'"),
    ],
)
def test_bad_agent_files_are_refused_by_key(tmp_path, text, message):
    with pytest.raises(InputError) as caught:
        load_agent(write(tmp_path, text))
    assert message in str(caught.value)
    assert 'agent.yaml' in str(caught.value)


def test_unknown_agent_lists_the_known_ones():
    with pytest.raises(InputError, match=r'known: .*sac_residual'):
        load_agent('nobody')
