# SPDX-License-Identifier: Apache-2.0
"""Several sources in one batch, and the learner that is fed by them."""

import dataclasses
import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from step_stream import SPEC, make_step, stream

from robot_rl.agents.sac import SACConfig
from robot_rl.errors import InputError
from robot_rl.learning import checkpoint, weights
from robot_rl.learning.config import AgentConfig, LearnerConfig, load_agent
from robot_rl.learning.learner import Learner, RunInfo
from robot_rl.replay.buffer import ReplayBuffer
from robot_rl.replay.interventions import Interventions
from robot_rl.replay.mixture import Mixture, Source
from robot_rl.replay.relabel_config import RelabelConfig
from robot_rl.replay.sampler import Sampler
from robot_rl.replay.step_file import write_steps
from robot_rl.types import DataSpec, EntrySpec


def filled(count, collector='arm', capacity=64):
    buffer = ReplayBuffer(capacity, SPEC)
    for step in stream(count, collector=collector):
        buffer.add(step)
    return buffer


def mix(online=30, demonstrations=20, share=0.5, **more):
    sources = {
        'replay': Source(Sampler(filled(online)), 1 - share),
        'demonstrations': Source(
            Sampler(filled(demonstrations, 'teacher')), share, demonstration=True, fixed=True
        ),
    }
    return Mixture(sources | more)


def places(steps):
    return {s.observation.entries['place'].tobytes() for s in steps}


def test_symmetric_sampling_is_exactly_half_and_half():
    batch = mix().sample(256, np.random.default_rng(0))
    assert batch.demonstration.tolist() == [False] * 128 + [True] * 128
    drawn = {p.tobytes() for p in batch.observation['place'][128:]}
    assert drawn <= places(stream(20, collector='teacher'))
    assert {p.tobytes() for p in batch.observation['place'][:128]} <= places(stream(30))
    assert batch.next_observation['touch'].shape == (256, 2, 2)


@settings(max_examples=40)
@given(st.integers(1, 100), st.floats(0.01, 0.99), st.integers(0, 9))
def test_shares_are_kept_on_average(size, share, seed):
    mixture, rng = mix(share=share), np.random.default_rng(seed)
    counts = [int(mixture.sample(size, rng).demonstration.sum()) for _ in range(100)]
    assert all(abs(count - share * size) < 1 + 1e-6 for count in counts)
    assert abs(np.mean(counts) - share * size) < 0.35


def test_an_empty_source_leaves_its_share():
    rng = np.random.default_rng(0)
    assert mix(online=0).sample(10, rng).demonstration.all()
    assert not mix(share=0.0).sample(10, rng).demonstration.any()
    assert len(mix(online=0)) == 16
    with pytest.raises(InputError, match='no transition'):
        mix(online=0, demonstrations=0).sample(4, rng)


def test_one_source_draws_as_its_buffer_alone():
    mixture = Mixture({'replay': Source(Sampler(filled(30)), 1.0)})
    one = mixture.sample(32, np.random.default_rng(5))
    two = filled(30).sample(32, np.random.default_rng(5))
    np.testing.assert_array_equal(one.observation['place'], two.observation['place'])


@pytest.mark.parametrize('share', [-0.5, float('nan'), 0.7])
def test_shares_must_add_up(share):
    with pytest.raises(InputError, match='add up to 1'):
        Mixture({'replay': Source(Sampler(filled(5)), share)})


@pytest.mark.fault(27)
def test_demonstrations_are_never_pushed_out():
    mixture = mix(online=64)
    wanted = places(stream(20, collector='teacher'))
    for step in list(stream(500))[64:]:
        mixture._sources['replay'].sampler.buffer.add(step)
    rng = np.random.default_rng(0)
    drawn = {p.tobytes() for p in mixture.sample(2000, rng).observation['place'][1000:]}
    assert len(drawn) == 16
    assert drawn <= wanted


def test_saved_and_restored():
    one, two = mix(), mix(online=3)
    two.load_state_dict(one.state_dict())
    drawn = [m.sample(64, np.random.default_rng(1)) for m in (one, two)]
    np.testing.assert_array_equal(*(b.observation['place'] for b in drawn))
    with pytest.raises(InputError, match='demonstrations: expected the data with sha256'):
        mix(demonstrations=19).load_state_dict(one.state_dict())
    alone = Mixture({'replay': Source(Sampler(filled(30)), 1.0)})
    with pytest.raises(InputError, match=r"unexpected \['demonstrations'\]"):
        alone.load_state_dict(one.state_dict())


