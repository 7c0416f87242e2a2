# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest
import rollouts
import torch

from robot_rl.agents.discriminator import Discriminator, DiscriminatorConfig
from robot_rl.agents.gail import GAIL, GAILConfig
from robot_rl.agents.ppo import PPO, PPOConfig
from robot_rl.errors import InputError
from robot_rl.replay.batch import Batch
from robot_rl.types import DataSpec, EntrySpec

SPEC = DataSpec({'goal': EntrySpec((2,)), 'arm': EntrySpec((3,))}, 2)
SMALL = {'hidden': (16,), 'value_hidden': (16,), 'epochs': 3, 'device': 'cpu'}
CPU = torch.device('cpu')


def batch(rng, size=64, shift=0.0):
    """One-step episodes whose goals lie around `shift`."""
    entries = {
        'goal': rng.normal(shift, 0.2, (size, 2)).astype(np.float32),
        'arm': rng.standard_normal((size, 3), np.float32),
    }
    action = rng.uniform(-1, 1, (size, 2)).astype(np.float32)
    ones = np.ones(size, np.bool_)
    reward = rng.standard_normal(size, np.float32)
    return Batch(entries, action, reward, entries, ones, ones.astype(np.int64), ~ones)


def make_judge(**more):
    config = DiscriminatorConfig(**({'entries': ('goal',), 'learning_rate': 1e-2} | more))
    return Discriminator(config, SPEC, 0, CPU)


def with_entry(data, **entries):
    return dataclasses.replace(data, observation=data.observation | entries)


def test_discriminator_tells_demonstrations_from_the_policy():
    judge, rng = make_judge(updates=100), np.random.default_rng(0)
    own, shown = batch(rng, shift=-0.5), batch(rng, shift=0.5)
    assert judge.fit(own, shown)['discriminator_accuracy'] > 0.95
    fresh = [judge.reward(batch(rng, shift=s)).mean().item() for s in (-0.5, 0.5)]
    assert fresh[0] < 0.3
    assert fresh[1] > 2.0


def test_equal_behaviour_can_not_be_told():
    """D = 1/2 there, and the reward is log 2."""
    judge, rng = make_judge(minibatch=256), np.random.default_rng(0)
    for _ in range(20):
        judge.fit(batch(rng, 512), batch(rng, 512))
    assert judge.reward(batch(rng, 512)).mean().item() == pytest.approx(np.log(2), abs=0.1)


def test_reward_is_clipped():
    judge, rng = make_judge(updates=300, reward_limit=3.0), np.random.default_rng(0)
    own, shown = batch(rng, shift=-3.0), batch(rng, shift=3.0)
    judge.fit(own, shown)
    reward = judge.reward(batch(rng, shift=9.0))
    assert reward.max().item() == 3.0
    assert judge.reward(own).min().item() >= 0.0


def test_states_only_discriminator_sees_no_action_and_no_arm():
    judge, rng = make_judge(), np.random.default_rng(0)
    data = batch(rng)
    other = with_entry(data, arm=data.observation['arm'] + 9)
    other = dataclasses.replace(other, action=-other.action)
    assert torch.equal(judge.reward(data), judge.reward(other))
    seeing = make_judge(actions=True)
    assert not torch.equal(seeing.reward(data), seeing.reward(other))


def test_noise_is_drawn_from_the_seed():
    rng = np.random.default_rng(0)
    own, shown = batch(rng), batch(rng)
    losses = [make_judge(noise=0.5).fit(own, shown)['discriminator_loss'] for _ in range(2)]
    assert losses[0] == losses[1]
    assert losses[0] != make_judge().fit(own, shown)['discriminator_loss']


def make(imitation=0.5, seed=0, **more):
    judge = DiscriminatorConfig(entries=('goal',), learning_rate=1e-2)
    config = GAILConfig(**SMALL, imitation=imitation, discriminator=judge, **more)
    return GAIL(config, SPEC, seed)


def rollout(agent, rng, demonstrations=None):
    data = batch(rng)
    each = [{n: a[i] for n, a in data.observation.items()} for i in range(64)]
    action = np.array([agent.act(one, True) for one in each], np.float32)
    last = np.ones(64, np.bool_)
    return rollouts.of(agent, dataclasses.replace(data, action=action), last, demonstrations)


def same(one, two):
    return all(np.array_equal(one[k], two[k]) for k in one)


def test_without_imitation_it_is_ppo():
    shown = batch(np.random.default_rng(9), shift=1.0)
    gail, ppo = make(0.0), PPO(PPOConfig(**SMALL), SPEC, 0)
    for seed in range(3):
        data = rollout(gail, np.random.default_rng(seed), shown)
        assert same({'x': rollout(ppo, np.random.default_rng(seed)).action}, {'x': data.action})
        gail.update(data)
        ppo.update(data)
    assert same(ppo.policy_state(), gail.policy_state())


def test_imitation_alone_does_not_see_the_tasks_reward():
    shown = batch(np.random.default_rng(9), shift=1.0)
    ends = []
    for factor in (1.0, -5.0):
        agent = make(1.0)
        data = rollout(agent, np.random.default_rng(0), shown)
        agent.update(dataclasses.replace(data, reward=factor * data.reward))
        ends.append(agent.policy_state())
    assert same(*ends)


def test_both_rewards_count_in_the_hybrid():
    shown = [batch(np.random.default_rng(9), shift=s) for s in (1.0, -1.0)]
    ends = []
    for demonstrations, factor in ((shown[0], 1.0), (shown[1], 1.0), (shown[0], -1.0)):
        agent = make(0.5)
        for seed in range(2):
            data = rollout(agent, np.random.default_rng(seed), demonstrations)
            agent.update(dataclasses.replace(data, reward=factor * data.reward))
        ends.append(agent.policy_state())
    assert not same(ends[0], ends[1])
    assert not same(ends[0], ends[2])


def test_demonstrations_need_nothing_but_what_the_discriminator_reads():
    shown = batch(np.random.default_rng(9))
    bare = {'goal': shown.observation['goal']}
    shown = dataclasses.replace(shown, observation=bare, next_observation=bare)
    agent = make()
    assert agent.update(rollout(agent, np.random.default_rng(0), shown))


def test_missing_or_unfit_demonstrations_are_refused():
    agent, rng = make(), np.random.default_rng(0)
    before = agent.state_dict()
    with pytest.raises(InputError, match='expected some to imitate'):
        agent.update(rollout(make(), rng))
    shown = batch(rng)
    wrong = with_entry(shown, goal=np.zeros((64, 3), np.float32))
    with pytest.raises(InputError, match="observation 'goal': expected shape"):
        agent.update(rollout(make(), rng, wrong))
    assert same(before, agent.state_dict())
