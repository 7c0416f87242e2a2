# SPDX-License-Identifier: Apache-2.0
"""Agents that learn from pictures."""

import dataclasses

import numpy as np
import pytest
import rollouts
import step_stream
import torch
from spots import (
    CASES,
    FIXED,
    KNOWS,
    SEES,
    SPEC,
    config,
    data_for,
    make,
    make_batch,
    on_policy,
    play,
    single,
    way,
)

from robot_rl.agents import AGENTS
from robot_rl.agents.naf import NAFConfig
from robot_rl.agents.ppo import PPOConfig
from robot_rl.config import parse
from robot_rl.errors import InputError
from robot_rl.models.encoder import EncoderConfig
from robot_rl.models.sight import Seen, Sighted
from robot_rl.replay.rollout_buffer import RolloutBuffer
from robot_rl.types import DataSpec, EntrySpec

SHARED = EncoderConfig('small', filters=4, features=16, gradients='critic')


def train(agent, updates, seed=3):
    rng = np.random.default_rng(seed)
    for _ in range(updates):
        agent.update(data_for(agent, rng, 16))


@pytest.mark.learning
@pytest.mark.parametrize('name', CASES)
def test_solves_a_one_step_goal_problem_from_pictures(name):
    agent, rng = make(name), np.random.default_rng(0)
    for _ in range(20 if on_policy(name) else 160):
        agent.update(data_for(agent, rng), measure=False)
    batch = make_batch(np.random.default_rng(5), 40)
    actions = np.stack([play(agent, batch, i) for i in range(40)])
    assert np.abs(actions - way(batch)).mean() < 0.6 * np.abs(way(batch)).mean()


@pytest.mark.parametrize('name', CASES)
def test_equal_seeds_learn_the_same_and_a_saved_agent_acts_and_goes_on_the_same(name):
    shift = 0 if on_policy(name) else 2
    encoder = EncoderConfig('small', filters=4, features=16, shift=shift, center=True)
    agents = [make(name, encoder=encoder) for _ in range(2)]
    for agent in agents:
        train(agent, 2)
    other, seen = make(name, seed=9, encoder=encoder), single(make_batch(np.random.default_rng(3)))
    other.load_policy_state(agents[0].policy_state())
    assert np.array_equal(agents[0].act(seen, False), agents[1].act(seen, False))
    agents[0].reseed(0)
    other.reseed(0)
    assert np.array_equal(agents[0].act(seen, False), other.act(seen, False))
    other.load_state_dict(agents[0].state_dict())
    for agent in (agents[0], other):
        train(agent, 2, seed=4)
    left, right = agents[0].state_dict(), other.state_dict()
    assert left.keys() == right.keys()
    assert all(np.array_equal(left[name], right[name]) for name in left)


@pytest.mark.parametrize('name', ['awac', 'ddpg', 'iql', 'sac', 'td3'])
def test_the_critics_loss_alone_trains_a_shared_encoder(name):
    agent = make(name, encoder=SHARED, critic_entries=(*SEES, 'touch'))
    rng = np.random.default_rng(0)
    for _ in range(4):
        agent.update(make_batch(rng, 16))
    actor, critic = agent._actor, agent._critic
    assert actor.eye is critic.eye
    seen = agent._input.actor.tensors(make_batch(rng, 4).observation, torch.device('cpu'))
    assert not actor.see(seen).requires_grad
    assert critic.see(seen).requires_grad
    assert {id(p) for p in actor.own_parameters()} == {id(p) for p in actor.network.parameters()}
    saved = agent.state_dict()
    eyes = [k for k in saved if k.startswith('critic/eye')]
    assert eyes
    assert all(np.array_equal(saved[k], saved[k.replace('critic', 'actor', 1)]) for k in eyes)


