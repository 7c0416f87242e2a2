# SPDX-License-Identifier: Apache-2.0
"""The robot's time as nodes know it, from stamps that arrive late, stop, or jump."""

import pytest

from robot_rl.nodes import common
from robot_rl.nodes.robot_clock import RobotClock

MS = 1_000_000
OFFSET_NS = 5_000 * MS


class Machine:
    """A monotonic clock that the test moves on, and a robot's clock that is ahead of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns = 100_000 * MS
        monkeypatch.setattr(common.time, 'monotonic_ns', lambda: self.now_ns)
        self.clock = RobotClock(lockstep=False)

    def deliver(self, *delays_ms: float) -> None:
        """A stamp each 10 ms; each is received so much later than it was made."""
        for delay_ms in delays_ms:
            self.now_ns += 10 * MS
            self.clock.update(self.now_ns + OFFSET_NS - round(delay_ms * MS))

    def lag_ms(self) -> float:
        """How far the clock is behind the robot's."""
        return (self.now_ns + OFFSET_NS - self.clock.now_ns()) / MS


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_a_late_stamp_does_not_set_the_clock_back(machine):
    machine.deliver(2, 1, 3, 90)
    assert machine.lag_ms() == 1


def test_after_the_last_stamp_before_a_silence_came_late_time_goes_on(machine):
    machine.deliver(1, 1, 120)
    machine.now_ns += 9_000 * MS
    assert machine.lag_ms() == 1


def test_a_clock_that_runs_slower_is_followed_within_a_tenth_of_a_second(machine):
    machine.deliver(*range(0, 400, 5))  # half as fast
    assert machine.lag_ms() == 395 - 50


@pytest.mark.parametrize('step_ms', [-50_000, 50_000])
def test_a_clock_that_was_set_is_followed_at_once(machine, step_ms):
    machine.deliver(1, 1)
    machine.deliver(-step_ms)
    assert machine.lag_ms() == -step_ms


def test_in_lock_step_time_stands_still(machine):
    clock = RobotClock(lockstep=True)
    clock.update(7)
    machine.now_ns += 10 * MS
    assert clock.now_ns() == 7
