# SPDX-License-Identifier: Apache-2.0
import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from step_stream import SPEC, make_step, stream

from robot_rl.errors import InputError
from robot_rl.replay.buffer import ReplayBuffer
from robot_rl.types import DataSpec, EntrySpec


def every_transition(buffer):
    """All stored transitions, as a set of plain values."""
    if not len(buffer):
        return set()
    rows = np.flatnonzero(buffer.links >= 0)
    batch = buffer.gather(rows)
    return {
        (
            batch.observation['place'][i].tobytes(),
            batch.action[i].tobytes(),
            float(batch.reward[i]),
            bool(batch.terminated[i]),
            batch.next_observation['place'][i].tobytes(),
        )
        for i in range(len(rows))
    }


def transition(first, second):
    return (
        first.observation.entries['place'].tobytes(),
        first.requested.astype(np.float32).tobytes(),
        float(np.float32(second.reward)),
        second.terminated,
        second.observation.entries['place'].tobytes(),
    )


def follows(first, second):
    one, two = first.observation, second.observation
    return (
        second.sequence == first.sequence + 1
        and (one.collector, one.episode, one.step + 1) == (two.collector, two.episode, two.step)
        and not first.last
    )


def test_pairs_consecutive_steps_of_an_episode_only():
    buffer, steps = ReplayBuffer(100, SPEC), list(stream(20))
    stored = [buffer.add(step) for step in steps]
    assert stored == [step.observation.step > 0 for step in steps]
    pairs = [(a, b) for a, b in pairwise(steps) if follows(a, b)]
    assert len(buffer) == len(pairs) == 16
    assert every_transition(buffer) == {transition(a, b) for a, b in pairs}


def test_a_transition_holds_the_action_that_was_asked_for():
    for kind in ('requested', 'executed'):
        buffer, steps = ReplayBuffer(10, SPEC, kind), list(stream(2))
        for step in steps:
            buffer.add(step)
        wanted = getattr(steps[0], kind).astype(np.float32)
        np.testing.assert_array_equal(buffer.gather(np.array([0])).action[0], wanted)
    assert not np.array_equal(steps[0].requested, steps[0].executed)


def test_time_limit_is_not_a_termination():
    buffer = ReplayBuffer(10, SPEC)
    for step in (make_step(0), make_step(1, step=1, end='truncated')):
        buffer.add(step)
    assert not buffer.gather(np.array([0])).terminated[0]


@pytest.mark.fault(28)
@settings(max_examples=60)
@given(
    capacity=st.integers(2, 40),
    choices=st.lists(st.tuples(st.integers(0, 2), st.sampled_from('.....dr')), max_size=120),
)
def test_interleaved_lossy_streams_against_a_list(capacity, choices):
    """Any interleaving, loss and repetition: what can be drawn is what a plain list says."""
    sources = [list(stream(120, 4, name)) for name in 'abc']
    place = [0, 0, 0]
    buffer, kept = ReplayBuffer(capacity, SPEC), []
    for source, what in choices:
        step = sources[source][place[source]]
        place[source] += 1
        if what == 'd':
            continue
        buffer.add(step)
        kept.append(step)
        if what == 'r':
            buffer.add(step)
    alive = kept[-capacity:]
    pairs = [(a, b) for i, a in enumerate(alive) for b in alive[i + 1 :] if follows(a, b)]
    assert len(buffer) == len(pairs)
    assert every_transition(buffer) == {transition(a, b) for a, b in pairs}
    assert buffer.duplicates == sum(w == 'r' for _, w in choices)
    gaps = [
        buffer.next_sequence(n) - sum(k.observation.collector == n for k in kept) for n in 'abc'
    ]
    assert buffer.gaps == sum(gaps)


def test_every_transition_is_drawn_equally_often():
    buffer, rng = ReplayBuffer(32, SPEC), np.random.default_rng(0)
    for step in stream(100):
        buffer.add(step)
    rows, counts = np.unique(buffer.sample_rows(len(buffer) * 400, rng), return_counts=True)
    assert len(rows) == len(buffer)
    assert (abs(counts - 400) < 110).all()


def test_late_and_repeated_steps_are_dropped_and_counted():
    buffer = ReplayBuffer(10, SPEC)
    for sequence in (0, 1, 2, 2, 1, 3):
        buffer.add(make_step(sequence, step=sequence))
    assert (buffer.duplicates, buffer.gaps, len(buffer)) == (2, 0, 3)
    assert buffer.next_sequence('arm') == 4
    assert buffer.next_sequence('leg') == 0