@pytest.mark.parametrize('name', ['ppo', 'ppo-recurrent'])
def test_the_values_loss_alone_trains_an_encoder_shared_with_the_policy(name):
    agent = make(name, encoder=SHARED, value_entries=(*SEES, 'touch'))
    policy, value = agent._policy._policy, agent._baseline.network
    assert policy.eye is value.eye
    rollout = data_for(agent, np.random.default_rng(0), 16)
    states = [state_of(value.eye)]
    agent._policy.improve(rollout, torch.randn(16, generator=torch.Generator().manual_seed(0)))
    states.append(state_of(value.eye))
    agent._baseline.fit(rollout, torch.from_numpy(rollout.reward))
    states.append(state_of(value.eye))
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[1], states[2])


@pytest.mark.parametrize('name', ['naf', 'naf-linear'])
def test_one_loss_trains_the_one_encoder_of_naf_and_its_slow_copy_follows(name):
    agent, before = make(name), make(name)
    assert agent._policy.eye is agent._value.eye
    train(agent, 1)
    old, new, slow = (state_of(a.eye) for a in (before._policy, agent._policy, agent._target))
    assert not torch.equal(old, new)
    torch.testing.assert_close(slow, old.lerp(new, NAFConfig().tau))


def test_value_of_iql_reads_the_features_of_the_critics_slow_copy():
    agent = make('iql', critic_entries=(*SEES, 'touch'))
    sizes = [
        tuple(network.weights[0].shape[1:]) for network in (agent._value, agent._critic.network)
    ]
    width = agent._critic.eye.size
    assert sizes == [(width, 32), (width + 2, 32)]
    before = state_of(agent._critic.eye)
    train(agent, 2)
    assert not torch.equal(before, state_of(agent._critic.eye))


def state_of(module):
    return torch.cat([p.detach().reshape(-1).clone() for p in module.parameters()])


@pytest.mark.parametrize('name', CASES)
def test_what_the_actor_does_not_see_changes_nothing_that_it_does(name):
    agent, batch = make(name), make_batch(np.random.default_rng(0), 4)
    train(agent, 1)
    bright = {'goal_image': 255 - batch.observation['goal_image']}
    known, other = (
        {n: batch.observation[n] for n in names} for names in ((*SEES, 'touch'), KNOWS)
    )
    before = play_one(agent, known)
    assert np.array_equal(before, play_one(agent, known | {n: a + 1 for n, a in other.items()}))
    assert not np.array_equal(before, play_one(agent, known | bright))


def play_one(agent, entries):
    agent.reseed(0)
    return agent.act({name: array[0] for name, array in entries.items()}, False)


def test_a_recurrent_policy_gives_episodes_of_pictures_the_likelihood_it_acted_with():
    agent, rng = make('ppo-recurrent'), np.random.default_rng(0)
    batch, last = make_batch(rng, 300), np.arange(300) % 3 == 2
    mean = []
    for row in range(300):
        if row % 3 == 0:
            agent.reseed(0)
        mean.append(agent.act(single(batch, row), False))
    rollout = rollouts.of(agent, batch, last)
    std = 0.5
    each = -0.5 * np.square((batch.action - mean) / std) - np.log(std) - 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(rollout.log_prob, each.sum(1), atol=1e-4)
    seen = agent._policy._read(rollout, agent._policy.input)
    assert [view.dtype for view in seen.views] == [torch.uint8, torch.uint8]


def test_a_rollout_keeps_pictures_as_bytes():
    agent, batch = make('ppo'), make_batch(np.random.default_rng(0), 3)
    used = DataSpec({name: SPEC.entries[name] for name in agent.entries}, 2)
    buffer = RolloutBuffer(10, used)
    for i, step in enumerate(step_stream.stream(3, 3)):
        seen = dataclasses.replace(step.observation, entries=single(batch, i))
        buffer.add(dataclasses.replace(step, observation=seen))
    rollout, pictures = buffer.take(), batch.observation['image']
    assert rollout.observation['image'].dtype == np.uint8
    assert np.array_equal(rollout.observation['image'], pictures[:2])
    assert np.array_equal(rollout.next_observation['image'], pictures[1:])


