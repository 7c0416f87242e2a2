# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from step_stream import SPEC, make_step, stream

from robot_rl.errors import InputError
from robot_rl.replay.rollout import check_rollout
from robot_rl.replay.rollout_buffer import RolloutBuffer


def filled(steps, capacity=1000):
    buffer = RolloutBuffer(capacity, SPEC)
    for step in steps:
        buffer.add(step)
    return buffer


def same(one, two):
    return one.keys() == two.keys() and all(np.array_equal(one[k], two[k]) for k in one)


def test_whole_episodes_come_out_in_the_order_of_time():
    steps = list(stream(12))
    rollout = filled(steps).take()
    wanted = [s for s in steps[:10] if not s.last]
    following = [steps[s.sequence + 1] for s in wanted]
    assert rollout.lengths.tolist() == [4, 4]
    assert np.flatnonzero(rollout.terminated).tolist() == [3]
    assert np.flatnonzero(rollout.last).tolist() == [3, 7]
    assert rollout.version.tolist() == [s.version for s in wanted]
    np.testing.assert_array_equal(rollout.action, np.float32([s.policy for s in wanted]))
    np.testing.assert_array_equal(rollout.reward, np.float32([s.reward for s in following]))
    for name in SPEC.entries:
        for rows, got in ((wanted, rollout.observation), (following, rollout.next_observation)):
            stacked = np.stack([s.observation.entries[name] for s in rows])
            np.testing.assert_array_equal(got[name], stacked)


def test_what_was_taken_is_gone_and_open_episodes_stay():
    steps = list(stream(10))
    buffer = filled(steps[:7])
    assert len(buffer) == 4
    assert buffer.take().lengths.tolist() == [4]
    with pytest.raises(InputError, match='no complete episode'):
        buffer.take()
    assert [buffer.add(step) for step in steps[7:]] == [False, False, True]
    assert buffer.take().lengths.tolist() == [4]


def test_a_lost_step_cuts_the_episode_without_ending_the_task():
    steps = [s for s in stream(10) if s.sequence != 2]
    buffer = filled(steps)
    rollout = buffer.take()
    assert rollout.lengths.tolist() == [1, 4]
    assert not rollout.terminated.any()
    assert (buffer.gaps, buffer.discarded) == (1, 2)


def test_an_episode_that_never_ended_counts_up_to_its_last_state():
    steps = [s for s in stream(10) if s.sequence != 4]
    buffer = filled(steps)
    assert buffer.take().lengths.tolist() == [3, 4]
    assert (buffer.gaps, buffer.discarded) == (1, 0)


def test_repeated_steps_are_counted_and_change_nothing():
    steps = list(stream(10))
    buffer = filled([s for s in steps for _ in range(2)])
    assert buffer.duplicates == 10
    assert buffer.next_sequence('arm') == 10
    assert buffer.take().lengths.tolist() == [4, 4]


def test_what_follows_a_takeover_is_left_out():
    steps = list(stream(5))
    steps[2] = dataclasses.replace(steps[2], source='human')
    buffer = filled(steps)
    rollout = buffer.take()
    assert rollout.lengths.tolist() == [2]
    assert not rollout.terminated.any()
    assert buffer.discarded == 2


@pytest.mark.parametrize('value', [np.nan, np.inf, 1e300])
def test_numbers_that_are_not_finite_cut_the_episode(value):
    steps = list(stream(10))
    steps[3] = dataclasses.replace(steps[3], reward=value)
    buffer = filled(steps)
    assert buffer.take().lengths.tolist() == [2, 4]
    assert (buffer.rejected, buffer.discarded) == (1, 1)


def test_policy_without_an_action_cuts_the_episode():
    steps = list(stream(5))
    steps[1] = dataclasses.replace(steps[1], policy=np.full(2, np.nan))
    assert filled(steps).take().lengths.tolist() == [1]


def test_the_policys_own_action_is_learned_from():
    steps = [dataclasses.replace(s, requested=s.policy / 3) for s in stream(5)]
    wanted = np.float32([s.policy for s in steps[:4]])
    np.testing.assert_array_equal(filled(steps).take().action, wanted)


def test_episodes_of_unknown_policies_are_dropped_and_counted():
    buffer = filled(stream(15))  # versions are the sequences
    buffer.keep_only(range(5, 10))
    assert buffer.stale == 8
    assert buffer.take().version.tolist() == [5, 6, 7, 8]


def test_the_oldest_go_when_too_many_wait():
    buffer = filled(stream(15), capacity=9)
    buffer.keep_only(range(20))
    assert (len(buffer), buffer.stale) == (8, 4)
    assert buffer.take().version[0] == 5


def test_collectors_are_kept_apart():
    pairs = zip(stream(5, collector='a'), stream(5, collector='b'), strict=True)
    buffer = filled([step for pair in pairs for step in pair])
    assert buffer.sequences == {'a': 5, 'b': 5}
    assert buffer.take().lengths.tolist() == [4, 4]


@settings(max_examples=15)
@given(st.integers(0, 20))
def test_saved_and_restored_anywhere_it_goes_on_the_same(cut):
    steps = list(stream(20))
    whole, first, second = filled(steps), filled(steps[:cut]), RolloutBuffer(1000, SPEC)
    second.load_state_dict(first.state_dict())
    for step in steps[second.next_sequence('arm') :]:
        second.add(step)
    assert same(whole.state_dict(), second.state_dict())
    assert len(second) == len(whole) == 16


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'policy': np.zeros(3)}, 'policy action: expected (2,), got (3,)'),
        ({'entries': {'place': np.zeros(3)}}, "no entry 'touch'"),
        ({'entries': {'place': np.zeros(4), 'touch': np.zeros((2, 2))}}, "'place': expected (3,)"),
    ],
)
def test_steps_that_do_not_fit_are_refused_by_name(change, message):
    step = make_step(0)
    if 'entries' in change:
        change = {'observation': dataclasses.replace(step.observation, **change)}
    with pytest.raises(InputError) as caught:
        RolloutBuffer(10, SPEC).add(dataclasses.replace(step, **change))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'log_prob': np.zeros(3, np.float32)}, 'log_prob: expected shape'),
        ({'log_prob': np.full(4, np.nan, np.float32)}, 'log_prob: expected finite'),
        ({'last': np.zeros(4, np.bool_)}, 'last: expected True in the last row'),
    ],
)
def test_bad_rollouts_are_refused_by_name(change, message):
    good = {'log_prob': np.zeros(4, np.float32)}
    rollout = dataclasses.replace(filled(stream(5)).take(), **(good | change))
    with pytest.raises(InputError, match=message):
        check_rollout(rollout, SPEC, tuple(SPEC.entries))


def test_state_of_other_entries_is_refused():
    other = RolloutBuffer(10, dataclasses.replace(SPEC, action_size=3))
    with pytest.raises(InputError, match='action: expected'):
        other.load_state_dict(filled(stream(7)).state_dict())
