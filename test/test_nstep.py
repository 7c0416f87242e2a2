# SPDX-License-Identifier: Apache-2.0
"""Returns over several steps: where they stop, and what they sum."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from step_stream import SPEC, make_step, stream

from robot_rl.errors import InputError
from robot_rl.replay.buffer import ReplayBuffer
from robot_rl.replay.sampler import Sampler


def rewarded(rewards, end, first=0, episode=0):
    """Steps of one episode; the reward of each arrival after the first state."""
    for i, reward in enumerate([0.0, *rewards]):
        last = i == len(rewards)
        step = make_step(first + i, episode=episode, step=i, end=end if last else '')
        yield dataclasses.replace(step, reward=reward)


def draw(buffer, n_step, gamma, size=400):
    return Sampler(buffer, n_step, gamma).sample(size, np.random.default_rng(0))


def by_start(batch, steps):
    """For each state left: return, terminated, steps, and which state is the next one."""
    places = {s.observation.entries['place'].tobytes(): s.sequence for s in steps}
    return {
        places[batch.observation['place'][i].tobytes()]: (
            float(batch.reward[i]),
            bool(batch.terminated[i]),
            int(batch.steps[i]),
            places[batch.next_observation['place'][i].tobytes()],
        )
        for i in range(len(batch.reward))
    }


@pytest.mark.parametrize(('end', 'ended'), [('terminated', True), ('truncated', False)])
def test_by_hand_at_an_end(end, ended):
    """Rewards 1 2 4 8, gamma 0.5, three steps. At a time limit the last state still counts."""
    buffer, steps = ReplayBuffer(10, SPEC), list(rewarded([1, 2, 4, 8], end))
    for step in steps:
        buffer.add(step)
    assert by_start(draw(buffer, 3, 0.5), steps) == {
        0: (1 + 1 + 1, False, 3, 3),
        1: (2 + 2 + 2, ended, 3, 4),
        2: (4 + 4, ended, 2, 4),
        3: (8.0, ended, 1, 4),
    }


def test_nothing_crosses_into_the_next_episode():
    buffer = ReplayBuffer(20, SPEC)
    first = list(rewarded([1, 1], 'truncated'))
    second = list(rewarded([5, 5], 'terminated', first=3, episode=1))
    for step in first + second:
        buffer.add(step)
    found = by_start(draw(buffer, 10, 1.0), first + second)
    assert found == {
        0: (2.0, False, 2, 2),
        1: (1.0, False, 1, 2),
        3: (10.0, True, 2, 5),
        4: (5.0, True, 1, 5),
    }


def test_an_episode_that_goes_on_ends_at_its_newest_state():
    buffer, steps = ReplayBuffer(10, SPEC), list(rewarded([1, 2, 4], ''))
    for step in steps:
        buffer.add(step)
    assert by_start(draw(buffer, 2, 1.0), steps)[2] == (4.0, False, 1, 3)


def test_one_step_is_what_the_buffer_gives():
    buffer = ReplayBuffer(20, SPEC)
    for step in stream(15):
        buffer.add(step)
    one = Sampler(buffer).sample(64, np.random.default_rng(3))
    two = buffer.sample(64, np.random.default_rng(3))
    for name in ('action', 'reward', 'terminated', 'steps', 'demonstration'):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    np.testing.assert_array_equal(one.next_observation['touch'], two.next_observation['touch'])


@settings(max_examples=60)
@given(
    capacity=st.integers(2, 40),
    n_step=st.integers(2, 7),
    gamma=st.floats(0, 1),
    choices=st.lists(st.tuples(st.sampled_from('ab'), st.booleans()), max_size=90),
)
def test_returns_are_what_a_plain_list_says(capacity, n_step, gamma, choices):
    """Two collectors take turns, steps are lost, the ring wraps."""
    sources = {name: list(stream(120, 6, name)) for name in 'ab'}
    place, kept = {'a': 0, 'b': 0}, []
    buffer = ReplayBuffer(capacity, SPEC)
    for name, lost in choices:
        step = sources[name][place[name]]
        place[name] += 1
        if not lost:
            buffer.add(step)
            kept.append(step)
    if not len(buffer):
        return
    alive = {(s.observation.collector, s.sequence): s for s in kept[-capacity:]}
    by_place = {s.observation.entries['place'].tobytes(): k for k, s in alive.items()}
    batch = draw(buffer, n_step, gamma, 60)
    for i in range(60):
        name, sequence = by_place[batch.observation['place'][i].tobytes()]
        total, steps, step = 0.0, 0, alive[name, sequence]
        while steps < n_step and not step.last and (name, sequence + steps + 1) in alive:
            step = alive[name, sequence + steps + 1]
            total += gamma**steps * float(np.float32(step.reward))
            steps += 1
        assert batch.steps[i] == steps
        assert batch.terminated[i] == step.terminated
        assert batch.reward[i] == pytest.approx(total, rel=1e-5, abs=1e-5)
        place_of_next = step.observation.entries['place']
        np.testing.assert_array_equal(batch.next_observation['place'][i], place_of_next)


def test_several_steps_need_a_discount():
    buffer = ReplayBuffer(4, SPEC)
    for gamma in (float('nan'), -0.1, 1.1):
        with pytest.raises(InputError, match='gamma: expected'):
            Sampler(buffer, 2, gamma)
    with pytest.raises(InputError, match='n_step: expected at least 1'):
        Sampler(buffer, 0)
    with pytest.raises(InputError, match='no transition'):
        Sampler(buffer, 2, 0.9).sample(4, np.random.default_rng(0))
