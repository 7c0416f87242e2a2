# SPDX-License-Identifier: Apache-2.0
import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from step_stream import SPEC, stream

from robot_rl.agents import ON_POLICY
from robot_rl.agents.discriminator import DiscriminatorConfig
from robot_rl.errors import InputError
from robot_rl.learning import checkpoint, weights
from robot_rl.learning.build import make_learner
from robot_rl.learning.config import load_agent
from robot_rl.learning.learner import RunInfo
from robot_rl.learning.on_policy import OnPolicyLearner
from robot_rl.learning.on_policy_config import OnPolicyConfig
from robot_rl.replay.step_file import write_steps

RUN = RunInfo('r1', 'usb', 'sawyer', 'small', 0, 10.0, weights.settings_json('ppo', SPEC))
SMALL = {'hidden': (8,), 'value_hidden': (8,), 'epochs': 2, 'minibatch': 16, 'device': 'cpu'}


def make(name='ppo', run=RUN, agent=None, **learner):
    config = ON_POLICY[name].Config(**(SMALL | (agent or {})))
    own = ON_POLICY[name](config, SPEC, run.seed)
    feeding = {'rollout_steps': 10, 'checkpoint_steps': 10}
    return OnPolicyLearner(OnPolicyConfig(**(feeding | learner)), own, SPEC, run)


def played(learner, steps, lag=0):
    """The steps as the learner's own policy of `lag` updates ago would say they are."""
    for step in steps:  # updates come between episodes
        yield dataclasses.replace(step, version=max(0, learner.updates - lag))


def feed(learner, steps, lag=0):
    done = []
    for step in played(learner, steps, lag):
        learner.add(step)
        while learner.owed:
            done.append(learner.update())
    return done


def same(one, two):
    return all(
        np.array_equal(one.files[f][k], two.files[f][k]) for f in one.files for k in one.files[f]
    )


def test_an_update_takes_the_complete_episodes_once_there_are_enough():
    learner = make()
    waiting = []
    for step in played(learner, stream(40)):
        learner.add(step)
        waiting.append(len(learner.replay))
        while learner.owed:
            assert step.last
            learner.update()
            assert len(learner.replay) == 0
    assert max(waiting) == 12  # episodes of 4
    assert learner.updates == 2
    assert np.isfinite(learner.metrics['value_mean'])


@pytest.mark.parametrize('lag', [0, 1])
def test_likelihood_is_that_under_the_policy_that_acted(lag):
    learner, seen = make(), []
    update = learner._agent.update
    learner._agent.update = lambda rollout, measure: seen.append(rollout) or update(rollout)
    policies, agent = {}, learner._agent
    for step in played(learner, stream(60), lag):
        policies.setdefault(learner.updates, agent.policy_state())
        learner.add(step)
        while learner.owed:
            learner.update()
    assert learner.updates == 4
    assert {v for r in seen for v in r.version.tolist()} == set(range(4 - lag))
    for rollout in seen:
        for version in np.unique(rollout.version):
            rows = rollout.version == version
            wanted = agent.log_prob(rollout, policies[version])[rows]
            np.testing.assert_array_equal(rollout.log_prob[rows], wanted)


def test_steps_of_a_forgotten_policy_are_dropped_and_counted():
    learner = make(max_policy_age=1)
    feed(learner, stream(60), lag=3)
    summary = learner.summary()
    assert summary['stale_transitions'] > 0
    assert learner.updates < 4


def test_steps_of_a_policy_that_never_was_are_dropped():
    learner = make()
    for step in stream(20):  # its versions are made up
        learner.add(dataclasses.replace(step, version=7))
    assert learner.owed == 0
    assert learner.summary()['stale_transitions'] == 16


@pytest.mark.parametrize('name', ['ppo', 'ppo_gail'])
@settings(max_examples=6)
@given(cut=st.integers(1, 39))
def test_resume_goes_on_bit_for_bit(name, cut, tmp_path_factory):
    folder = tmp_path_factory.mktemp('run')
    more = {'demonstrations': demonstrations(folder)} if name == 'ppo_gail' else {}
    steps = list(stream(40))
    whole, first = make(name, **more), make(name, **more)
    second = make(name, dataclasses.replace(RUN, run='r2', seed=5), **more)
    feed(whole, steps)
    feed(first, steps[:cut])
    checkpoint.save(folder, first.checkpoint())
    found, path = checkpoint.load_latest(folder)
    second.restore(found, str(path))
    assert second.summary() == first.summary()
    feed(second, steps[second.replay.next_sequence('arm') :])
    assert whole.updates == 2
    assert same(whole.checkpoint(), second.checkpoint())
    assert whole.weights() == second.weights()


