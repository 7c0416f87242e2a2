# SPDX-License-Identifier: Apache-2.0
"""Contact that lasts: free for a time, then the tool yields, then a stop latches."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from safety_arms import HOME, PERIOD_NS, PERIOD_S, PlanarArm, config, state, velocity, wrench

from robot_rl import config as configuration
from robot_rl.control.robot import load_robot
from robot_rl.episodes.episode import Limits
from robot_rl.errors import InputError
from robot_rl.safety.budget import ContactBudget, ContactTime
from robot_rl.safety.filter import SafetyFilter
from robot_rl.task import load_task
from robot_rl.types import Action
from sim_bridge.host import DirectHost

ARM = PlanarArm()
TOOL = ARM.evaluate(HOME)
BUDGET = ContactBudget(force=25.0, torque=3.0, seconds=1.0, window=2.0, stop_seconds=1.5)
#: Forward, against a wall that pushes the tool back to the base.
FORWARD = np.linalg.lstsq(TOOL.jacobian, [0.05, 0.03, 0, 0, 0, 0], rcond=None)[0]
BACK = np.linalg.lstsq(TOOL.jacobian, [-0.05, 0, 0, 0, 0, 0], rcond=None)[0]


class Press:
    """A filter whose arm stands still at a wall, one control period after the other."""

    def __init__(self, budget=BUDGET, **changes):
        limits = config(sphere_radius=3.0, contact_budget=budget, **changes)
        self.filter, self.now_ns = SafetyFilter(limits, ARM, PERIOD_S), 0

    def step(self, force, value=FORWARD, passed_ns=PERIOD_NS):
        """The result at a force, N, from the wall."""
        self.now_ns += passed_ns
        touch = wrench(TOOL.rotation.T @ [-force, 0.0, 0.0], stamp_ns=self.now_ns)
        now = state(stamp_ns=self.now_ns)
        return self.filter.filter(velocity(value, self.now_ns), now, touch, self.now_ns)

    def seconds(self, force, seconds, value=FORWARD):
        """The results of a while."""
        return [self.step(force, value) for _ in range(round(seconds / PERIOD_S))]


def reasons(results):
    return {result.reason for result in results}


def test_a_press_passes_for_its_time_and_then_yields():
    press = Press()
    press.step(30)  # opens the account: nothing is known of the time before it
    assert reasons(press.seconds(30, 1.0)) == {''}
    result = press.step(30)
    assert (result.reason, result.stopped) == ('contact_budget', False)
    np.testing.assert_allclose(TOOL.jacobian[:2] @ result.command.value, [0, 0.03], atol=2e-4)
    assert press.step(30, BACK).reason == ''
    assert press.step(24).reason == ''
    assert press.step(61).reason == 'contact'  # the limit proper has the first word


def test_time_is_given_back():
    press = Press()
    press.seconds(30, 1.1)
    assert press.step(30).reason == 'contact_budget'
    press.seconds(10, 1.5)
    assert press.step(30).reason == ''


def test_a_turn_counts_like_a_force():
    press = Press(dataclasses.replace(BUDGET, force=None))
    assert reasons(press.seconds(30, 1.5)) == {''}
    spin = np.linalg.lstsq(TOOL.jacobian, [0, 0, 0, 0, 0, 0.2], rcond=None)[0]
    for _ in range(30):
        press.now_ns += PERIOD_NS
        touch = wrench(torque=[0.0, 0.0, -4.0], stamp_ns=press.now_ns)
        command, now = velocity(spin, press.now_ns), state(stamp_ns=press.now_ns)
        result = press.filter.filter(command, now, touch, press.now_ns)
    assert result.reason == 'contact_budget'
    assert (TOOL.jacobian @ result.command.value)[5] == pytest.approx(0.0, abs=1e-9)


def test_a_contact_that_stays_stops_and_a_reset_gives_the_budget_again():
    press = Press()
    press.seconds(30, 1.6)
    result = press.step(30)
    assert (result.reason, result.stopped) == ('contact_budget', True)
    assert '1.55 s of contact in 2 s, allowed 1.5 s; now 30 N' in press.filter.detail
    press.seconds(30, 5.0)
    press.filter.reset_stop()
    press.filter.arm()
    press.step(30)
    assert reasons(press.seconds(30, 1.0)) == {''}


def test_without_a_last_number_it_never_stops():
    press = Press(dataclasses.replace(BUDGET, stop_seconds=None))
    assert reasons(press.seconds(30, 5.0)) == {'', 'contact_budget'}
    assert not press.filter.stopped


def test_what_was_not_measured_is_not_counted_but_goes_by():
    press = Press()
    press.seconds(30, 0.9)
    for _ in range(20):  # episodes with pauses between them: one sample each, 0.1 s at most
        assert press.step(30, passed_ns=10**9).reason == ''
    assert press.filter.margins()['contact_budget'] == pytest.approx(0.8)


def test_a_clock_that_jumps_wears_nothing_out_and_locks_nothing():
    press = Press()
    press.seconds(30, 0.9)
    for jump_ns in (-3600 * 10**9, 3600 * 10**9, -3600 * 10**9):
        press.step(30, passed_ns=jump_ns)
    press.seconds(10, 2.0)
    assert press.filter.margins()['contact_budget'] == pytest.approx(1.0)


def test_the_status_counts_down():
    press = Press()
    press.step(30)
    press.seconds(30, 0.25)
    assert press.filter.margins()['contact_budget'] == pytest.approx(0.75)
    assert 'contact_budget' not in SafetyFilter(config(), ARM, PERIOD_S).margins()


@settings(max_examples=200, derandomize=True)
@given(
    st.lists(
        st.tuples(st.integers(-(10**9), 2 * 10**9), st.floats(0, 50), st.floats(0, 6)),
        max_size=60,
    )
)
def test_the_sum_is_that_of_all_samples_in_the_window(samples):
    time, now, pieces, stamp = ContactTime(BUDGET, 0.1), 0, [], 0
    for number, (step, force, torque) in enumerate(samples):
        stamp += step
        passed = max(0, step) if number else 0
        now += passed
        pieces.append((now, min(passed, 10**8) * (force > 25 or torque > 3)))
        assert time.add(stamp, force, torque) == (force > 25 or torque > 3)
        assert time.spent_ns == sum(length for end, length in pieces if end > now - 2 * 10**9)
        assert 0 <= time.spent_ns <= 2 * 10**9


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'force': 0.0}, r'force: expected a number in \(0, 500\] N'),
        ({'force': float('nan')}, 'force: expected a number'),
        ({'seconds': 1000.0}, r'seconds: expected a number in \(0, 120\] s, got 1000 s'),
        ({'seconds': 2.0}, 'seconds: expected below window, 2 s, got 2 s'),
        ({'stop_seconds': 1.0}, 'stop_seconds: expected above seconds, 1 s, and at most window'),
        ({'stop_seconds': 3.0}, 'stop_seconds: expected above seconds'),
        ({'force': None, 'torque': None}, 'force: expected a number here or for torque'),
    ],
)
def test_a_budget_that_cannot_be_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(BUDGET, **changes)


def test_a_budget_is_below_the_limits():
    with pytest.raises(ValueError, match='contact_budget: force: expected below force, 25, got'):
        config(force=25.0, contact_budget=BUDGET)
    with pytest.raises(ValueError, match='contact_budget: torque: expected null as torque is'):
        config(torque=None, contact_budget=BUDGET)


def test_its_keys_are_checked_with_their_file():
    given = {'force': 20, 'torque': None, 'seconds': 2, 'window': 1}
    with pytest.raises(InputError, match='task: seconds: expected below window'):
        configuration.parse(ContactBudget, given, 'task')


def episodes_pressed(task):
    """What acts while the base controller presses through three episodes."""
    host = DirectHost(task, load_robot(task.robot), Limits(task.horizon), seed=5)
    acted = set()
    for _ in range(3):
        observation = host.reset()
        while not host.over:
            action = Action(observation.stamp_ns, np.zeros(3), 'script')
            observation = host.act(action)
            acted |= reasons(host.results)
    host.close()
    return acted


@pytest.mark.parametrize('name', ['usb_insertion', 'dsub_insertion', 'model_e_insertion'])
def test_shipped_insertions_may_press_through_whole_episodes(name):
    task = load_task(name)
    assert task.safety.contact_budget is not None
    assert 'contact_budget' not in episodes_pressed(task)


def test_with_a_small_budget_the_plug_is_pressed_less():
    task = load_task('usb_insertion')
    budget = ContactBudget(force=20.0, torque=None, seconds=1.0, window=10.0)
    safety = dataclasses.replace(task.safety, contact_budget=budget)
    assert 'contact_budget' in episodes_pressed(dataclasses.replace(task, safety=safety))
