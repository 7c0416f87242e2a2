# SPDX-License-Identifier: Apache-2.0
"""Whatever the wire loses, repeats or sends again: each step once, in order."""

from hypothesis import given, strategies as st

from robot_rl.replay.inbox import Inbox
from robot_rl.replay.outbox import Outbox


def test_steps_before_the_first_heard_are_asked_for() -> None:
    inbox = Inbox({})
    assert not inbox.accept('a', 3, 2)
    assert inbox.missing == {'a': 0}
    assert [inbox.accept('a', s, s - 1) for s in range(6)] == [True] * 6
    assert inbox.missing == {}


def test_what_is_stored_is_not_taken_again() -> None:
    inbox = Inbox({'a': 5})
    taken = [inbox.accept('a', s, s - 1) for s in (3, 4, 5, 5, 6)]
    assert taken == [False, False, True, False, True]


def test_what_was_never_sent_is_passed_over() -> None:
    inbox = Inbox({'a': 5})
    assert inbox.accept('a', 8, 4)
    assert inbox.missing == {}


def test_collectors_do_not_disturb_each_other() -> None:
    inbox = Inbox({})
    assert not inbox.accept('a', 1, 0)
    assert inbox.accept('b', 0, -1)
    assert inbox.missing == {'a': 0}


@given(
    never_sent=st.sets(st.integers(0, 30)),
    dropped=st.lists(st.booleans(), max_size=200),
    repeated=st.lists(st.integers(0, 30), max_size=20),
)
def test_each_step_arrives_once_and_in_order(
    never_sent: set[int], dropped: list[bool], repeated: list[int]
) -> None:
    """A sender with an outbox, a wire that drops anything, a receiver that asks."""
    outbox: Outbox[tuple[int, int]] = Outbox(100)
    inbox, taken, wire = Inbox({}), [], iter(dropped)

    def send(sequence: int, previous: int) -> None:
        if not next(wire, False) and inbox.accept('a', sequence, previous):
            taken.append(sequence)

    previous = -1
    for sequence in sorted(set(range(31)) - never_sent):
        outbox.put(sequence, (sequence, previous))
        send(sequence, previous)
        previous = sequence
        for wanted in list(inbox.missing.values()):
            for again in outbox.pending(wanted):
                send(*again)
    wire = iter(())
    for sequence, before in outbox.pending():
        if sequence in repeated:
            send(sequence, before)
    for again in outbox.pending():
        send(*again)
    assert taken == sorted(set(range(31)) - never_sent)
