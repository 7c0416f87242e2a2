# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest
import rollouts

from robot_rl.agents.ppo import PPO, PPOConfig
from robot_rl.errors import InputError
from robot_rl.replay.batch import Batch
from robot_rl.replay.rollout import rows_of
from robot_rl.types import DataSpec, EntrySpec

SPEC = DataSpec(
    {'hint': EntrySpec((1,)), 'secret': EntrySpec((2,)), 'picture': EntrySpec((4, 4, 3), 'uint8')},
    1,
)
SPEC_NAMES = ('hint', 'secret')
SMALL = {
    'actor_entries': ('hint',),
    'value_entries': ('secret',),
    'hidden': (16,),
    'value_hidden': (16,),
    'learning_rate': 5e-3,
    'minibatch': 64,
    'device': 'cpu',
}


def make(seed=0, **more):
    return PPO(PPOConfig(**(SMALL | more)), SPEC, seed)


def recall(agent, episodes, rng, length=3, explore=True):
    """Episodes whose first state hints at the action that pays at their end.

    Returns:
        The rollout, and how far the last actions were from right, mean.
    """
    hints = rng.choice([-0.5, 0.5], episodes)
    observation, action, reward = [], [], []
    for wanted in hints:
        agent.reseed(int(rng.integers(1 << 30)))
        for k in range(length):
            hint = np.float32([wanted if k == 0 else 0.0])
            observation.append((hint, np.float32([wanted, k])))
            action.append(agent.act({'hint': hint}, explore))
            last = k == length - 1
            reward.append(-abs(action[-1][0] - wanted) if last else 0.0)
    states = {name: np.stack([o[j] for o in observation]) for j, name in enumerate(SPEC_NAMES)}
    last = np.tile(np.arange(length) == length - 1, episodes)
    batch = Batch(
        states,
        np.array(action, np.float32),
        np.array(reward, np.float32),
        {name: np.roll(array, -1, 0) for name, array in states.items()},
        last,
        np.ones(len(last), np.int64),
        np.zeros(len(last), np.bool_),
    )
    return rollouts.of(agent, batch, last), -np.mean(reward) * length


def same(one, two):
    return one.keys() == two.keys() and all(np.array_equal(one[k], two[k]) for k in one)


@pytest.mark.parametrize('cells', [0, 8])
def test_replay_gives_the_likelihood_of_acting(cells):
    """Acting step by step without torch, and going over whole episodes, are one policy."""
    agent, rng = make(cells=cells, mean_init_scale=1.0), np.random.default_rng(0)
    rollout, _ = recall(agent, 5, rng)
    mean = []
    for row in range(len(rollout.reward)):
        if row == 0 or rollout.last[row - 1]:
            agent.reseed(0)
        mean.append(agent.act({'hint': rollout.observation['hint'][row]}, False))
    std, action = 0.5, rollout.action
    inside = np.abs(action[:, 0]) < 1
    wanted = -0.5 * np.square((action - mean) / std) - np.log(std) - 0.5 * np.log(2 * np.pi)
    assert inside.sum() > 5
    np.testing.assert_allclose(rollout.log_prob[inside], wanted[inside, 0], atol=1e-4)


def test_memory_solves_what_needs_it():
    errors = {}
    for cells in (0, 16):
        agent, rng = make(cells=cells, epochs=5), np.random.default_rng(0)
        for _ in range(40):
            agent.update(recall(agent, 40, rng)[0], measure=False)
        errors[cells] = recall(agent, 50, rng, explore=False)[1]
    assert errors[16] < 0.15
    assert errors[0] > 0.35


def test_memory_begins_empty_at_reseed_and_survives_new_weights():
    agent = make(cells=8, mean_init_scale=1.0)
    hint = [{'hint': np.float32([x])} for x in (0.5, 0.0)]

    def play(*, change):
        agent.reseed(3)
        agent.act(hint[0], True)
        if change:
            agent.load_policy_state(agent.policy_state())
        return agent.act(hint[1], True)

    first = play(change=False)
    np.testing.assert_array_equal(play(change=True), first)
    agent.reseed(3)
    assert not np.array_equal(agent.act(hint[1], True), first)


def test_saved_in_the_middle_of_an_episode_it_goes_on_the_same():
    agent, other = make(cells=8, mean_init_scale=1.0), make(4, cells=8)
    agent.act({'hint': np.float32([0.5])}, True)
    other.load_state_dict(agent.state_dict())
    entries = {'hint': np.float32([0.0])}
    np.testing.assert_array_equal(agent.act(entries, True), other.act(entries, True))


def test_policy_and_value_read_their_own_entries_alone():
    agent = make()
    assert set(agent.entries) == {'hint', 'secret'}
    rng = np.random.default_rng(0)
    rollout, _ = recall(agent, 20, rng)
    other = make()
    blind = rollout.observation | {'secret': np.zeros_like(rollout.observation['secret'])}
    agent.act({'hint': np.float32([0.1])}, False)  # needs no secret
    other.update(dataclasses.replace(rollout, observation=blind))
    agent.update(rollout)
    assert not same(agent.state_dict(), other.state_dict())
    np.testing.assert_array_equal(
        rollout.log_prob, make().log_prob(rollout, make().policy_state())
    )


