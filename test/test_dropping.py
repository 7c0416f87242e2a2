# SPDX-License-Identifier: Apache-2.0
import numpy as np

from robot_rl.agents.ppo import PPO, PPOConfig
from robot_rl.learning import weights
from robot_rl.learning.dropping import ActionDropping
from robot_rl.learning.player import Player
from robot_rl.learning.versions import PolicyVersions
from robot_rl.learning.weights import Weights
from robot_rl.types import DataSpec, EntrySpec, Observation

SPEC = DataSpec({'place': EntrySpec((3,))}, 2)


def play(dropping, episode=0, length=200):
    dropping.start(episode)
    return [int(dropping.arrive(np.array([i]))[0]) for i in range(length)]


def test_nothing_is_lost_without_it():
    assert play(ActionDropping(0.0, 0)) == list(range(200))


def test_a_lost_action_is_replaced_by_the_one_before():
    played = play(ActionDropping(0.3, 0), length=2000)
    assert played[0] == 0
    for before, now, i in zip(played, played[1:], range(1, 2000), strict=False):
        assert now in (before, i)
    kept = np.mean([value == i for i, value in enumerate(played)])
    assert 0.65 < kept < 0.75


def test_losses_follow_from_seed_and_episode():
    one, two, other = (ActionDropping(0.3, seed) for seed in (1, 1, 2))
    play(one, episode=5)
    assert play(one, episode=7) == play(two, episode=7)
    assert play(one, episode=7) != play(one, episode=8)
    assert play(one, episode=7) != play(other, episode=7)


def player(drop):
    agent = PPO(PPOConfig(hidden=(8,), device='cpu'), SPEC, 0)
    made = Player(agent, 2, 'sample', 0)
    settings = weights.settings_json('ppo', SPEC)
    made.follow(PolicyVersions(None), settings, drop_actions=drop)
    data, sha256 = weights.pack(agent.policy_state())
    made.offer(Weights('r', 3, -1, 'ppo', settings, sha256, data))
    return made


def act(made, steps=100):
    rng = np.random.default_rng(0)
    states = [{'place': rng.standard_normal(3, np.float32)} for _ in range(steps)]
    return [made.act(Observation(k, 'arm', 0, k, s)) for k, s in enumerate(states)]


def test_player_repeats_what_it_played_and_tells_what_the_policy_wanted():
    clean, lossy = act(player(0.0)), act(player(0.4))
    assert all(action.policy is None for action in clean)
    lost = [k for k, action in enumerate(lossy) if action.policy is not None]
    assert 20 < len(lost) < 60
    for k, (wanted, action) in enumerate(zip(clean, lossy, strict=True)):
        own = action.values if action.policy is None else action.policy
        np.testing.assert_array_equal(own, wanted.values)
        if k in lost:
            np.testing.assert_array_equal(action.values, lossy[k - 1].values)
        assert (action.source, action.version) == ('policy', 3)