def human_steps(sources, episode_length=8):
    """A stream in which the letter h marks the steps in which a person acted."""
    for i, letter in enumerate(sources):
        episode, step = divmod(i, episode_length)
        end = 'truncated' if step == episode_length - 1 else ''
        made = make_step(i, episode=episode, step=step, end=end)
        human = letter == 'h' and not end
        yield dataclasses.replace(made, source='human' if human else 'policy')


@settings(max_examples=80)
@given(st.text('hp', max_size=60))
def test_interventions_are_the_transitions_that_a_person_acted_in(sources):
    steps = list(human_steps(sources))
    kept = Interventions(ReplayBuffer(80, SPEC))
    for step in steps:
        kept.add(step)
    pairs = {
        (a.observation.entries['place'].tobytes(), b.observation.entries['place'].tobytes())
        for a, b in pairwise(steps)
        if a.source == 'human' and a.observation.episode == b.observation.episode
    }
    batch = kept.buffer.gather(np.flatnonzero(kept.buffer.links >= 0))
    ends = (batch.observation['place'], batch.next_observation['place'])
    assert {(a.tobytes(), b.tobytes()) for a, b in zip(*ends, strict=True)} == pairs
    assert len(kept.buffer) == len(pairs)


# The learner.

RUN = RunInfo('r1', 'usb', 'sawyer', 'small', 0, 10.0, weights.settings_json('sac', SPEC))
SMALL = {'batch_size': 8, 'capacity': 64, 'warmup_steps': 4, 'checkpoint_steps': 10}


@pytest.fixture(scope='module')
def demonstrations(tmp_path_factory):
    path = tmp_path_factory.mktemp('data') / 'teacher.npz'
    write_steps(path, stream(20, collector='teacher'))
    return path


def configure(tmp_path, text, spec=SPEC):
    path = tmp_path / 'small.yaml'
    lines = [f'{key}: {value}' for key, value in SMALL.items()] + text.splitlines()
    learner = '\n'.join(f'  {line}' for line in lines)
    path.write_text(f'algorithm: sac\nagent: {{hidden: [8], device: cpu}}\nlearner:\n{learner}\n')
    return load_agent(str(path))


def make(agent, run=RUN, spec=SPEC):
    return Learner(agent.learner, agent.make(spec, run.seed), spec, run)


def feed(learner, steps):
    while learner.owed:
        learner.update()
    for step in steps:
        learner.add(step)
        while learner.owed:
            learner.update()


def same(one, two):
    return all(
        np.array_equal(one.files[f][k], two.files[f][k]) for f in one.files for k in one.files[f]
    )


def test_offline_phase_then_online_in_one_run(tmp_path, demonstrations):
    text = f'demonstrations: {{path: {demonstrations}, share: 0.25}}\noffline_updates: 7'
    learner = make(configure(tmp_path, text))
    assert (learner.owed, learner.publish_due) == (7, False)
    while learner.owed:
        learner.update()
    assert (learner.updates, learner.publish_due) == (7, True)
    assert learner.weights().version == 7
    feed(learner, stream(30))
    assert learner.updates == 7 + 24 - 4
    assert learner.summary()['demonstrations'] == 16
    batch = learner._mixture.sample(8, np.random.default_rng(0))
    assert batch.demonstration.sum() == 2


def test_every_kind_of_sampling_resumes_bit_for_bit(tmp_path, demonstrations):
    text = f"""demonstrations: {{path: {demonstrations}}}
n_step: 3
interventions: {{share: 0.25, capacity: 32}}
relabel: {{future: 0.5, desired: place, achieved: place, reward: {{distance: 0.1}}}}
offline_updates: 3"""
    agent = configure(tmp_path, text)
    steps = [dataclasses.replace(s, source='human') for s in stream(20)] + list(stream(40))[20:]
    for cut in (0, 1, 13, 27):
        whole, first, second = make(agent), make(agent), make(agent, RUN)
        feed(whole, steps)
        feed(first, steps[:cut])
        saved = checkpoint.save(tmp_path / f'checkpoints{cut}', first.checkpoint())
        second.restore(checkpoint.load(saved), str(saved))
        feed(second, steps[second.replay.next_sequence('arm') :])
        assert same(whole.checkpoint(), second.checkpoint())
        assert whole.weights() == second.weights()


