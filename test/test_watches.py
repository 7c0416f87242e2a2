# SPDX-License-Identifier: Apache-2.0
"""What notices that something is late or silent: deadlines of control, rewards, resets."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from robot_rl.episodes.reset_watch import ResetWatch
from robot_rl.episodes.reward_watch import RewardWatch
from robot_rl.safety.deadlines import ALLOWED, Deadlines

PERIOD_NS = 50_000_000
MS = 1_000_000


def fed(stamps_ms: list[int], late_ms: int = 0) -> tuple[Deadlines, int]:
    """Deadlines after commands at these times, and the time of the last."""
    deadlines = Deadlines(PERIOD_NS)
    for stamp_ms in stamps_ms:
        deadlines.command(stamp_ms * MS, (stamp_ms + late_ms) * MS)
    return deadlines, (stamps_ms[-1] + late_ms) * MS


@given(st.lists(st.integers(40, 70), min_size=1, max_size=60))
def test_commands_that_come_in_time_miss_nothing(gaps_ms: list[int]) -> None:
    deadlines, now_ns = fed(np.cumsum(gaps_ms).tolist(), late_ms=30)
    assert deadlines.missed(now_ns) == 0


@pytest.mark.fault(46)
def test_more_than_five_missed_in_a_second_are_an_overload() -> None:
    deadlines, now_ns = fed(list(range(0, 501, 100)))
    assert (deadlines.missed(now_ns), deadlines.overload(now_ns)) == (ALLOWED, '')
    deadlines.command(600 * MS, 600 * MS)
    assert deadlines.overload(600 * MS) == '6 deadlines missed in 1 s'
    assert deadlines.overload(1099 * MS)
    assert not deadlines.overload(1100 * MS)


def test_commands_that_take_longer_than_a_period_are_missed() -> None:
    deadlines, now_ns = fed(list(range(0, 300, 50)), late_ms=51)
    assert deadlines.missed(now_ns) == 6


def test_a_gap_counts_all_its_periods_and_a_pause_none() -> None:
    deadlines, now_ns = fed([0, 400])
    assert deadlines.missed(now_ns) == 7
    deadlines, now_ns = fed([0, 5000])
    assert deadlines.missed(now_ns) == 0


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=30))
def test_a_clock_that_is_set_is_survived(stamps_ms: list[int]) -> None:
    deadlines, now_ns = fed(stamps_ms)
    assert deadlines.missed(now_ns) >= 0
    assert deadlines.missed(now_ns + 2000 * MS) == 0


def test_rewards_are_silent_once_the_oldest_is_owed_for_too_long() -> None:
    watch = RewardWatch(0.4)
    assert watch.look(100.0, {b'a'}) == ''
    watch.ask(1, 100.0)
    watch.ask(2, 100.1)
    assert not watch.answer(1)
    assert watch.look(100.45, {b'a'}) == ''
    assert watch.look(100.6, {b'a'}) == 'silent'
    assert watch.look(100.7, {b'a'}) == ''
    assert watch.look(103.0, set()) == ''
    assert watch.look(104.0, {b'b'}) == 'replaced'
    watch.forget()
    assert watch.look(200.0, {b'b'}) == ''


def test_a_late_reward_ends_the_silence() -> None:
    watch = RewardWatch(0.4)
    watch.ask(1, 0.0)
    assert watch.look(1.0, {b'a'}) == 'silent'
    assert watch.answer(1)


def test_a_reset_is_waited_for_until_its_limit_unless_somebody_else_serves() -> None:
    watch = ResetWatch(10.0)
    assert watch.look(99.0, {b'a'}) == ''
    watch.ask(100.0, {b'a'})
    assert watch.look(109.9, {b'a'}) == ''
    assert watch.look(101.0, set()) == ''  # killed, and nobody is there yet
    assert watch.look(101.0, {b'a', b'b'}) == 'replaced'
    assert watch.look(110.1, {b'a'}) == 'late'
    watch.forget()
    assert watch.look(110.1, {b'b'}) == ''


def test_whoever_appears_before_anybody_was_known_is_no_replacement() -> None:
    watch = ResetWatch(10.0)
    watch.ask(0.0, set())
    assert watch.look(1.0, {b'a'}) == ''
