# SPDX-License-Identifier: Apache-2.0
"""What every agent must hold; an entry of `AGENTS` needs a small configuration here."""

import dataclasses

import numpy as np
import pytest
import reaching
import rollouts

from robot_rl.agents import AGENTS, ON_POLICY
from robot_rl.agents.bc import BC
from robot_rl.agents.discriminator import DiscriminatorConfig
from robot_rl.errors import InputError
from robot_rl.learning import weights
from robot_rl.replay.batch import Batch
from robot_rl.types import DataSpec, EntrySpec

PROXIMAL = {
    'hidden': (32, 32),
    'value_hidden': (32, 32),
    'learning_rate': 3e-3,
    'epochs': 4,
    'device': 'cpu',
}
CLONING = {'hidden': (32, 32), 'learning_rate': 3e-3, 'device': 'cpu'}
#: Configurations by the name of the agent; after a dash, another form of the same agent.
SMALL = {
    'awac': {'hidden': (32, 32), 'learning_rate': 3e-3, 'temperature': 0.2, 'device': 'cpu'},
    'bc': {'labels': 'all', **CLONING},
    'bc-gaussian': {'labels': 'all', 'policy': 'gaussian', **CLONING},
    'bc-dagger': {'labels': 'expert', 'expert': 'checkpoint', **CLONING},
    'ddpg': {'hidden': (32, 32), 'learning_rate': 3e-3, 'target_every': 1, 'device': 'cpu'},
    'iql': {'tau': 0.05, 'inverse_temperature': 5.0, **CLONING},
    'naf': {'hidden': (32, 32), 'learning_rate': 3e-3, 'device': 'cpu'},
    'naf-linear': {'form': 'linear', 'learning_rate': 1e-2, 'device': 'cpu'},
    'ppo': PROXIMAL,
    'ppo_gail': PROXIMAL
    | {'imitation': 0.1, 'discriminator': DiscriminatorConfig(actions=True, updates=2)},
    'td3': {'hidden': (32, 32), 'learning_rate': 3e-3, 'tau': 0.02, 'device': 'cpu'},
    'sac': {'hidden': (32, 32), 'learning_rate': 3e-3, 'device': 'cpu'},
}
SPEC = DataSpec(
    {
        'achieved_goal': EntrySpec((3,), 'float64'),
        'goal': EntrySpec((2,)),
        'touch': EntrySpec((2, 2)),
    },
    2,
)

#: Agents that learn from reward while they act on their own, from any transitions.
ONLINE = ('bc-dagger', 'ddpg', 'naf', 'sac', 'td3')

pytestmark = pytest.mark.parametrize('name', [*AGENTS, *(n for n in SMALL if n not in AGENTS)])


class GoalExpert:
    """Solves the one-step goal problem."""

    entries = ('goal',)

    def act(self, entries, explore):
        return np.clip(entries['goal'], -1, 1)


def make(name, seed=0, spec=SPEC, **more):
    kind = AGENTS[name.partition('-')[0]]
    agent = kind(kind.Config(**SMALL[name], **more), spec, seed)
    if SMALL[name].get('labels') == 'expert':
        agent.teach(reaching.Expert() if spec is reaching.SPEC else GoalExpert())
    return agent


def make_batch(rng, size=64, scale=1.0):
    """One-step episodes: the reward is how near the action comes to the goal."""
    entries = {
        'goal': rng.uniform(-0.8, 0.8, (size, 2)).astype(np.float32) * np.float32(scale),
        'touch': rng.standard_normal((size, 2, 2), np.float32) * np.float32(scale),
    }
    action = rng.uniform(-1, 1, (size, 2)).astype(np.float32)
    reward = -scale * np.square(action - entries['goal'] / scale).sum(1)
    reward, ones = reward.astype(np.float32), np.ones(size, np.bool_)
    return Batch(entries, action, reward, entries, ones, ones.astype(np.int64), ~ones)