def test_n_step_takes_the_discount_of_the_agent(tmp_path):
    agent = configure(tmp_path, 'n_step: 3')
    assert agent.learner.gamma == agent.agent.gamma == SACConfig().gamma
    with pytest.raises(InputError, match=r'gamma: expected the discount 0.98 of agent, got 0.9'):
        configure(tmp_path, 'n_step: 3\ngamma: 0.9')
    plain = LearnerConfig(n_step=2)
    with pytest.raises(InputError, match='gamma: expected'):
        make(AgentConfig('small', 'sac', SACConfig(hidden=(8,), device='cpu'), plain))


def test_relative_demonstrations_lie_beside_the_agent(tmp_path):
    write_steps(tmp_path / 'near.npz', stream(10))
    agent = configure(tmp_path, 'demonstrations: {path: near.npz}')
    assert agent.learner.demonstrations.path == str(tmp_path / 'near.npz')


def test_relabelling_stores_the_goals_that_the_agent_does_not_read():
    raw = {n: EntrySpec((3,), 'float64') for n in ('achieved_goal', 'desired_goal')}
    spec = DataSpec(SPEC.entries | raw, 2)
    relabel = RelabelConfig(future=0.8, also={'place': 'achieved_goal'})
    config = LearnerConfig(**SMALL, relabel=relabel)
    sac = SACConfig(hidden=(8,), actor_entries=('place',), critic_entries=('place',), device='cpu')
    learner = make(AgentConfig('small', 'sac', sac, config), spec=spec)
    assert learner.replay.columns.entries.keys() == {'place', 'achieved_goal', 'desired_goal'}
    blind = dataclasses.replace(config, relabel=RelabelConfig(future=0.8))
    with pytest.raises(InputError, match=r"the agent reads \['place'\], none of the goals"):
        make(AgentConfig('small', 'sac', sac, blind), spec=spec)
    with pytest.raises(InputError, match="relabel: no entry 'desired_goal'"):
        make(AgentConfig('small', 'sac', sac, blind), spec=SPEC)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('n_step: 0', 'n_step: expected a number in'),
        ('n_step: 2.5', 'n_step: expected a whole number'),
        ('gamma: 1.5', 'gamma: expected a number in'),
        ('offline_updates: -1', 'offline_updates: expected a number'),
        ('offline_updates: 5', 'offline_updates: expected demonstrations'),
        ('demonstrations: {share: 0.5}', "demonstrations: missing key 'path'"),
        ('demonstrations: {path: x, share: 0}', 'share: expected a number in (0, 1]'),
        ('demonstrations: {path: x, share: .nan}', 'share: expected a finite number'),
        ('demonstrations: {path: x, part: 1}', "unknown key 'part'"),
        ('demonstrations: {path: ""}', 'path: expected a file'),
        (
            'demonstrations: {path: x, share: 0.7}\ninterventions: {share: 0.4}',
            'sum of at most 1, got 1.1',
        ),
        ('interventions: {share: 0.4, capacity: 1}', 'capacity: expected a number in'),
        ('relabel: {}', 'relabel: expected shares'),
        ('relabel: {future: 0.8, k: 4}', "unknown key 'k'"),
        ('relabel: {future: 0.8, reward: {kind: big}}', 'kind: expected one of sparse'),
        ('relabel: {future: 0.8, reward: {distance: -1}}', 'distance: expected a positive'),
    ],
)
def test_bad_keys_are_refused_by_name(tmp_path, text, message):
    with pytest.raises(InputError) as caught:
        configure(tmp_path, text)
    assert message in str(caught.value)
    assert 'small.yaml: learner' in str(caught.value)


def test_missing_demonstrations_and_a_changed_file_are_refused(tmp_path):
    agent = configure(tmp_path, f'demonstrations: {{path: {tmp_path}/gone.npz}}')
    with pytest.raises(InputError, match=r'gone.npz: expected an .npz file'):
        make(agent)
    write_steps(tmp_path / 'gone.npz', stream(10))
    saved = make(agent).checkpoint()
    assert json.dumps(saved.meta)
    write_steps(tmp_path / 'gone.npz', stream(15))
    with pytest.raises(InputError, match=r'demonstrations: .* the file has changed'):
        make(agent).restore(saved, 'there')
