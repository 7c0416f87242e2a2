# SPDX-License-Identifier: Apache-2.0
"""Episodes that begin in demonstrated states."""

import dataclasses
import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from step_stream import make_step

from robot_rl.errors import InputError
from robot_rl.learning.build import make_starts
from robot_rl.learning.config import load_agent
from robot_rl.replay.starts import DemonstrationStarts, StartsConfig, load_starts
from robot_rl.replay.step_file import write_steps
from robot_rl.task import load_task
from robot_rl.types import Step


def step_of(episode: int, number: int) -> Step:
    """A step whose saved state is its episode and number, and that achieved its episode."""
    made = make_step(100 * episode + number, episode=episode, step=number)
    state = np.array([episode, number, 255, 0], np.uint8)
    entries = made.observation.entries | {
        'world_state': state,
        'achieved_goal': np.array([episode, number, 0.5]),
    }
    return dataclasses.replace(
        made, observation=dataclasses.replace(made.observation, entries=entries)
    )


def demonstrations(lengths: tuple[int, ...]) -> list[list[Step]]:
    return [[step_of(episode, k) for k in range(n)] for episode, n in enumerate(lengths)]


def test_every_state_but_the_last_is_drawn_equally_often() -> None:
    starts = DemonstrationStarts(StartsConfig(share=1.0), demonstrations((3, 6)), 0)
    drawn = Counter(starts.draw(episode).state[:2] for episode in range(4000))
    assert set(drawn) == {bytes([0, k]) for k in range(2)} | {bytes([1, k]) for k in range(5)}
    assert len(starts) == 7
    assert min(drawn.values()) > 0.8 * 4000 / 7


def test_the_goal_is_what_the_demonstration_achieved_in_the_end() -> None:
    starts = DemonstrationStarts(StartsConfig(share=1.0), demonstrations((3, 6)), 0)
    for episode in range(20):
        start = starts.draw(episode)
        number = start.state[0]
        np.testing.assert_array_equal(start.goal, [number, (2, 5)[number], 0.5])


@pytest.mark.parametrize('share', [0.0, 0.3, 1.0])
def test_the_share_of_episodes(share: float) -> None:
    starts = DemonstrationStarts(StartsConfig(share=share), demonstrations((4,)), 1)
    drawn = [starts.draw(episode) is not None for episode in range(3000)]
    assert np.mean(drawn) == pytest.approx(share, abs=0.03)


def test_a_start_follows_from_seed_and_episode() -> None:
    config = StartsConfig(share=0.5)
    one, same, other = (
        [DemonstrationStarts(config, demonstrations((9, 9)), seed).draw(e) for e in order]
        for seed, order in ((3, range(40)), (3, reversed(range(40))), (4, range(40)))
    )
    states = [start and start.state for start in one]
    assert states == [start and start.state for start in same][::-1]
    assert states != [start and start.state for start in other]


def test_the_end_comes_first() -> None:
    config = StartsConfig(share=1.0, order='end_first', widen_episodes=10)
    starts = DemonstrationStarts(config, demonstrations((5, 11)), 0)

    def numbers(episode: int) -> tuple[set[int], set[int]]:
        found = [starts._states[row][:2] for row in starts.candidates(episode)]
        return {k for e, k in found if e == 0}, {k for e, k in found if e == 1}

    assert numbers(0) == ({3}, {9})
    assert numbers(5) == ({2, 3}, {5, 6, 7, 8, 9})
    assert numbers(10) == numbers(99) == (set(range(4)), set(range(10)))


@settings(max_examples=50)
@given(
    st.lists(st.integers(2, 9), min_size=1, max_size=5),
    st.integers(1, 50),
    st.sampled_from(['uniform', 'end_first']),
)
def test_candidates_only_ever_grow_and_none_is_left_without(lengths, widen, order) -> None:
    config = StartsConfig(1.0, order, widen)
    starts = DemonstrationStarts(config, demonstrations(tuple(lengths)), 0)
    before: set[int] = set()
    for episode in range(widen + 1):
        rows = set(starts.candidates(episode).tolist())
        assert rows
        assert before <= rows
        before = rows
    assert before == set(range(len(starts)))


def test_files_are_read_and_what_is_missing_is_named(tmp_path: Path) -> None:
    write_steps(tmp_path / 'a.npz', demonstrations((3,))[0])
    write_steps(tmp_path / 'b.npz', itertools.chain(*demonstrations((5, 2))))
    assert len(load_starts(tmp_path, StartsConfig(), 0)) == 7
    write_steps(tmp_path / 'c.npz', [make_step(k, step=k) for k in range(3)])
    with pytest.raises(InputError, match=r"expected an entry 'world_state' to go back to, got"):
        load_starts(tmp_path / 'c.npz', StartsConfig(), 0)
    write_steps(tmp_path / 'd.npz', itertools.chain(*demonstrations((1, 1))))
    with pytest.raises(InputError, match=r'd.npz: starts: expected demonstrations of two steps'):
        load_starts(tmp_path / 'd.npz', StartsConfig(), 0)
    with pytest.raises(InputError, match=r'none.npz: expected an .npz file'):
        load_starts(tmp_path / 'none.npz', StartsConfig(), 0)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'share': 1.5}, 'share'),
        ({'share': float('nan')}, 'share'),
        ({'widen_episodes': 0}, 'widen_episodes'),
    ],
)
def test_shares_that_are_none_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StartsConfig(**change)


@pytest.mark.parametrize(
    ('algorithm', 'shown'),
    [('ddpg', '{path: demos.npz, share: 0.5}'), ('ppo', 'demos.npz'), ('ppo_gail', 'demos.npz')],
)
def test_any_agent_with_demonstrations_may_begin_in_them(
    tmp_path: Path, algorithm: str, shown: str
) -> None:
    write_steps(tmp_path / 'demos.npz', demonstrations((3,))[0])
    agent = tmp_path / 'agent.yaml'
    agent.write_text(
        f'algorithm: {algorithm}\nlearner: {{demonstrations: {shown}, starts: {{share: 1}}}}'
    )
    starts = make_starts(load_task('particle', agent=str(agent)), 0)
    assert starts is not None
    assert len(starts) == 2


@pytest.mark.parametrize('algorithm', ['ddpg', 'ppo'])
def test_starts_without_demonstrations_are_refused(tmp_path: Path, algorithm: str) -> None:
    agent = tmp_path / 'agent.yaml'
    agent.write_text(f'algorithm: {algorithm}\nlearner: {{starts: {{share: 1}}}}')
    with pytest.raises(InputError, match='starts: expected demonstrations to begin in'):
        load_agent(str(agent))
