# SPDX-License-Identifier: Apache-2.0
"""When a collector takes up the learner's newer policies."""

import numpy as np
import pytest
import step_stream

from robot_rl.agents.naf import NAF, NAFConfig
from robot_rl.errors import InputError
from robot_rl.learning import weights
from robot_rl.learning.config import LearnerConfig
from robot_rl.learning.player import Player
from robot_rl.learning.versions import PolicyVersions

SETTINGS = weights.settings_json('naf', step_stream.SPEC)
CONFIG = NAFConfig(entries=('place',), hidden=(8,), device='cpu')


def observe(episode, step):
    return step_stream.make_step(0, episode=episode, step=step).observation


def make_player(lag=None, **how):
    player = Player(NAF(CONFIG, step_stream.SPEC, 0), 2, 'sample', 0)
    player.follow(PolicyVersions(lag), SETTINGS, **how)
    return player


def offer(player, version, seed=0, settings=SETTINGS):
    state = NAF(CONFIG, step_stream.SPEC, seed).policy_state()
    data, sha256 = weights.pack(state)
    player.offer(weights.Weights('run', version, -1, 'naf', settings, sha256, data))


def versions_played(player):
    """Of five steps in two episodes, with a newer policy after the second."""
    offer(player, 1)
    played = [player.act(observe(0, step)).version for step in range(2)]
    offer(player, 2, seed=1)
    played += [player.act(observe(0, step)).version for step in (2, 3)]
    return [*played, player.act(observe(1, 0)).version]


def test_without_being_told_a_policy_plays_whole_episodes():
    assert LearnerConfig().refresh == 'episode'
    assert versions_played(make_player()) == [1, 1, 1, 1, 2]


def test_refreshed_at_any_step():
    assert versions_played(make_player(refresh='step')) == [1, 1, 2, 2, 2]


def test_nothing_is_played_before_the_first_policy_is_here():
    player = make_player(refresh='step')
    assert player.act(observe(0, 0)) is None
    offer(player, 3)
    assert player.act(observe(0, 0)).version == 3


@pytest.mark.parametrize('refresh', ['episode', 'step'])
def test_an_unchanged_policy_acts_alike_with_either_rule(refresh):
    """The noise goes on across a refresh with equal weights."""
    players = [make_player(), make_player(refresh=refresh)]
    for player in players:
        offer(player, 1)
        player.act(observe(0, 0))
        offer(player, 2)
    for step in (1, 2):
        np.testing.assert_array_equal(*(p.act(observe(0, step)).values for p in players))


@pytest.mark.fault(22)
@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (
            weights.settings_json('bc', step_stream.SPEC),
            "settings.agent: expected 'naf', got 'bc'",
        ),
        (weights.settings_json('naf', step_stream.SPEC, action={'scale': 0.1}), 'settings.action'),
    ],
)
def test_weights_of_another_agent_or_action_are_not_played(settings, message):
    player = make_player()
    offer(player, 1)
    with pytest.raises(InputError, match=f'policy/weights: {message}'):
        offer(player, 2, settings=settings)
    assert player.act(observe(0, 0)).version == 1
