# SPDX-License-Identifier: Apache-2.0
"""Steps joined from messages in any order: complete, in order, and never invented."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, strategies as st

from robot_rl.replay.assembler import AssemblerConfig, StepAssembler
from robot_rl.replay.outbox import Outbox, Outboxes
from robot_rl.types import Action, Observation, Reward, Step

PERIOD_NS = 50_000_000
ACTION_NS = 2 * PERIOD_NS
CONFIG = AssemblerConfig(('x', 'z'), (0.002, 0.004), 2, PERIOD_NS)


@dataclass(frozen=True)
class Safety:
    """A safety report of one control period."""

    stamp_ns: int
    delta_xyz: tuple[float, float, float] = (0.0, 0.0, 0.0)


def observation(step: int, episode: int = 0, truncated: bool = False) -> Observation:
    stamp_ns = 10**12 * (episode + 1) + step * ACTION_NS
    return Observation(stamp_ns, 'a', episode, step, {}, truncated, 100 * episode + step)


def action(of: Observation) -> Action:
    return Action(of.stamp_ns, np.array([0.1 * of.step, -0.5]), 'policy', 'run', of.step)


def reward(of: Observation, terminated: bool = False) -> Reward:
    return Reward(of.stamp_ns, float(of.step), terminated, terminated, 'test')


def feed(assembler: StepAssembler, message: object) -> list[Step]:
    match message:
        case Observation():
            return assembler.add_observation(message)
        case Reward():
            return assembler.add_reward(message)
        case Action():
            return assembler.add_action(message)
        case Safety():
            delta = np.array(message.delta_xyz)
            return assembler.add_safety(message.stamp_ns, delta, bool(delta.any()))
    raise AssertionError(message)


def period(of: Observation) -> list[object]:
    """All messages of a step that goes on."""
    reports = [Safety(of.stamp_ns), Safety(of.stamp_ns + PERIOD_NS)]
    return [of, reward(of), action(of), *reports]


def episode(length: int, number: int = 0) -> list[list[object]]:
    """Messages per step of an episode that terminates after `length` actions."""
    steps = [period(observation(k, number)) for k in range(length)]
    last = observation(length, number)
    return [*steps, [last, reward(last, terminated=True)]]


def run(messages: list[object]) -> tuple[list[Step], StepAssembler]:
    assembler = StepAssembler(CONFIG)
    return [step for m in messages for step in feed(assembler, m)], assembler


def test_an_episode_gives_its_steps_in_order() -> None:
    steps, assembler = run([m for part in episode(3) for m in part])
    assert [s.sequence for s in steps] == [0, 1, 2, 3]
    assert [s.observation.step for s in steps] == [0, 1, 2, 3]
    assert [s.last for s in steps] == [False, False, False, True]
    assert [s.reward for s in steps] == [0.0, 1.0, 2.0, 3.0]
    np.testing.assert_array_equal(steps[2].requested, [0.2, -0.5])
    np.testing.assert_array_equal(steps[2].executed, steps[2].requested)
    assert assembler.lost == 0


@given(st.randoms(use_true_random=False), st.integers(1, 4))
def test_the_order_within_a_step_does_not_matter(random: object, length: int) -> None:
    expected, _ = run([m for part in episode(length) for m in part])
    shuffled = []
    for whole in episode(length):
        part = list(whole)
        random.shuffle(part)  # type: ignore[attr-defined]
        reports = iter(
            sorted((m for m in part if isinstance(m, Safety)), key=lambda s: s.stamp_ns)
        )
        shuffled += [next(reports) if isinstance(m, Safety) else m for m in part]
    steps, assembler = run(shuffled)
    assert [(s.sequence, s.observation.step, s.last) for s in steps] == [
        (s.sequence, s.observation.step, s.last) for s in expected
    ]
    assert assembler.lost == 0


def test_a_time_limit_truncates_and_does_not_terminate() -> None:
    last = observation(1, truncated=True)
    steps, _ = run([*period(observation(0)), last, reward(last)])
    assert steps[-1].truncated
    assert not steps[-1].terminated
    np.testing.assert_array_equal(steps[-1].requested, [0.0, 0.0])
    assert np.isnan(steps[-1].policy).all()


def test_success_at_the_time_limit_is_a_termination() -> None:
    last = observation(1, truncated=True)
    steps, _ = run([*period(observation(0)), last, reward(last, terminated=True)])
    assert steps[-1].terminated
    assert not steps[-1].truncated


def test_an_episode_without_an_end_is_truncated_in_its_last_rewarded_step() -> None:
    stray = observation(1)
    following = observation(0, episode=1)
    steps, assembler = run([*period(observation(0)), stray, reward(stray), *period(following)])
    assert [(s.observation.episode, s.truncated) for s in steps] == [
        (0, False),
        (0, True),
        (1, False),
    ]
    assert assembler.lost == 0


@pytest.mark.fault(28)
def test_a_step_without_reward_is_lost_and_leaves_a_gap() -> None:
    silent = observation(1)
    messages = [*period(observation(0)), silent, action(silent)]
    messages += [*period(observation(2)), *period(observation(3)), *period(observation(4))]
    steps, assembler = run(messages)
    assert [s.sequence for s in steps] == [0, 2, 3, 4]
    assert assembler.lost == 1


@pytest.mark.fault(42)
def test_steps_are_held_back_while_rewards_are_silent() -> None:
    parts = [period(observation(k)) for k in range(6)]
    rewards = [part.pop(1) for part in parts[1:]]
    steps, assembler = run([m for part in parts for m in part])
    assert [s.sequence for s in steps] == [0]
    late = [s for message in rewards for s in feed(assembler, message)]
    assert [(s.sequence, s.reward) for s in late] == [(k, float(k)) for k in range(1, 6)]
    assert assembler.lost == 0


@pytest.mark.fault(42)
def test_an_episode_that_ends_without_rewards_is_lost_and_never_rewarded_by_default() -> None:
    silent = [m for k in range(1, 5) for m in (observation(k), action(observation(k)))]
    following = observation(0, episode=1)
    steps, assembler = run([*period(observation(0)), *silent, *period(following)])
    assert [s.sequence for s in steps] == [0, 100]
    assert assembler.lost == 4


def test_what_safety_changed_is_in_the_executed_action() -> None:
    first = observation(0)
    reports = [
        Safety(first.stamp_ns, (-0.01, 0.3, 0.0)),
        Safety(first.stamp_ns + PERIOD_NS, (0.0, 0.0, 0.02)),
    ]
    steps, _ = run([first, reward(first), action(first), *reports])
    # mean change (-5, 10) mm/s over 0.1 s is (-0.5, 1) mm; scales are 2 and 4 mm.
    np.testing.assert_allclose(steps[0].executed, [-0.25, -0.25])
    np.testing.assert_array_equal(steps[0].requested, [0.0, -0.5])
    assert steps[0].interventions == 2


def test_a_takeover_keeps_both_actions() -> None:
    first = observation(0)
    mine = Action(first.stamp_ns, np.array([1.0, 1.0]), 'human', policy=np.array([0.2, 0.3]))
    reports = [Safety(first.stamp_ns), Safety(first.stamp_ns + PERIOD_NS)]
    steps, _ = run([first, reward(first), mine, *reports])
    np.testing.assert_array_equal(steps[0].policy, [0.2, 0.3])
    np.testing.assert_array_equal(steps[0].requested, [1.0, 1.0])
    assert steps[0].source == 'human'


def test_the_outbox_forgets_what_is_acknowledged_and_only_that() -> None:
    outbox: Outbox[str] = Outbox(capacity=10)
    for sequence in range(5):
        outbox.put(sequence, f's{sequence}')
    outbox.acknowledge(3)
    assert list(outbox.pending()) == ['s3', 's4']
    outbox.acknowledge(3)
    assert len(outbox) == 2


@pytest.mark.fault(27)
def test_a_full_outbox_drops_the_oldest_and_counts() -> None:
    outbox: Outbox[int] = Outbox(capacity=2)
    for sequence in range(5):
        outbox.put(sequence, sequence)
    assert list(outbox.pending()) == [3, 4]
    assert outbox.dropped == 3
    with pytest.raises(ValueError, match='sequence 4 after 4'):
        outbox.put(4, 4)


def test_a_collector_that_starts_again_has_an_outbox_of_its_own() -> None:
    outboxes: Outboxes[str] = Outboxes(capacity=10, most=2)
    for collector, sequence in (('a', 7), ('a', 8), ('b', 0)):
        outboxes.of(collector).put(sequence, f'{collector}{sequence}')
    assert outboxes.of('a').last == 8
    assert [box.pending() for box in outboxes.named('')] == [['a7', 'a8'], ['b0']]
    assert [box.pending() for box in outboxes.named('b')] == [['b0']]
    assert outboxes.named('c') == []


def test_of_many_collectors_those_are_forgotten_that_nobody_waits_for_then_the_oldest() -> None:
    outboxes: Outboxes[int] = Outboxes(capacity=10, most=2)
    for collector in ('a', 'b'):
        outboxes.of(collector).put(0, 0)
    outboxes.of('b').acknowledge(1)
    outboxes.of('c').put(0, 0)
    assert [bool(outboxes.named(name)) for name in 'abc'] == [True, False, True]
    outboxes.of('d').put(0, 0)
    assert [bool(outboxes.named(name)) for name in 'abcd'] == [False, False, True, True]


def test_an_episode_is_cut_where_another_collector_goes_on_under_its_number() -> None:
    assembler = StepAssembler(CONFIG)
    before = observation(0)
    after = replace(observation(5), collector='b', step=0, sequence=0)
    sent = [step for part in (before, reward(before), after) for step in feed(assembler, part)]
    assert [(step.observation.collector, step.truncated) for step in sent] == [('a', True)]