def data_for(agent, rng, size=64, scale=1.0):
    """Transitions that the agent can learn from: any, good ones, or those of its own policy."""
    batch = make_batch(rng, size, scale)
    if isinstance(agent, BC):
        return dataclasses.replace(batch, action=batch.observation['goal'] / np.float32(scale))
    on_policy = isinstance(agent, tuple(ON_POLICY.values()))
    return rollouts.one_step(agent, batch, scale) if on_policy else batch


def observe(rng):
    return {name: array[0] for name, array in make_batch(rng, 1).observation.items()}


def train(agent, updates, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(updates):
        agent.update(data_for(agent, rng), measure=False)


def same(one, two):
    return one.keys() == two.keys() and all(np.array_equal(one[k], two[k]) for k in one)


def test_action_is_in_range_and_of_the_right_size(name):
    agent, rng = make(name), np.random.default_rng(0)
    for explore in (True, False):
        for _ in range(50):
            action = agent.act(observe(rng), explore)
            assert action.shape == (2,)
            assert action.dtype == np.float64
            assert (abs(action) <= 1).all()


def test_solves_a_one_step_goal_problem(name):
    agent, rng = make(name), np.random.default_rng(1)
    train(agent, 150 if name in ON_POLICY else 600)
    errors = []
    for _ in range(100):
        entries = observe(rng)
        errors.append(np.abs(agent.act(entries, False) - entries['goal']).max())
    assert np.mean(errors) < 0.15


def test_solves_a_small_reaching_problem(name):
    agent = make(name, spec=reaching.SPEC)
    before = reaching.success_rate(agent)
    if name.partition('-')[0] in ONLINE:
        reaching.learn_online(agent, 300)
    elif name in ON_POLICY:
        rollouts.learn_reaching(agent, 40)
    else:
        reaching.learn_offline(agent, reaching.demonstrations(100), 600)
    assert before < 0.3
    assert reaching.success_rate(agent) > 0.9


def test_same_seed_same_result(name):
    agents = [make(name, seed) for seed in (3, 3, 4)]
    for agent in agents:
        train(agent, 5)
    one, two, other = (agent.state_dict() for agent in agents)
    assert same(one, two)
    assert not same(one, other)
    entries = observe(np.random.default_rng(0))
    np.testing.assert_array_equal(*(agent.act(entries, True) for agent in agents[:2]))


def test_reseeding_repeats_the_exploration(name):
    agent, entries = make(name), observe(np.random.default_rng(0))
    agent.reseed(7)
    first = agent.act(entries, True)
    assert not np.array_equal(agent.act(entries, True), first)
    agent.reseed(7)
    np.testing.assert_array_equal(agent.act(entries, True), first)


def test_global_random_state_is_left_alone(name):
    import torch

    numbers, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    agent = make(name)
    train(agent, 2)
    agent.act(observe(np.random.default_rng(0)), True)
    assert np.array_equal(np.random.get_state()[1], numbers)  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_state)


def test_same_action_after_weights_travelled(name):
    agent, other, entries = make(name), make(name, 9), observe(np.random.default_rng(0))
    train(agent, 3)
    data, sha256 = weights.pack(agent.policy_state())
    other.load_policy_state(weights.unpack(data, sha256, weights.specs(other.policy_state())))
    np.testing.assert_array_equal(agent.act(entries, False), other.act(entries, False))


def test_learning_goes_on_exactly_after_save_and_load(name):
    agent, other = make(name), make(name, 9)
    train(agent, 4)
    data, sha256 = weights.pack(agent.state_dict())
    other.load_state_dict(weights.read(data, sha256, 'state'))
    assert other.updates == 4
    for each in (agent, other):
        train(each, 3, seed=5)
    assert same(agent.state_dict(), other.state_dict())
    entries = observe(np.random.default_rng(0))
    np.testing.assert_array_equal(agent.act(entries, True), other.act(entries, True))


