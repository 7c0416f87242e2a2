# SPDX-License-Identifier: Apache-2.0
"""Alignment of sensors, entries of observations, and the life of episodes."""

import itertools

import numpy as np
import pytest
from hypothesis import given, strategies as st

from robot_rl import config
from robot_rl.control.kinematics import Kinematics
from robot_rl.control.robot import load_robot
from robot_rl.episodes.align import AlignConfig, Aligner
from robot_rl.episodes.episode import Episodes, GoalConfig, Limits
from robot_rl.episodes.observation import EntryConfig, ObservationBuilder
from robot_rl.errors import InputError
from robot_rl.learning.versions import Policy, PolicyVersions
from robot_rl.types import JointState, Reward, Snapshot, Wrench

ROBOT = load_robot('sawyer')
KINEMATICS = Kinematics(ROBOT)
HOME = np.array(ROBOT.home)
TICK_NS = 100_000_000
GOAL = GoalConfig((0.6, 0.0, 0.1), (3.14, 0.0, 0.0), (0.001, 0.002, 0.0))


def state(stamp_ns: int) -> JointState:
    return JointState(stamp_ns, HOME, np.zeros(7))


def wrench(stamp_ns: int, force_z: float = 0.0) -> Wrench:
    return Wrench(stamp_ns, np.array([0.0, 0.0, force_z]), np.zeros(3))


def snapshot(stamp_ns: int = 0, force_z: float = 0.0) -> Snapshot:
    return Snapshot(stamp_ns, state(stamp_ns), wrench(stamp_ns, force_z))


def builder(*entries: EntryConfig) -> ObservationBuilder:
    return ObservationBuilder(entries, KINEMATICS)


def episodes(limits: Limits, seed: int = 0) -> Episodes:
    entry = EntryConfig('tool', 'tool_from_goal')
    return Episodes(builder(entry), GOAL, limits, seed, 'test')


# ---- alignment -----------------------------------------------------------------------------


def test_a_snapshot_needs_every_stream_and_is_given_once() -> None:
    aligner = Aligner(AlignConfig(TICK_NS, 0, ('wrist/color',)))
    aligner.add_state(state(TICK_NS))
    assert aligner.take() is None
    aligner.add_wrench(wrench(TICK_NS))
    assert aligner.stale(TICK_NS) == ['wrist/color']
    aligner.add_image('wrist/color', TICK_NS, np.zeros((2, 2, 3), np.uint8))
    taken = aligner.take()
    assert taken is not None
    assert taken.stamp_ns == TICK_NS
    assert aligner.take() is None


@pytest.mark.parametrize(('age_ns', 'taken'), [(20_000_000, True), (20_000_001, False)])
def test_a_part_that_is_too_old_holds_the_snapshot_back(age_ns: int, taken: bool) -> None:
    aligner = Aligner(AlignConfig(TICK_NS, 20_000_000))
    aligner.add_wrench(wrench(TICK_NS))
    aligner.add_state(state(TICK_NS + age_ns))
    assert (aligner.take() is not None) == taken


