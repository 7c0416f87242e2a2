# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest
import reaching
from one_step import SPEC, make_batch, same

from robot_rl.agents.cloning import Cloning
from robot_rl.agents.ddpg import DDPG, DDPGConfig
from robot_rl.config import parse
from robot_rl.errors import InputError

SMALL = DDPGConfig(
    actor_entries=('touch',),
    critic_entries=('touch',),
    hidden=(16,),
    target_every=1,
    learning_rate=1e-2,
    tau=0.1,
    device='cpu',
)


def make(**more):
    return DDPG(dataclasses.replace(SMALL, **more), SPEC, 0)


def learn_values(agent, updates=400, **kind):
    rng = np.random.default_rng(0)
    for _ in range(updates):
        metrics = agent.update(make_batch(rng, **kind))
    return metrics


@pytest.mark.parametrize(
    ('kind', 'wanted'),
    [
        ({'terminated': True}, 1.0),
        ({'terminated': False}, 1 / (1 - 0.8)),
        ({'terminated': False, 'steps': 3}, 1 / (1 - 0.8**3)),
    ],
)
def test_values_at_terminations_time_limits_and_over_several_steps(kind, wanted):
    metrics = learn_values(make(gamma=0.8, preactivation_penalty=10.0), reward=1.0, **kind)
    assert metrics['q'] == pytest.approx(wanted, rel=0.05)


def test_targets_are_clipped_to_the_returns_that_rewards_allow():
    clipped = learn_values(make(reward_bounds=(-1.0, 0.0)), 200, reward=1.0, terminated=True)
    assert clipped['q'] == pytest.approx(0.0, abs=0.05)


def test_targets_move_with_their_interval_alone():
    agent, rng = make(target_every=3), np.random.default_rng(0)
    before = agent.state_dict()
    moved = []
    for _ in range(6):
        agent.update(make_batch(rng))
        now = agent.state_dict()
        names = [name for name in now if name.startswith('target')]
        moved.append(any(not np.array_equal(now[n], before[n]) for n in names))
        before = now
    assert moved == [False, False, True, False, False, True]


def act_everywhere(agent, rng, count=100):
    entries = [{'touch': rng.standard_normal(4, np.float32)} for _ in range(count)]
    return np.array([agent.act(e, explore=False) for e in entries])


@pytest.mark.parametrize('act_by', ['actor', 'target'])
def test_acts_by_the_newest_weights_or_by_their_slow_copy(act_by):
    agent, rng = make(act_by=act_by, target_every=1000, normalize=False), np.random.default_rng(0)
    at_first = act_everywhere(agent, np.random.default_rng(1))
    for _ in range(20):
        agent.update(make_batch(rng))
    still = np.allclose(act_everywhere(agent, np.random.default_rng(1)), at_first, atol=1e-6)
    assert still == (act_by == 'target')
    sent = agent.policy_state()
    for name, value in agent.state_dict().items():
        of, _, rest = name.partition('/')
        if of == {'actor': 'actor', 'target': 'target_actor'}[act_by]:
            np.testing.assert_array_equal(sent[f'actor/{rest}'], value)


def test_penalty_keeps_actions_off_saturation():
    """The reward grows with the action, so that the actor runs to the bound."""
    largest = {}
    for penalty in (0.0, 1.0):
        agent, rng = make(preactivation_penalty=penalty), np.random.default_rng(0)
        for _ in range(300):
            batch = make_batch(rng, terminated=True)
            agent.update(dataclasses.replace(batch, reward=batch.action.mean(1)), measure=False)
        largest[penalty] = abs(act_everywhere(agent, rng)).mean()
    assert largest[0.0] > 0.97
    assert 0.05 < largest[1.0] < 0.6


def test_critic_learns_from_what_the_actor_does_not_see():
    agent = make(critic_entries=('touch', 'secret'))
    assert agent.entries == ('touch', 'secret')
    rng = np.random.default_rng(0)
    agent.update(make_batch(rng))
    assert agent.act({'touch': np.zeros(4, np.float32)}, False).shape == (3,)
    assert agent.state_dict()['critic/weights.0'].shape == (1, 4 + 2 + 3, 16)
    assert agent.policy_state()['normalizer/mean'].shape == (4,)


