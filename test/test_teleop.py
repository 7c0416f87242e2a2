# SPDX-License-Identifier: Apache-2.0
"""Joystick to actions and events."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from robot_rl import config as configuration
from robot_rl.control.teleop import AxisConfig, Teleop, TeleopConfig, arbitrate
from robot_rl.errors import InputError
from robot_rl.types import Action

MS = 1_000_000
ENABLE, SUCCESS, STOP = 4, 0, 8
CONFIG = TeleopConfig(
    axes=(AxisConfig(1), AxisConfig(0, -1.0), AxisConfig(3, 0.5)),
    enable_button=ENABLE,
    buttons={'success': SUCCESS, 'failure': 1, 'discard': 2, 'pause': 6, 'stop': STOP},
)
CENTRED = [0.0, 0.0, 0.0, 0.0]
PUSHED = [0.2, 1.0, 0.0, -1.0]


def buttons(*down):
    return [int(i in down) for i in range(10)]


def feed(teleop, samples):
    """Events of samples (time in ms, axes, buttons)."""
    return [teleop.update(axes, held, at * MS) for at, axes, held in samples]


def enabled(axes=PUSHED):
    """A teleop whose enable button was seen up at 0 ms and down at 50 ms."""
    teleop = Teleop(CONFIG)
    feed(teleop, [(0, CENTRED, buttons()), (50, axes, buttons(ENABLE))])
    return teleop


def test_sticks_become_an_action_while_the_enable_button_is_held():
    teleop = enabled()
    # 0.2 less the deadzone of 0.05 is 0.15 of the remaining 0.95.
    np.testing.assert_allclose(teleop.action(60 * MS), [1.0, -0.15 / 0.95, -0.5])
    teleop.update(PUSHED, buttons(), 100 * MS)
    assert teleop.action(100 * MS) is None


@pytest.mark.parametrize('deflection', [0.0, 0.05, -0.049])
def test_the_deadzone_is_still(deflection):
    np.testing.assert_array_equal(enabled([deflection] * 4).action(60 * MS), np.zeros(3))


@pytest.mark.fault(35)
def test_an_enable_button_held_at_the_start_does_nothing_until_released():
    teleop = Teleop(CONFIG)
    for at in range(0, 1000, 50):
        teleop.update(PUSHED, buttons(ENABLE), at * MS)
        assert teleop.action(at * MS) is None
    feed(teleop, [(1000, PUSHED, buttons()), (1050, PUSHED, buttons(ENABLE))])
    assert teleop.action(1050 * MS) is not None


def test_a_joystick_unplugged_while_held_ends_the_takeover_within_200_ms():
    teleop = enabled()
    assert teleop.action(250 * MS) is not None
    assert teleop.action(251 * MS) is None
    teleop.disconnect()
    assert teleop.action(51 * MS) is None


def test_after_a_silence_a_release_must_be_seen_again():
    teleop = enabled()
    teleop.update(PUSHED, buttons(ENABLE), 300 * MS)
    assert teleop.action(300 * MS) is None
    feed(teleop, [(350, PUSHED, buttons()), (400, PUSHED, buttons(ENABLE))])
    assert teleop.action(400 * MS) is not None


def test_a_press_is_one_event():
    teleop = Teleop(CONFIG)
    held = [(at, CENTRED, buttons(SUCCESS)) for at in range(100, 1000, 50)]
    events = feed(teleop, [(0, CENTRED, buttons()), (50, CENTRED, buttons()), *held])
    assert [e for some in events for e in some] == ['success']


def test_a_bouncing_contact_is_one_event():
    teleop = Teleop(CONFIG)
    feed(teleop, [(0, CENTRED, buttons())])
    press = [(100, 1), (102, 0), (104, 1), (107, 0), (109, 1)]
    release = [(300, 0), (303, 1), (305, 0), (308, 1), (310, 0)]
    again = [(360, 1)]
    events = feed(
        teleop,
        [(at, CENTRED, buttons(SUCCESS) if down else buttons()) for at, down in press + release],
    )
    assert [e for some in events for e in some] == ['success']
    assert feed(teleop, [(at, CENTRED, buttons(SUCCESS)) for at, _ in again]) == [['success']]


def test_a_button_held_at_the_start_is_no_event():
    teleop = Teleop(CONFIG)
    assert feed(teleop, [(0, CENTRED, buttons(SUCCESS)), (50, CENTRED, buttons(SUCCESS))]) == [
        [],
        [],
    ]


def test_stop_is_given_as_long_as_it_is_held_and_whatever_else_is_wrong():
    teleop = Teleop(CONFIG)
    broken = [np.nan] * 4
    samples = [(0, CENTRED, buttons(STOP)), (50, broken, buttons(STOP)), (100, CENTRED, buttons())]
    assert feed(teleop, samples) == [['stop'], ['stop'], []]


@pytest.mark.parametrize(
    ('axes', 'held', 'words'),
    [
        ([0.0] * 3, buttons(ENABLE), '3 axes, but the configuration names axis 3'),
        (PUSHED, buttons(ENABLE)[:6], '6 buttons, but the configuration names 8'),
        ([0.0, np.nan, 0.0, 0.0], buttons(ENABLE), 'not finite'),
    ],
)
def test_an_unfit_joystick_moves_nothing_and_is_named(axes, held, words):
    teleop = enabled()
    assert teleop.update(axes, held, 100 * MS) == []
    assert teleop.action(100 * MS) is None
    assert words in teleop.problem


samples = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.lists(st.floats(), max_size=6),
        st.lists(st.integers(-1, 2), max_size=11),
    ),
    max_size=20,
)


@settings(max_examples=300, derandomize=True)
@given(samples)
def test_whatever_comes_an_action_is_bounded_and_only_given_while_held(sequence):
    teleop, now_ns, seen_up = Teleop(CONFIG), 0, False
    for wait_ms, axes, held in sequence:
        now_ns += wait_ms * MS
        teleop.update(axes, held, now_ns)
        action = teleop.action(now_ns)
        fit = len(axes) > 3 and len(held) > STOP
        if not fit or wait_ms > 200:
            seen_up = False
        if action is not None:
            assert fit
            assert held[ENABLE]
            assert seen_up
            assert (np.abs(action) <= [1.0, 1.0, 0.5]).all()
        seen_up = seen_up or (fit and not held[ENABLE])


YAML = {
    'axes': [{'index': 1}, {'index': 0, 'scale': -1.0}],
    'enable_button': 4,
    'buttons': {'success': 0, 'stop': 8},
}


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'buttons': {'applause': 1}}, "unknown event 'applause'; known: success"),
        ({'buttons': {'success': 4}}, 'different buttons'),
        ({'axes': []}, 'at least one'),
        ({'axes': [{'index': 0, 'scale': 3.0}]}, r'scale: expected a number in \[-1, 1\], got 3'),
        ({'axes': [{'indx': 0}]}, "unknown key 'indx'"),
        ({'deadzone': 0.9}, 'deadzone'),
        ({'timeout_s': 10.0}, r'timeout_s: expected a number in \(0, 0.5\] s, got 10 s'),
    ],
)
def test_a_bad_configuration_is_refused_by_name(change, words):
    assert configuration.parse(TeleopConfig, YAML, 'pad.yaml').axes[1].scale == -1.0
    with pytest.raises(InputError, match=f'pad.yaml: .*{words}'):
        configuration.parse(TeleopConfig, YAML | change, 'pad.yaml')


POLICY = Action(7, np.array([0.1, 0.2, 0.3]), run='r', version=5, explore=True)


def test_a_fresh_human_wins_and_the_policy_is_kept_beside():
    action = arbitrate(POLICY, (np.array([1.5, 0.0, -1.0]), 0.05))
    assert (action.stamp_ns, action.source, action.explore) == (7, 'human', False)
    assert (action.run, action.version) == ('r', 5)
    np.testing.assert_array_equal(action.values, [1.0, 0.0, -1.0])
    np.testing.assert_array_equal(action.policy, POLICY.values)


@pytest.mark.parametrize(
    'human',
    [
        None,
        (np.zeros(3), 0.21),
        (np.zeros(3), -0.01),
        (np.zeros(3), np.nan),
        (np.zeros(2), 0.0),
        (np.array([0.0, np.nan, 0.0]), 0.0),
    ],
)
def test_without_a_fresh_and_fit_human_the_policy_acts(human):
    assert arbitrate(POLICY, human) is POLICY
