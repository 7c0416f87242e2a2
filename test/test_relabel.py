# SPDX-License-Identifier: Apache-2.0
"""Goals in hindsight: where they come from and what they pay."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from step_stream import make_step

from robot_rl.config import parse
from robot_rl.errors import InputError
from robot_rl.replay.buffer import ReplayBuffer
from robot_rl.replay.relabel import Relabel
from robot_rl.replay.relabel_config import RelabelConfig, check_relabel
from robot_rl.replay.sampler import Sampler
from robot_rl.replay.shares import split
from robot_rl.rewards.functions import RewardConfig, make_reward
from robot_rl.rewards.goal import GoalRewardConfig, goal_reward
from robot_rl.types import DataSpec, EntrySpec

SPEC = DataSpec({name: EntrySpec((2,)) for name in ('achieved_goal', 'desired_goal', 'place')}, 2)
FAR = np.array([100.0, 100.0])


def goal_step(sequence, collector='arm', episode=0, step=0, end='', achieved=None):
    """A step that has achieved [collector's number, sequence] and never what it desired."""
    made = make_step(sequence, collector, episode, step, end)
    own = np.array([ord(collector[0]), sequence]) if achieved is None else np.array(achieved)
    entries = {'achieved_goal': own, 'desired_goal': FAR, 'place': own / 2}
    observation = dataclasses.replace(made.observation, entries=entries)
    return dataclasses.replace(made, observation=observation, reward=-1.0 if step else 0.0)


def episode(places, end='truncated', **reward):
    """A buffer with one episode in these places, and its sampler's parts."""
    buffer = ReplayBuffer(32, SPEC)
    for i, place in enumerate(places):
        last = i == len(places) - 1
        buffer.add(goal_step(i, step=i, end=end if last else '', achieved=place))
    return buffer, GoalRewardConfig(distance=0.5, **reward)


def draw_all(buffer, config, n_step=1, gamma=0.5, size=4000, **more):
    relabel = Relabel(config, buffer, **more)
    return Sampler(buffer, n_step, gamma, relabel).sample(size, np.random.default_rng(0))


@pytest.mark.parametrize(
    ('kind', 'wanted'), [('sparse', [0, 0, -1]), ('binary', [1, 1, 0]), ('dense', [0, -0.5, -5])]
)
def test_goal_rewards(kind, wanted):
    achieved, desired = np.zeros((3, 2)), np.array([[0, 0], [0.3, 0.4], [3, 4]])
    reward, reached = goal_reward(achieved, desired, GoalRewardConfig(kind, 0.5))
    np.testing.assert_allclose(reward, wanted)
    assert reached.tolist() == [True, True, False]
    first, _ = goal_reward(achieved[0], desired[2], GoalRewardConfig(kind, 0.5))
    np.testing.assert_allclose(first, wanted[2])


def test_the_reward_node_pays_what_relabelling_pays():
    goal = {'kind': 'binary', 'distance': 0.01}
    settings = {'kind': 'goal', 'success': 'distance', 'success_distance': 0.01, 'goal': goal}
    give = make_reward(parse(RewardConfig, settings, 'task'))
    step = make_step(3)
    for offset, value in ((0.009, 1.0), (0.011, 0.0)):
        achieved = np.array([0.5, 0, offset])
        desired = np.array([0.5, 0, 0])
        step.observation.entries.update(achieved_goal=achieved, desired_goal=desired)
        reward = give(step.observation, False)
        assert (reward.value, reward.success, reward.terminated) == (value, value == 1, False)
        own, _ = goal_reward(achieved, desired, GoalRewardConfig('binary', 0.01))
        assert own == reward.value
    ending = settings | {'goal': goal | {'terminate': True}}
    assert parse(RewardConfig, ending, 'task').terminates
    for change, message in (
        ({'goal': None}, 'goal: given exactly where kind is it'),
        ({'success_distance': 0.02}, 'success: goal is judged by distance at 0.01 m'),
        ({'success': 'contact'}, 'success: goal is judged by distance'),
    ):
        with pytest.raises(InputError, match=message):
            parse(RewardConfig, settings | change, 'task')


def by_start(batch):
    """What was drawn for each start: goal, reward, terminated, steps."""
    found = {}
    for i, start in enumerate(batch.observation['achieved_goal'][:, 1].astype(int)):
        goal = int(batch.observation['desired_goal'][i, 1])
        values = float(batch.reward[i]), bool(batch.terminated[i]), int(batch.steps[i])
        found.setdefault((start, goal), set()).add(values)
    return found


PLACES = [(0.0, i) for i in range(4)]


def test_future_by_hand():
    """Episode 0 1 2 3, cut by the clock: goals are the states after the one left."""
    buffer, reward = episode(PLACES)
    found = by_start(draw_all(buffer, RelabelConfig(future=1.0, reward=reward)))
    reached, away = {(0.0, False, 1)}, {(-1.0, False, 1)}
    assert found == {
        (0, 1): reached,
        (0, 2): away,
        (0, 3): away,
        (1, 2): reached,
        (1, 3): away,
        (2, 3): reached,
    }


def test_goals_of_the_future_are_equally_likely():
    buffer, reward = episode(PLACES)
    batch = draw_all(buffer, RelabelConfig(future=1.0, reward=reward), size=9000)
    first = batch.observation['achieved_goal'][:, 1] == 0
    _, counts = np.unique(batch.observation['desired_goal'][first, 1], return_counts=True)
    assert (abs(counts - counts.mean()) < 120).all()


def test_reached_goals_end_the_task_only_where_asked():
    buffer, reward = episode(PLACES, terminate=True)
    found = by_start(draw_all(buffer, RelabelConfig(future=1.0, reward=reward)))
    assert found[0, 1] == {(0.0, True, 1)}
    assert found[0, 3] == {(-1.0, False, 1)}


@pytest.mark.parametrize(('terminate', 'wanted'), [(False, True), (True, False)])
def test_a_recorded_end_stays_unless_it_is_recomputed(terminate, wanted):
    """The last step ended the task for its own goal; the goal in hindsight is another."""
    buffer, reward = episode(PLACES, end='terminated', terminate=terminate)
    far = {'desired_goal': np.array([[50.0, 50.0]], np.float32)}
    config = RelabelConfig(prior=1.0, reward=reward)
    batch = draw_all(buffer, config, prior=far)
    last = batch.observation['achieved_goal'][:, 1] == 2
    assert (batch.terminated[last] == wanted).all()
    assert not batch.terminated[~last].any()
    assert (batch.reward == -1).all()


def stay_and_go(moving):
    """A buffer of ten episodes of five steps, of which these move; row x is the episode."""
    buffer, sequence = ReplayBuffer(64, SPEC), 0
    for number in range(10):
        for k in range(5):
            place, end = [number, k if number in moving else 0], 'truncated' if k == 4 else ''
            buffer.add(goal_step(sequence, 'arm', number, k, end, place))
            sequence += 1
    return buffer, GoalRewardConfig(distance=0.5)


def test_new_goals_go_to_episodes_that_moved_and_old_ones_to_all():
    buffer, reward = stay_and_go((2, 7))
    batch = draw_all(buffer, RelabelConfig(future=0.5, reward=reward, moved=True))
    episodes = batch.observation['achieved_goal'][:, 0]
    counts = [np.bincount(part.astype(int), minlength=10) for part in np.split(episodes, 2)]
    assert counts[0].nonzero()[0].tolist() == [2, 7]
    assert counts[0][[2, 7]].min() > 800
    assert counts[1].min() > 100
    assert (batch.observation['desired_goal'][:2000, 0] == episodes[:2000]).all()
    assert (batch.observation['desired_goal'][2000:] == FAR).all()
    starts = np.bincount(batch.observation['achieved_goal'][:2000, 1].astype(int))
    assert starts.min() > 350


def test_where_nothing_moved_new_goals_go_to_all():
    buffer, reward = stay_and_go(())
    batch = draw_all(buffer, RelabelConfig(future=1.0, reward=reward, moved=True))
    counts = np.bincount(batch.observation['achieved_goal'][:, 0].astype(int), minlength=10)
    assert counts.min() > 300
    assert (batch.reward == 0).all()


def rising(heights, lift):
    """New goals of one episode in these heights, drawn 6000 times: start and goal by number."""
    spec = DataSpec(dict.fromkeys(SPEC.entries, EntrySpec((3,))), 2)
    buffer = ReplayBuffer(32, spec)
    for i, height in enumerate(heights):
        end = 'truncated' if i == len(heights) - 1 else ''
        made = goal_step(i, step=i, end=end, achieved=(0.0, i / 100, height))
        made.observation.entries['desired_goal'] = np.zeros(3)
        buffer.add(made)
    config = RelabelConfig(future=0.75, lift=lift, reward=GoalRewardConfig(distance=0.05))
    batch = draw_all(buffer, config, size=8000)
    assert not batch.observation['desired_goal'][6000:].any()
    ends = batch.observation['achieved_goal'][:6000], batch.observation['desired_goal'][:6000]
    return [np.rint(100 * end[:, 1]).astype(int) for end in ends]


def test_goals_high_up_are_likelier_and_those_near_the_first_left_out():
    """Start s and later goal g come with 1 / (4 - s) times the weight of g, 2 and 3 of 3 and 4."""
    start, goal = rising((0.0, 0.0, 0.0, 0.1, 0.2), lift=10.0)
    wanted = np.zeros((5, 5))
    for s in range(4):
        for g, weight in ((3, 2.0), (4, 3.0)):
            wanted[s, g] = weight / (4 - s) if g > s else 0.0
    counts = np.zeros((5, 5))
    np.add.at(counts, (start, goal), 1)
    np.testing.assert_allclose(counts / 6000, wanted / wanted.sum(), atol=0.02)


def test_where_nothing_was_lifted_or_moved_goals_of_the_future_stay():
    start, goal = rising((0.0, 0.0, 0.01, 0.0, -0.01), lift=100.0)
    assert set(zip(start.tolist(), goal.tolist(), strict=True)) == {
        (s, g) for s in range(4) for g in range(s + 1, 5)
    }


@pytest.mark.parametrize(
    'shares', [{'future': 0.5, 'final': 0.1}, {'final': 0.5}, {'future': 0.5, 'moved': True}]
)
def test_height_counts_for_the_future_alone(shares):
    with pytest.raises(ValueError, match='lift: expected goals of the future alone'):
        RelabelConfig(lift=1.0, **shares)


def test_height_needs_a_goal_that_has_one():
    with pytest.raises(InputError, match=r'lift: achieved_goal: expected a position \[3, ...\]'):
        check_relabel(RelabelConfig(future=0.8, lift=1.0), SPEC, ('desired_goal',))


def test_final_by_hand():
    buffer, reward = episode(PLACES)
    found = by_start(draw_all(buffer, RelabelConfig(final=1.0, reward=reward)))
    away = {(-1.0, False, 1)}
    assert found == {(0, 3): away, (1, 3): away, (2, 3): {(0.0, False, 1)}}


def test_episode_gives_earlier_and_later_states():
    buffer, reward = episode(PLACES)
    found = by_start(draw_all(buffer, RelabelConfig(episode=1.0, reward=reward)))
    assert found.keys() == {(start, goal) for start in range(3) for goal in range(4)}
    assert found[2, 0] == {(-1.0, False, 1)}
    assert found[2, 3] == {(0.0, False, 1)}


def test_returns_over_steps_with_new_goals_by_hand():
    """gamma 0.5, three steps: -1 - 0.5 - 0.25 until the goal, 0 at it, fewer at the end."""
    buffer, reward = episode(PLACES)
    config = RelabelConfig(future=1.0, reward=reward)
    found = by_start(draw_all(buffer, config, n_step=3))
    assert found == {
        (0, 1): {(0 - 0.5 - 0.25, False, 3)},
        (0, 2): {(-1 + 0 - 0.25, False, 3)},
        (0, 3): {(-1 - 0.5 + 0, False, 3)},
        (1, 2): {(0 - 0.5, False, 2)},
        (1, 3): {(-1 + 0, False, 2)},
        (2, 3): {(0.0, False, 1)},
    }


def test_returns_over_steps_stop_where_a_new_goal_is_reached():
    buffer, reward = episode(PLACES, terminate=True)
    config = RelabelConfig(future=1.0, reward=reward)
    batch = draw_all(buffer, config, n_step=3)
    assert by_start(batch) == {
        (0, 1): {(0.0, True, 1)},
        (0, 2): {(-1.0, True, 2)},
        (0, 3): {(-1.5, True, 3)},
        (1, 2): {(0.0, True, 1)},
        (1, 3): {(-1.0, True, 2)},
        (2, 3): {(0.0, True, 1)},
    }
    reached = batch.next_observation['achieved_goal']
    np.testing.assert_array_equal(reached, batch.observation['desired_goal'])


def test_the_rest_of_the_batch_is_as_recorded():
    buffer, reward = episode(PLACES)
    batch = draw_all(buffer, RelabelConfig(future=0.75, reward=reward), size=400)
    goals = batch.observation['desired_goal']
    assert (goals[300:] == 100).all()
    assert (goals[:300] != 100).all()
    np.testing.assert_array_equal(goals, batch.next_observation['desired_goal'])
    assert (batch.reward[300:] == -1).all()


def test_given_goals_and_goals_of_any_episode():
    buffer, reward = episode(PLACES)
    config = RelabelConfig(future=0.5, prior=0.5, reward=reward)
    given = {'desired_goal': np.array([[7, 8], [9, 10]], np.float32)}
    batch = draw_all(buffer, config, size=200, prior=given)
    assert set(batch.observation['desired_goal'][100:, 1]) == {8, 10}
    assert set(batch.observation['desired_goal'][:100, 1]) <= {1, 2, 3}
    for i in range(4, 8):
        buffer.add(goal_step(i, episode=1, step=i - 4))
    batch = draw_all(buffer, RelabelConfig(prior=1.0, reward=reward), size=500)
    crossed = (batch.observation['achieved_goal'][:, 1] < 4) & (
        batch.observation['desired_goal'][:, 1] >= 4
    )
    assert crossed.any()


def test_other_entries_and_own_rewards():
    buffer, _ = episode(PLACES)
    config = RelabelConfig(final=1.0, desired='place', achieved='achieved_goal')

    def reward(achieved, desired):
        return -np.abs(achieved - desired).sum(-1), np.zeros(achieved.shape[:-1], np.bool_)

    batch = draw_all(buffer, config, size=50, reward=reward)
    assert (batch.observation['place'][:, 1] == 3).all()
    assert (batch.observation['desired_goal'] == 100).all()
    distance = 3 - batch.next_observation['achieved_goal'][:, 1]
    np.testing.assert_allclose(batch.reward, -distance)


def test_pictures_are_relabelled_beside_vectors():
    image = EntrySpec((2, 2, 1), 'uint8')
    spec = DataSpec(SPEC.entries | {'rgb': image, 'goal_rgb': image}, 2)
    buffer = ReplayBuffer(8, spec)
    for i in range(4):
        step = goal_step(i, step=i)
        pictures = {'rgb': np.full((2, 2, 1), i, np.uint8), 'goal_rgb': np.zeros((2, 2, 1))}
        step.observation.entries.update(pictures)
        buffer.add(step)
    batch = draw_all(buffer, RelabelConfig(future=1.0, also={'goal_rgb': 'rgb'}), size=100)
    assert batch.observation['goal_rgb'].dtype == np.uint8
    picture = batch.observation['goal_rgb'][:, 0, 0, 0]
    np.testing.assert_array_equal(picture, batch.observation['desired_goal'][:, 1])
    np.testing.assert_array_equal(
        batch.observation['goal_rgb'], batch.next_observation['goal_rgb']
    )


@settings(max_examples=60)
@given(
    capacity=st.integers(4, 60),
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=12),
    choices=st.lists(st.integers(0, 2), max_size=250),
    n_step=st.integers(1, 5),
)
def test_goals_come_from_the_same_episode_and_later(capacity, lengths, choices, n_step):
    """Whatever the interleaving of collectors, after any number of turns of the ring."""
    buffer, kept, made = ReplayBuffer(capacity, SPEC), [], [0, 0, 0]
    places, numbers = [0, 0, 0], [0, 0, 0]
    for which in choices:
        length = lengths[(numbers[which] + which) % len(lengths)]
        end = 'truncated' if places[which] == length - 1 else ''
        name = 'abc'[which]
        step = goal_step(made[which], name, numbers[which], places[which], end)
        buffer.add(step)
        kept.append((name, numbers[which], places[which], step))
        made[which] += 1
        places[which] += 1
        if end:
            numbers[which], places[which] = numbers[which] + 1, 0
    if not len(buffer):
        return
    states = {
        tuple(s.observation.entries['achieved_goal']): (n, e, k) for n, e, k, s in kept[-capacity:]
    }
    ends = {}
    for name, number, place in states.values():
        ends[name, number] = max(place, ends.get((name, number), -1))
    shares = {'future': 0.4, 'final': 0.3, 'episode': 0.3}
    batch = draw_all(buffer, RelabelConfig(**shares), n_step, size=100)
    for i in range(100):
        start = states[tuple(batch.observation['achieved_goal'][i])]
        after = states[tuple(batch.next_observation['achieved_goal'][i])]
        goal = states[tuple(batch.observation['desired_goal'][i])]
        assert start[:2] == after[:2] == goal[:2]
        end = ends[start[:2]]
        assert after[2] - start[2] == batch.steps[i] == min(n_step, end - start[2])
        if i < 40:
            assert goal[2] > start[2]
        elif i < 70:
            assert goal[2] == end
        assert batch.next_observation['place'][i, 1] == after_place(batch, i)