def test_features_learn_to_predict_the_state():
    agent = make(predicted_entries=('secret',), prediction_weight=10.0)
    rng = np.random.default_rng(0)
    losses_seen = [
        agent.update(recall(agent, 40, rng, length=1)[0])['prediction_loss'] for _ in range(40)
    ]
    assert losses_seen[-1] < 0.4 * losses_seen[0]


def test_without_prediction_there_is_no_such_loss():
    rng = np.random.default_rng(0)
    agent = make()
    assert 'prediction_loss' not in agent.update(recall(agent, 5, rng)[0])


def test_passes_end_once_the_policy_has_moved_too_far():
    agent, rng = make(learning_rate=0.1, max_divergence=1e-4), np.random.default_rng(0)
    measured = agent.update(recall(agent, 40, rng)[0])
    assert measured['passes'] < 10
    assert measured['divergence'] > 1e-4


def test_entropy_bonus_widens_the_exploration():
    stds = []
    for weight in (0.0, 0.1):
        agent, rng = make(entropy_weight=weight), np.random.default_rng(0)
        for _ in range(10):
            measured = agent.update(recall(agent, 20, rng)[0])
        stds.append(measured['std'])
    assert stds[1] > stds[0] + 0.02


def test_value_counts_beyond_a_time_limit_and_not_beyond_the_end():
    """A reward of 1 for ever is worth 1 / (1 - gamma), a last one 1."""
    worth = {}
    for ends in (True, False):
        agent = make(gamma=0.9, value_learning_rate=1e-2)
        rollout, _ = recall(agent, 64, np.random.default_rng(0), length=1)
        constant = {n: np.ones_like(a) for n, a in rollout.observation.items()}
        rollout = dataclasses.replace(
            rollout,
            observation=constant,
            next_observation=constant,
            reward=np.ones_like(rollout.reward),
            terminated=np.full(len(rollout.reward), ends),
        )
        for _ in range(80):
            agent.update(rollout, measure=False)
        worth[ends] = agent._baseline._value(constant)[0].item()
    assert worth[True] == pytest.approx(1.0, abs=0.05)
    assert worth[False] == pytest.approx(10.0, abs=1.0)


def far(rollout, scale=1000.0, offset=5000.0):
    """The rollout in units in which its entries are huge."""
    states = (rollout.observation, rollout.next_observation)
    moved = [{n: a * np.float32(scale) + np.float32(offset) for n, a in s.items()} for s in states]
    return dataclasses.replace(rollout, observation=moved[0], next_observation=moved[1])


def test_normalisation_makes_units_of_no_matter():
    """Once the statistics are there, actions and values are those in any other units."""
    rollout, _ = recall(make(), 64, np.random.default_rng(0), length=1)
    actions, values = [], []
    for units in (rollout, far(rollout)):
        agent = make(normalize=True, mean_init_scale=1.0)
        seen = [part.input for part in (agent._policy, agent._baseline)]
        for part in seen:
            part.observe(units.observation)
        actions.append(agent.act({'hint': units.observation['hint'][0]}, False))
        values.append(agent._baseline._value(units.observation).detach().numpy())
    np.testing.assert_allclose(actions[0], actions[1], atol=1e-3)
    np.testing.assert_allclose(values[0], values[1], atol=1e-3)
    assert np.ptp(values[0]) > 0.01


def test_a_rollout_is_judged_by_the_scales_in_which_its_actions_were_chosen():
    agent, rng = make(normalize=True, mean_init_scale=1.0), np.random.default_rng(0)
    agent.update(recall(agent, 20, rng)[0])
    acted = agent.policy_state()
    rollout, _ = recall(agent, 20, rng)
    agent._policy.input.observe({'hint': np.full((500, 1), 9.0, np.float32)})
    np.testing.assert_array_equal(agent.log_prob(rollout, acted), rollout.log_prob)
    now = agent.log_prob(rollout, agent.policy_state())
    assert abs(now - rollout.log_prob).max() > 0.1


def test_scales_travel_with_the_policy_and_with_the_agent():
    agent = make(normalize=True, mean_init_scale=1.0)
    agent.update(recall(agent, 20, np.random.default_rng(0))[0])
    player, other = (make(4, normalize=True) for _ in range(2))
    player.load_policy_state(agent.policy_state())
    other.load_state_dict(agent.state_dict())
    wanted = agent.act({'hint': np.float32([0.3])}, False)
    for copy_ in (player, other):
        np.testing.assert_array_equal(copy_.act({'hint': np.float32([0.3])}, False), wanted)
    assert same(other.state_dict(), agent.state_dict())


def test_images_are_refused_by_name():
    with pytest.raises(InputError, match="value_entries: entry 'picture' is an image"):
        make(value_entries=('picture',))


def test_batch_of_any_transitions_is_refused():
    agent = make()
    rollout, _ = recall(agent, 3, np.random.default_rng(0))
    batch = Batch(**{f.name: getattr(rollout, f.name) for f in dataclasses.fields(Batch)})
    with pytest.raises(InputError, match='expected a rollout'):
        agent.update(batch)


def test_rows_of_units_by_hand():
    lengths = np.array([2, 1, 3])
    assert rows_of(lengths, np.array([2, 0])).tolist() == [3, 4, 5, 0, 1]
    assert rows_of(np.ones(4, np.int64), np.array([3, 1])).tolist() == [3, 1]