def test_restart_within_an_episode_number_makes_no_transition():
    buffer = ReplayBuffer(10, SPEC)
    buffer.add(make_step(0, episode=3, step=4))
    assert not buffer.add(make_step(1, episode=3, step=0))


@pytest.mark.parametrize('field', ['reward', 'requested', 'observation'])
def test_not_finite_is_rejected_and_breaks_the_chain(field):
    buffer, steps = ReplayBuffer(10, SPEC), list(stream(3))
    if field == 'observation':
        steps[1].observation.entries['place'][0] = np.nan
    else:
        bad = np.inf if field == 'reward' else np.full(2, np.nan)
        steps[1] = dataclasses.replace(steps[1], **{field: bad})
    for step in steps:
        buffer.add(step)
    assert (buffer.rejected, len(buffer), buffer.next_sequence('arm')) == (1, 0, 3)


def test_images_stay_bytes_and_states_are_stored_once():
    spec = DataSpec({'rgb': EntrySpec((8, 8, 3), 'uint8')}, 2)
    buffer = ReplayBuffer(16, spec)
    for step in stream(10):
        picture = np.full((8, 8, 3), step.sequence, np.uint8)
        step.observation.entries['rgb'] = picture
        buffer.add(step)
    batch = buffer.sample(32, np.random.default_rng(0))
    assert batch.observation['rgb'].dtype == np.uint8
    assert (batch.next_observation['rgb'] == batch.observation['rgb'] + 1).all()
    assert buffer.state_dict()['entries/rgb'].nbytes == 10 * 8 * 8 * 3


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'place': np.zeros(4, np.float32)}, "entry 'place': expected (3,), got (4,)"),
        ({'place': None}, "no entry 'place'"),
    ],
)
def test_wrong_entries_are_refused_by_name(change, message):
    buffer, step = ReplayBuffer(10, SPEC), make_step(0)
    for name, value in change.items():
        step.observation.entries.pop(name)
        if value is not None:
            step.observation.entries[name] = value
    with pytest.raises(InputError) as caught:
        buffer.add(step)
    assert message in str(caught.value)
    assert buffer.next_sequence('arm') == 0


def test_wrong_action_capacity_and_emptiness_are_refused():
    with pytest.raises(InputError, match='capacity'):
        ReplayBuffer(1, SPEC)
    with pytest.raises(InputError, match='no transition'):
        ReplayBuffer(5, SPEC).sample(4, np.random.default_rng(0))
    bad = dataclasses.replace(make_step(0), requested=np.zeros(3))
    with pytest.raises(InputError, match=r'requested action: expected .2,., got .3,.'):
        ReplayBuffer(5, SPEC).add(bad)


@settings(max_examples=25)
@given(st.integers(0, 60), st.integers(1, 30))
def test_restored_buffer_goes_on_exactly(before, after):
    steps = list(stream(before + after))
    one, two = ReplayBuffer(16, SPEC), ReplayBuffer(16, SPEC)
    two.add(make_step(0, 'other'))
    two.add(make_step(1, 'other', step=1))
    for step in steps[:before]:
        one.add(step)
    two.load_state_dict(one.state_dict())
    for step in steps[before:]:
        assert one.add(step) == two.add(step)
    assert every_transition(one) == every_transition(two)
    if len(one):
        draws = [b.sample(8, np.random.default_rng(1)) for b in (one, two)]
        np.testing.assert_array_equal(draws[0].action, draws[1].action)
    first, second = one.state_dict(), two.state_dict()
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[k], second[k]) for k in ('action', 'links', 'book'))


def test_foreign_state_is_refused_by_name():
    state = ReplayBuffer(16, SPEC).state_dict()
    with pytest.raises(InputError, match='capacity: expected 8, got 16'):
        ReplayBuffer(8, SPEC).load_state_dict(state)
    other = DataSpec({'place': EntrySpec((3,))}, 2)
    with pytest.raises(InputError, match='entries/touch'):
        ReplayBuffer(16, other).load_state_dict(state)
    wider = DataSpec(SPEC.entries, 3)
    with pytest.raises(InputError, match='action'):
        ReplayBuffer(16, wider).load_state_dict(state)