def test_colour_and_depth_make_one_view():
    entries = {'image': EntrySpec((16, 16, 3), 'uint8'), 'depth': EntrySpec((16, 16, 1))}
    both = EncoderConfig('small', 4, views=(('image', 'depth'),))
    agent = AGENTS['bc'](
        AGENTS['bc'].Config(**FIXED | {'encoder': both, 'labels': 'all'}),
        DataSpec(entries, 2),
        0,
    )
    picture = np.full((16, 16, 3), 51, np.uint8)
    deep = np.full((16, 16, 1), 0.75, np.float32)
    seen = agent._input.tensors({'image': picture[None], 'depth': deep[None]}, torch.device('cpu'))
    assert isinstance(seen, Seen)
    assert seen.views[0].shape == (1, 16, 16, 4)
    assert seen.views[0][0, 0, 0].tolist() == pytest.approx([-0.3, -0.3, -0.3, 0.75])
    assert agent.act({'image': picture, 'depth': deep}, False).shape == (2,)


def test_a_view_of_what_the_task_lacks_is_named():
    entries = {'image': EntrySpec((16, 16, 3), 'uint8')}
    config = EncoderConfig('small', 4, views=(('image',), ('goal_imgae',)))
    with pytest.raises(InputError, match=r"expected entries of the task, got \['goal_imgae'\]"):
        AGENTS['bc'](
            AGENTS['bc'].Config(**FIXED | {'encoder': config, 'labels': 'all'}),
            DataSpec(entries, 2),
            0,
        )


@pytest.mark.parametrize('name', CASES)
def test_pictures_without_an_encoder_and_an_encoder_without_pictures_are_refused(name):
    kind, chosen = config(name, encoder=None)
    with pytest.raises(InputError, match=r"entries: entry 'image' is an image.*encoder"):
        kind(chosen, SPEC, 0)
    key = 'entries' if name.startswith('naf') else 'actor_entries'
    with pytest.raises(InputError, match='encoder: no picture among the entries'):
        make(name, **{key: ('touch',)})
    if not name.startswith(('bc', 'naf')):
        with pytest.raises(InputError, match='gradients: critic needs actor and critic'):
            make(name, encoder=SHARED)


def test_a_shift_is_refused_where_the_policy_must_see_what_it_acted_on():
    wanted = {'encoder': {'kind': 'small', 'shift': 4}}
    with pytest.raises(InputError, match=r'file.yaml.*encoder: shift: expected 0'):
        parse(PPOConfig, wanted, 'file.yaml')


@pytest.mark.parametrize('name', CASES)
def test_pictures_of_another_size_are_refused_by_name(name):
    agent, rng = make(name), np.random.default_rng(0)
    batch = data_for(agent, rng, 2)
    seen = single(batch) | {'goal_image': np.zeros((8, 16, 1), np.uint8)}
    with pytest.raises(InputError, match=r'goal_image: expected shape \(16, 16, 1\), got \(8, 16'):
        agent.act(seen, False)
    wrong = batch.observation | {'goal_image': np.zeros((2, 8, 16, 1), np.uint8)}
    with pytest.raises(
        InputError, match=r"observation 'goal_image': expected shape \('B', 16, 16"
    ):
        agent.update(dataclasses.replace(batch, observation=wrong))
    entries = SPEC.entries | {'goal_image': EntrySpec((8, 8, 1), 'uint8')}
    kind, chosen = config(name)
    with pytest.raises(InputError, match=r'goal_image: expected a picture of \[16, 16, 1\]'):
        kind(chosen, DataSpec(entries, 2), 0)


def test_a_network_behind_an_eye_takes_features_in_place_of_pictures():
    agent, batch = make('sac'), make_batch(np.random.default_rng(0), 3)
    seen = agent._input.actor.tensors(batch.observation, torch.device('cpu'))
    actor = agent._actor
    assert isinstance(actor, Sighted)
    assert torch.equal(actor(seen), actor(actor.see(seen)))
    assert torch.allclose(actor(seen[torch.tensor([2])])[0], actor(seen)[2], atol=1e-5)