def demonstrations(folder):
    path = folder / 'demonstrations.npz'
    write_steps(path, stream(20, collector='teacher'))
    return str(path)


def test_demonstrations_go_along_with_every_rollout(tmp_path):
    learner = make('ppo_gail', demonstrations=demonstrations(tmp_path))
    assert learner.summary()['demonstrations'] == 16
    done = feed(learner, stream(30))
    assert len(done) == 2
    assert {'discriminator_loss', 'imitation_reward'} <= done[0].keys()


def test_imitation_without_demonstrations_is_refused():
    with pytest.raises(InputError, match='demonstrations: expected some to imitate, got none'):
        feed(make('ppo_gail'), stream(30))


def test_other_demonstrations_are_refused_on_restore(tmp_path):
    path = demonstrations(tmp_path)
    saved = make('ppo_gail', demonstrations=path).checkpoint()
    write_steps(tmp_path / 'demonstrations.npz', stream(30, collector='teacher'))
    with pytest.raises(InputError, match='the file has changed'):
        make('ppo_gail', demonstrations=path).restore(saved, 'there')


def test_policies_go_out_after_every_episode():
    learner, sent = make(), []
    for step in played(learner, stream(20)):
        learner.add(step)
        while learner.owed:
            learner.update()
        if learner.publish_due:
            sent.append(learner.weights())
    assert [w.episode for w in sent] == [-1, 0, 1, 2, 3]
    assert [w.version for w in sent] == [0, 0, 0, 1, 1]


def test_checkpoint_says_what_is_stored():
    learner = make()
    feed(learner, stream(16))
    assert learner.checkpoint_due
    meta = json.loads(json.dumps(learner.checkpoint().meta))
    assert meta['sequences'] == {'arm': 16}
    assert (meta['env_steps'], meta['updates'], meta['discarded_steps']) == (12, 1, 0)


def test_diverged_metrics_stop_learning():
    learner = make()
    learner._agent.update = lambda rollout, measure: {'policy_loss': float('nan')}
    feed(learner, stream(60))
    assert 'policy_loss is nan' in learner.diverged
    assert learner.owed == 0
    with pytest.raises(InputError, match='diverged'):
        learner.checkpoint()


@pytest.mark.parametrize('name', ['ppo', 'ppo_gail'])
def test_files_of_the_package_load(name):
    loaded = load_agent(name)
    assert loaded.algorithm == name
    assert isinstance(loaded.learner, OnPolicyConfig)


def test_the_algorithm_chooses_the_learner():
    from robot_rl.control.robot import load_robot
    from robot_rl.task import load_task

    task = load_task('usb_insertion', agent='ppo')
    learner = make_learner(task, load_robot(task.robot), 0, 'r1')
    assert isinstance(learner, OnPolicyLearner)
    task = load_task('usb_insertion')
    assert not isinstance(make_learner(task, load_robot(task.robot), 0, 'r1'), OnPolicyLearner)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('learner: {updates_per_step: 1.0}', "learner: unknown key 'updates_per_step'"),
        ('learner: {rollout_steps: 0}', 'rollout_steps'),
        ('learner: {drop_actions: 1.0}', 'drop_actions'),
        ('learner: {rollout_steps: 200, capacity: 100}', 'capacity: expected at least'),
        ('agent: {clip: -0.1}', 'clip'),
        ('agent: {hidden: []}', 'hidden: expected at least one layer'),
        ('agent: {gae_lambda: .nan}', 'gae_lambda'),
    ],
)
def test_bad_agent_files_are_refused_by_key(tmp_path, text, message):
    path = tmp_path / 'agent.yaml'
    path.write_text(f'algorithm: ppo\n{text}')
    with pytest.raises(InputError) as caught:
        load_agent(str(path))
    assert message in str(caught.value)
    assert 'agent.yaml' in str(caught.value)


@pytest.mark.parametrize('value', [{'imitation': 1.5}, {'discriminator': {'updates': 0}}])
def test_bad_imitation_is_refused(tmp_path, value):
    path = tmp_path / 'agent.yaml'
    path.write_text(json.dumps({'algorithm': 'ppo_gail', 'agent': value}))
    with pytest.raises(InputError, match=next(iter(value))):
        load_agent(str(path))


def test_discriminator_entry_that_the_task_lacks_is_named():
    judge = DiscriminatorConfig(entries=('bloc',))
    with pytest.raises(InputError, match="discriminator: entries: no entry 'bloc'"):
        make('ppo_gail', agent={'discriminator': judge})
