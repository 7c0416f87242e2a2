# SPDX-License-Identifier: Apache-2.0
"""What RLPD adds to soft actor-critic: a large ensemble, used in parts."""

import dataclasses
import math

import numpy as np
import pytest
from one_step import SPEC, make_batch, same

from robot_rl.agents.sac import SAC, SACConfig
from robot_rl.config import parse
from robot_rl.errors import InputError
from robot_rl.learning.config import load_agent

SMALL = SACConfig(
    actor_entries=('touch',),
    critic_entries=('touch',),
    hidden=(16,),
    critics=5,
    learning_rate=1e-3,
    device='cpu',
)


def make(**more):
    return SAC(dataclasses.replace(SMALL, **more), SPEC, 0)


def with_constant_targets(agent):
    """Critics that answer 0, and target critics that answer 1, 2, ... in order."""
    state = agent.state_dict()
    for name in state:
        if name.startswith(('critic/', 'target/')):
            state[name] = np.zeros_like(state[name])
    members = len(state['target/biases.1'])
    constants = np.arange(1, members + 1, dtype=np.float32)
    state['target/biases.1'] = constants.reshape(members, 1, 1)
    return state


def targets_of(agent, updates):
    """The target of each update, from its loss: half its square for each of five critics."""
    state, rng, found = with_constant_targets(agent), np.random.default_rng(0), []
    for _ in range(updates):
        noise = {k: v for k, v in agent.state_dict().items() if k.startswith('noise')}
        agent.load_state_dict(state | noise)
        found.append(math.sqrt(2 * agent.update(make_batch(rng))['critic_loss'] / 5))
    return np.array(found)


def test_targets_are_the_minimum_of_a_fresh_random_pair():
    """Of two out of five members, the smaller is k in 5 - k of 10 cases."""
    agent = make(target_critics=2, gamma=0.5, initial_temperature=1e-9)
    smaller = targets_of(agent, 300) / 0.5
    values, counts = np.unique(smaller.round(3), return_counts=True)
    assert values.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert counts / 300 == pytest.approx([0.4, 0.3, 0.2, 0.1], abs=0.08)


@pytest.mark.parametrize('target_critics', [None, 5])
def test_targets_are_the_minimum_of_all_unless_asked_otherwise(target_critics):
    agent = make(target_critics=target_critics, gamma=0.5, initial_temperature=1e-9)
    assert targets_of(agent, 3) == pytest.approx(np.full(3, 0.5), abs=1e-4)


@pytest.mark.parametrize(('actor_critics', 'moves'), [('minimum', False), ('mean', True)])
def test_the_actor_climbs_the_mean_or_the_minimum(actor_critics, moves):
    """A critic that is never the smallest counts in the mean alone."""
    policies = []
    for change in (0.0, 1.0):
        agent = make(actor_critics=actor_critics)
        state = agent.state_dict()
        state['critic/biases.1'][4] += np.float32(100.0)
        state['critic/weights.1'][4] += np.float32(change)
        agent.load_state_dict(state)
        agent.update(make_batch(np.random.default_rng(0)))
        policies.append(agent.policy_state())
    assert same(*policies) != moves


def test_the_actor_waits_for_its_turn():
    agent, rng, moved = make(actor_every=3), np.random.default_rng(0), []
    for _ in range(6):
        before = agent.policy_state()
        agent.update(make_batch(rng), measure=False)
        moved.append(not same(before, agent.policy_state()))
    assert moved == [False, False, True, False, False, True]


def test_more_target_critics_than_critics_are_refused():
    with pytest.raises(InputError, match=r'file.yaml.*target_critics: expected at most 5, got 6'):
        parse(SACConfig, {'critics': 5, 'target_critics': 6}, 'file.yaml')


def test_the_configuration_samples_both_sources_alike():
    loaded = load_agent('rlpd')
    assert loaded.learner.demonstrations.share == loaded.learner.online_share == 0.5
    assert (loaded.agent.critics, loaded.agent.target_critics) == (10, 2)
    assert loaded.agent.layer_norm
    assert loaded.learner.updates_per_step == loaded.agent.actor_every