@given(st.lists(st.integers(1, 60), min_size=1, max_size=60))
def test_ticks_are_at_least_half_a_period_apart_whatever_comes(gaps: list[int]) -> None:
    aligner = Aligner(AlignConfig(TICK_NS, 10**12))
    aligner.add_wrench(wrench(0))
    stamp, taken = 0, []
    for gap in gaps:
        stamp += gap * 5_000_000
        aligner.add_state(state(stamp))
        given = aligner.take()
        taken += [given.stamp_ns] if given else []
    assert all(b - a > TICK_NS // 2 for a, b in itertools.pairwise(taken))


def test_old_and_equal_stamps_change_nothing() -> None:
    aligner = Aligner(AlignConfig(TICK_NS, 10**12))
    aligner.add_wrench(wrench(5, force_z=1.0))
    aligner.add_wrench(wrench(5, force_z=2.0))
    aligner.add_wrench(wrench(4, force_z=3.0))
    aligner.add_state(state(5))
    taken = aligner.take()
    assert taken is not None
    assert taken.wrench.force_xyz[2] == 1.0


def test_nothing_is_taken_while_paused_or_before_the_restart() -> None:
    aligner = Aligner(AlignConfig(TICK_NS, 0))
    aligner.pause()
    aligner.add_state(state(100))
    aligner.add_wrench(wrench(100))
    assert aligner.take() is None
    aligner.restart(101)
    assert aligner.take() is None
    aligner.add_wrench(wrench(101))
    aligner.add_state(state(101))
    assert aligner.take() is not None


# ---- entries -------------------------------------------------------------------------------


def test_the_first_wrench_of_an_episode_is_the_bias() -> None:
    build = builder(EntryConfig('wrench', 'wrench', scale=0.5))
    build.reset(np.zeros(3))
    assert not build.build(snapshot(force_z=15.0))['tool_wrench'].any()
    entries = build.build(snapshot(force_z=11.0))
    assert entries['tool_wrench'][2] == -4.0
    assert entries['wrench'][2] == -2.0
    build.reset(np.zeros(3))
    assert not build.build(snapshot(force_z=11.0))['tool_wrench'].any()


def test_history_repeats_the_oldest_and_ends_with_the_newest() -> None:
    build = builder(EntryConfig('wrench', 'wrench', history=3))
    build.reset(np.zeros(3))
    newest = [build.build(snapshot(force_z=f))['wrench'].reshape(3, 6)[:, 2] for f in (0, 1, 2, 3)]
    np.testing.assert_array_equal(newest, [[0, 0, 0], [0, 0, 1], [0, 1, 2], [1, 2, 3]])


def test_raw_entries_are_metres_in_the_base_frame() -> None:
    build = builder()
    goal = np.array([0.6, 0.1, 0.2])
    build.reset(goal)
    entries = build.build(snapshot())
    np.testing.assert_array_equal(entries['achieved_goal'], KINEMATICS.evaluate(HOME).position_xyz)
    np.testing.assert_array_equal(entries['desired_goal'], goal)


@pytest.mark.parametrize(
    ('key', 'value', 'message'),
    [
        ('source', 'forse', "wrench: unknown source 'forse'; known: tool_position"),
        ('history', 0, 'history: expected at least 1, got 0'),
        ('clip', -1.0, 'clip: expected a positive bound, got -1.0'),
        ('camera', 'wrist', 'camera is given exactly with color and depth'),
        ('hystory', 2, "unknown key 'hystory'; known: name, source"),
        ('scale', float('nan'), 'scale: expected a finite number, got nan'),
    ],
)
def test_bad_entries_name_the_key(key: str, value: object, message: str) -> None:
    data = {'name': 'wrench', 'source': 'wrench', key: value}
    with pytest.raises(InputError, match=message):
        config.parse(EntryConfig, data, 'task.yaml')


# ---- episodes ------------------------------------------------------------------------------


def test_the_horizon_truncates_after_as_many_actions() -> None:
    row = episodes(Limits(horizon=3))
    row.reset()
    seen = [row.observe(snapshot(k)) for k in range(4)]
    assert [o.truncated for o in seen] == [False, False, False, True]
    assert [o.first for o in seen] == [True, False, False, False]
    assert row.judge(seen[3], Reward(3, 0.0, False, False, 'test'))
    with pytest.raises(RuntimeError, match='episode 0 is over'):
        row.observe(snapshot(4))


def test_a_termination_ends_the_episode() -> None:
    row = episodes(Limits(horizon=3))
    row.reset()
    first = row.observe(snapshot())
    assert not row.judge(first, Reward(0, 0.0, False, False, 'test'))
    assert row.judge(row.observe(snapshot(1)), Reward(1, 1.0, True, True, 'test'))


def test_the_run_ends_at_exactly_the_number_of_actions() -> None:
    row = episodes(Limits(horizon=4, steps=6))
    actions = 0
    while not row.exhausted:
        row.reset()
        observation = row.observe(snapshot())
        while not row.judge(observation, Reward(0, 0.0, False, False, 'test')):
            observation = row.observe(snapshot())
            actions += 1
    assert actions == 6
    assert row.episode == 1


def test_the_run_ends_after_the_number_of_episodes() -> None:
    row = episodes(Limits(horizon=1, episodes=2, first_episode=5))
    numbers = []
    while not row.exhausted:
        numbers.append(row.reset().episode)
    assert numbers == [5, 6]


def test_start_and_goal_follow_from_seed_and_number_alone() -> None:
    def goals(row: Episodes, count: int) -> list[tuple[int, tuple[float, ...]]]:
        drawn = []
        for _ in range(count):
            seed = row.reset().seed
            drawn.append((seed, tuple(row.observe(snapshot()).entries['desired_goal'])))
        return drawn

    whole = goals(episodes(Limits(5)), 4)
    resumed = goals(episodes(Limits(5, first_episode=2)), 2)
    assert resumed == whole[2:]
    assert goals(episodes(Limits(5), seed=1), 4) != whole
    assert len(set(whole)) == 4
    error = np.array([goal for _, goal in whole]) - np.array(GOAL.position)
    assert (np.abs(error) <= GOAL.noise).all()
    assert error[:, :2].all()
    assert not error[:, 2].any()


# ---- which policy plays --------------------------------------------------------------------


def policy(episode: int, version: int | None = None) -> Policy:
    return Policy('run', 10 * (episode + 1) if version is None else version, episode, {})


def test_with_a_lag_an_episode_is_played_by_exactly_one_policy() -> None:
    versions = PolicyVersions(lag=1)
    assert versions.choose(0) is None
    for episode in (-1, 0, 1):
        versions.offer(policy(episode))
    played = [versions.choose(e) for e in (0, 1, 2, 3)]
    assert [p.episode if p else None for p in played] == [-1, -1, 0, 1]
    assert versions.choose(4) is None


def test_a_policy_that_was_lost_on_the_way_does_not_stop_the_run() -> None:
    versions = PolicyVersions(lag=1)
    for episode in (-1, 0, 2):
        versions.offer(policy(episode))
    played = [versions.choose(e) for e in (2, 3, 4)]
    assert [p.episode if p else None for p in played] == [0, 2, 2]


def test_after_a_resume_the_first_policy_serves_until_newer_ones_are_due() -> None:
    versions = PolicyVersions(lag=1)
    versions.offer(policy(9))
    versions.offer(policy(10))
    played = [versions.choose(e) for e in (10, 11, 12)]
    assert [p.episode if p else None for p in played] == [9, 9, 10]


@pytest.mark.fault(24)
def test_without_a_lag_the_newest_plays_and_older_ones_are_refused() -> None:
    versions = PolicyVersions(lag=None)
    versions.offer(policy(5))
    assert 'version 50 is older than 60' in versions.offer(policy(4))
    chosen = versions.choose(0)
    assert chosen is not None
    assert chosen.episode == 5