def test_bottleneck_predicts_the_state_and_still_lets_the_actor_learn():
    config = DDPGConfig(
        hidden=(32, 32, 32),
        bottleneck_entries=('position', 'goal'),
        learning_rate=3e-3,
        target_every=1,
        device='cpu',
    )
    agent = DDPG(config, reaching.SPEC, 0)
    reaching.learn_online(agent, 200)
    memory, problem = reaching.Memory(), reaching.Reaching(50, 9)
    memory.collect(problem, lambda entries: reaching.act_all(agent, entries, False))
    metrics = agent.update(memory.sample(50, np.random.default_rng(0)))
    assert metrics['bottleneck_loss'] < 0.1
    assert reaching.success_rate(agent) > 0.9


def clone(cloning, good):
    """Rewards ask for the action that is the first three touch values; demonstrations agree."""
    agent, rng = make(cloning=cloning, hidden=(32, 32)), np.random.default_rng(0)
    for _ in range(250):
        batch = make_batch(rng, size=64, terminated=True)
        wanted = np.tanh(batch.observation['touch'][:, :3])
        batch.action[:16] = wanted[:16] if good else -wanted[:16]
        batch.demonstration[:16] = True
        reward = -np.square(batch.action - wanted).sum(1)
        metrics = agent.update(dataclasses.replace(batch, reward=reward))
    entries = [{'touch': rng.standard_normal(4, np.float32)} for _ in range(100)]
    errors = [agent.act(e, False) - np.tanh(e['touch'][:3]) for e in entries]
    return np.abs(errors).mean(), metrics


def test_good_demonstrations_are_cloned():
    error, metrics = clone(Cloning(q_weight=1e-3, weight=1.0, q_filter=False), good=True)
    assert error < 0.1
    assert metrics['cloned_share'] == 1.0


def test_bad_demonstrations_harm_unless_the_critic_filters_them():
    harmed, _ = clone(Cloning(weight=10.0, q_filter=False), good=False)
    filtered, metrics = clone(Cloning(weight=10.0), good=False)
    assert harmed > 0.4
    assert filtered < 0.2
    assert metrics['cloned_share'] < 0.3


def test_l2_shrinks_the_weights():
    sizes = {}
    for l2 in (0.0, 0.1):
        agent, rng = make(l2=l2), np.random.default_rng(0)
        for _ in range(100):
            agent.update(make_batch(rng), measure=False)
        weights = [a for name, a in agent.state_dict().items() if name.startswith('critic/')]
        sizes[l2] = sum(np.square(w).sum() for w in weights)
    assert sizes[0.1] < 0.5 * sizes[0.0]


def test_normalisation_travels_with_the_policy_and_its_lack_is_noticed():
    agent, rng = make(), np.random.default_rng(0)
    agent.update(make_batch(rng))
    plain = make(normalize=False)
    assert not [name for name in plain.state_dict() if 'normalizer' in name]
    with pytest.raises(InputError, match=r'unexpected.*normalizer/mean'):
        plain.load_policy_state(agent.policy_state())


def test_a_refused_batch_leaves_the_statistics_alone():
    agent, batch = make(), make_batch(np.random.default_rng(0))
    before = agent.state_dict()
    with pytest.raises(InputError, match='reward'):
        agent.update(dataclasses.replace(batch, reward=batch.action))
    assert same(before, agent.state_dict())


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'actor_entries': ('tuch',)}, "actor_entries: no entry 'tuch'; the task has"),
        ({'critic_entries': ('rgb',)}, "critic_entries: entry 'rgb' is an image"),
        ({'bottleneck_entries': ('force',)}, "bottleneck_entries: no entry 'force'"),
    ],
)
def test_entries_that_do_not_fit_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        make(**change)


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('gamma', 1.0),
        ('learning_rate', -1e-3),
        ('target_every', 0),
        ('hidden', []),
        ('reward_bounds', [0, -1]),
        ('reward_bounds', [0]),
        ('preactivation_penalty', float('nan')),
        ('exploration', {'random_share': 1.5}),
        ('exploration', {'noise': 'pink'}),
        ('cloning', {'weight': -1}),
        ('cloning', {'q_weight': 0, 'weight': 0}),
        ('cloning', {'filter': True}),
        ('polyak', 0.98),
    ],
)
def test_bad_hyperparameters_are_refused_by_name(key, value):
    inner = next(iter(value)) if isinstance(value, dict) else key
    with pytest.raises(InputError, match=f'file.yaml.*{inner}'):
        parse(DDPGConfig, {key: value}, 'file.yaml')