def after_place(batch, i):
    """An entry that is not relabelled still belongs to its own state."""
    return batch.next_observation['achieved_goal'][i, 1] / 2


@settings(max_examples=20)
@given(st.integers(0, 90))
def test_restored_buffer_draws_the_same_goals(count):
    one, two = ReplayBuffer(24, SPEC), ReplayBuffer(24, SPEC)
    for i in range(count):
        one.add(goal_step(i, episode=i // 7, step=i % 7, end='truncated' if i % 7 == 6 else ''))
    two.load_state_dict(one.state_dict())
    for i in range(count, count + 20):
        for buffer in (one, two):
            end = 'truncated' if i % 7 == 6 else ''
            buffer.add(goal_step(i, episode=i // 7, step=i % 7, end=end))
    config = RelabelConfig(future=0.5, episode=0.25, final=0.25)
    drawn = [draw_all(buffer, config, 3, size=64) for buffer in (one, two)]
    np.testing.assert_array_equal(*(b.observation['desired_goal'] for b in drawn))
    np.testing.assert_array_equal(*(b.reward for b in drawn))


def test_an_episode_of_any_length_keeps_all_its_states():
    """Its list of rows moves to larger segments as it grows, beside a second collector's."""
    buffer = ReplayBuffer(400, SPEC)
    for i in range(150):
        buffer.add(goal_step(i, 'a', step=i))
        if i % 3 == 0:
            buffer.add(goal_step(i // 3, 'b', step=i // 3))
    batch = draw_all(buffer, RelabelConfig(episode=1.0), size=20_000)
    of_a = batch.observation['achieved_goal'][:, 0] == ord('a')
    assert (batch.observation['desired_goal'][of_a, 0] == ord('a')).all()
    assert len(np.unique(batch.observation['desired_goal'][of_a, 1])) == 150
    assert len(np.unique(batch.observation['desired_goal'][~of_a, 1])) == 50


@given(
    st.integers(0, 300),
    st.lists(st.floats(0, 1), min_size=1, max_size=4),
    st.floats(0, 1, exclude_max=True),
)
def test_parts_are_their_shares_rounded(size, weights, uniform):
    shares = [w / max(1, sum(weights)) for w in weights]
    ends = split(size, shares, uniform)
    parts = np.diff([0, *ends])
    assert (parts >= 0).all()
    assert ends[-1] <= size
    assert (abs(parts - np.array(shares) * size) < 1 + 1e-5).all()


def test_small_shares_are_not_lost():
    rng = np.random.default_rng(0)
    total = sum(split(10, (0.01,), rng.random())[0] for _ in range(5000))
    assert 420 < total < 580
    assert split(256, (0.5, 0.5), 0.999) == [128, 256]


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({}, r'sum in \(0, 1\]'),
        ({'future': 0.7, 'final': 0.4}, r'sum in \(0, 1\]'),
        ({'future': -0.1}, 'future: expected'),
        ({'prior': float('nan')}, 'prior: expected'),
    ],
)
def test_bad_shares_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        RelabelConfig(**values)


def test_bad_distances_are_refused():
    for distance in (0.0, -1.0, float('nan'), float('inf')):
        with pytest.raises(ValueError, match='distance: expected'):
            GoalRewardConfig(distance=distance)


def test_goals_that_do_not_fit_are_refused_by_name():
    config = RelabelConfig(future=0.8)
    with pytest.raises(InputError, match=r"none of the goals \['desired_goal'\]"):
        check_relabel(config, SPEC, ('place',))
    with pytest.raises(InputError, match="no entry 'cup'"):
        check_relabel(RelabelConfig(future=0.8, achieved='cup'), SPEC, ('desired_goal',))
    wide = DataSpec(SPEC.entries | {'cup': EntrySpec((3,))}, 2)
    with pytest.raises(InputError, match=r'desired_goal: expected the shape \(3,\)'):
        check_relabel(RelabelConfig(future=0.8, achieved='cup'), wide, ('desired_goal',))
    flat = DataSpec({'cup': EntrySpec((2, 2)), 'goal': EntrySpec((2, 2))}, 2)
    with pytest.raises(InputError, match=r'cup: expected a vector to measure .*\(2, 2\)'):
        check_relabel(RelabelConfig(1.0, desired='goal', achieved='cup'), flat, ('goal',))
    buffer, _ = episode(PLACES)
    with pytest.raises(InputError, match=r'prior: desired_goal: expected the shape'):
        Relabel(config, buffer, prior={'desired_goal': np.zeros((4, 3))})
    with pytest.raises(InputError, match='at least one goal'):
        Relabel(config, buffer, prior={'desired_goal': np.zeros((0, 2))})