def test_saved_state_is_a_copy(name):
    agent = make(name)
    state, policy = agent.state_dict(), agent.policy_state()
    kept = [{k: v.copy() for k, v in s.items()} for s in (state, policy)]
    train(agent, 2)
    assert same(kept[0], state)
    assert same(kept[1], policy)


@pytest.mark.parametrize(
    ('scale', 'terminated'), [(0.0, True), (1e-6, False), (1e4, True), (1e6, True), (1e6, False)]
)
def test_extreme_batches_leave_finite_numbers(name, scale, terminated):
    agent, rng = make(name), np.random.default_rng(0)
    for _ in range(20):
        batch = data_for(agent, rng, scale=scale or 1.0)
        batch = dataclasses.replace(batch, terminated=batch.terminated & terminated)
        if not scale:
            zeros = {k: np.zeros_like(v) for k, v in batch.observation.items()}
            batch = dataclasses.replace(batch, observation=zeros, next_observation=zeros)
        measured = agent.update(batch)
        assert measured
        assert np.isfinite(list(measured.values())).all()
    weights.check_finite(agent.state_dict(), name)


@pytest.mark.parametrize('damage', [lambda a: a[:16], lambda a: np.zeros_like(a) + 255])
def test_a_random_generator_of_another_kind_is_refused_and_changes_nothing(name, damage):
    """Such as that of a GPU on a machine without one."""
    agent, other = make(name), make(name, 1).state_dict()
    before = agent.state_dict()
    for key in [key for key in other if key.endswith('/state')]:
        with pytest.raises(InputError, match=f'{key}: expected the state of a random generator'):
            agent.load_state_dict(other | {key: damage(other[key])})
        assert same(before, agent.state_dict())


@pytest.mark.parametrize(
    ('field', 'value', 'message'),
    [
        ('action', np.zeros((8, 3), np.float32), "action: expected shape ('B', 2), got (8, 3)"),
        ('reward', np.zeros((8, 1), np.float32), 'reward: expected shape'),
        ('terminated', np.zeros(7, np.bool_), 'terminated: expected shape'),
        ('observation', {}, "observation has no entry 'goal'"),
    ],
)
def test_wrong_batch_is_refused_by_name(name, field, value, message):
    agent = make(name)
    batch = data_for(agent, np.random.default_rng(0), 8)
    before = agent.state_dict()
    with pytest.raises(InputError) as caught:
        agent.update(dataclasses.replace(batch, **{field: value}))
    assert message in str(caught.value)
    assert same(before, agent.state_dict())


def test_wrong_entry_shape_is_refused_by_name(name):
    agent = make(name)
    batch = data_for(agent, np.random.default_rng(0), 8)
    batch.next_observation['touch'] = np.zeros((8, 4), np.float32)
    with pytest.raises(InputError, match="observation 'touch': expected shape"):
        agent.update(batch)
    entries = observe(np.random.default_rng(0)) | {'goal': np.zeros(3, np.float32)}
    with pytest.raises(InputError, match=r'goal: expected shape .2,., got .3,.'):
        agent.act(entries, False)


def test_empty_batch_is_refused(name):
    agent = make(name)
    with pytest.raises(InputError, match='reward'):
        agent.update(data_for(agent, np.random.default_rng(0), 0))


def test_task_without_an_entry_to_read_is_refused(name):
    raw = DataSpec({'achieved_goal': EntrySpec((3,), 'float64')}, 2)
    with pytest.raises(InputError, match='no entry of its own'):
        make(name, spec=raw)


def test_state_of_another_size_is_refused_and_changes_nothing(name):
    wider = DataSpec(SPEC.entries, 3)
    agent, entries = make(name), observe(np.random.default_rng(0))
    before = agent.act(entries, False)
    other = make(name, spec=wider)
    for load, state in (
        (agent.load_state_dict, other.state_dict()),
        (agent.load_policy_state, other.policy_state()),
        (agent.load_state_dict, {}),
    ):
        with pytest.raises(InputError):
            load(state)
    np.testing.assert_array_equal(agent.act(entries, False), before)
