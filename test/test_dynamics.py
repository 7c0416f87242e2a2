# SPDX-License-Identifier: Apache-2.0
"""Dynamics drawn for each episode, and states saved and gone back to."""

from dataclasses import replace

import numpy as np
import pytest

from robot_rl import config
from robot_rl.episodes.episode import Limits
from robot_rl.errors import InputError
from robot_rl.randomization import RandomizationConfig
from robot_rl.task import load_task, robot_of
from robot_rl.types import Action, JointCommand
from sim_bridge.build import make_world
from sim_bridge.host import DirectHost
from sim_bridge.snapshot import pack, unpack
from sim_bridge.world import World

TASK = load_task('fetch_pick')
WIDE = RandomizationConfig(
    friction=(0.5, 1.5),
    damping=(0.8, 1.2),
    armature=(0.0, 0.5),
    mass=(0.5, 2.0),
    size=(0.8, 1.2),
    latency=(0.0, 0.1),
    dropped=(0.0, 0.3),
)
FIELDS = ('geom_friction', 'dof_damping', 'dof_armature', 'body_mass', 'geom_size', 'geom_rbound')


@pytest.fixture(name='world', scope='module')
def fixture_world():
    """A block on Fetch's table."""
    world = make_world(TASK, robot_of(TASK))
    yield world
    world.close()


def numbers(world: World) -> dict[str, np.ndarray]:
    """What the drawn dynamics are written to."""
    return {name: getattr(world.model, name).copy() for name in FIELDS}


def drive(world: World, periods: int) -> np.ndarray:
    """Physics after moving a joint for so many control periods."""
    for _ in range(periods):
        velocity = np.array([0.3, 0, 0, 0, 0, 0, 0, 0.01])
        world.apply(JointCommand(world.stamp_ns, 'velocity', velocity))
        world.step()
    return np.asarray(world.save_state()['physics'])


def test_without_ranges_the_model_is_never_touched(world):
    world.randomize(RandomizationConfig())
    before = numbers(world)
    world.reset(3)
    assert world.dynamics.drawn == {}
    for name, value in numbers(world).items():
        np.testing.assert_array_equal(value, before[name])


def test_dynamics_follow_from_the_seed_and_start_from_the_nominal_ones(world):
    world.randomize(WIDE)
    world.reset(1)
    first, drawn = numbers(world), world.dynamics.drawn
    world.reset(2)
    assert not np.array_equal(numbers(world)['body_mass'], first['body_mass'])
    world.reset(1)
    for name, value in numbers(world).items():
        np.testing.assert_array_equal(value, first[name])
    for name, (low, high) in vars(WIDE).items():
        assert (low <= drawn[name]).all()
        assert (drawn[name] <= high).all()
    world.dynamics.set({})


def test_factors_reach_the_numbers_that_they_name(world):
    world.randomize(RandomizationConfig())
    before = numbers(world)
    world.randomize(
        RandomizationConfig(friction=(2, 2), armature=(0.1, 0.1), mass=(3, 3), size=(1.5, 1.5))
    )
    world.reset(0)
    after, block = numbers(world), world.model.body('block').id
    geom = int(world.model.body_geomadr[block])
    np.testing.assert_allclose(after['geom_friction'][:, 0], 2 * before['geom_friction'][:, 0])
    np.testing.assert_allclose(after['body_mass'][block], 3 * 1.5**3 * before['body_mass'][block])
    np.testing.assert_allclose(after['geom_size'][geom], 1.5 * before['geom_size'][geom])
    assert (after['dof_armature'] - before['dof_armature']).max() == pytest.approx(0.1)
    height = world.scene_state()['achieved_goal'][2] - TASK.goal.position[2]
    assert height == pytest.approx(0.0375)  # of a block 1.5 times as large, on the table
    world.dynamics.set({})
    np.testing.assert_array_equal(numbers(world)['geom_size'], before['geom_size'])


def test_a_start_in_which_bodies_lie_in_each_other_is_refused(world):
    world.randomize(RandomizationConfig(size=(2, 2)))
    with pytest.raises(InputError, match=r'seed 0: r_gripper_finger_link and block lie 10\.0 mm'):
        world.reset(0)
    world.randomize(RandomizationConfig())
    world.reset(0)


def test_a_late_command_moves_the_arm_that_much_later(world):
    def moved(latency_s: float) -> list[bool]:
        world.randomize(RandomizationConfig(latency=(latency_s, latency_s)))
        world.reset(0)
        moves = []
        for _ in range(4):
            drive(world, 1)
            moves.append(bool(abs(world.data.ctrl).max() > 0.1))
        return moves

    assert moved(0.0) == [True] * 4
    assert moved(0.08) == [False, False, True, True]


def test_the_share_of_commands_that_is_lost(world):
    world.randomize(RandomizationConfig(dropped=(0.3, 0.3)))
    world.reset(0)
    lost = 0
    for _ in range(300):
        drive(world, 1)
        lost += not abs(world.data.ctrl).max() > 0.1
    assert lost == pytest.approx(90, abs=25)


def test_a_state_brings_everything_back_and_goes_on_with_equal_bits(world):
    world.randomize(WIDE)
    world.reset(5)
    drive(world, 7)
    state = world.world_state()
    expected, stamp_ns, drawn = drive(world, 9), world.stamp_ns, world.dynamics.drawn
    assert len(world.world_state()) == len(state)
    world.reset(6)
    world.load_state(unpack(state))
    np.testing.assert_array_equal(drive(world, 9), expected)
    assert world.stamp_ns == stamp_ns
    for name, value in world.dynamics.drawn.items():
        np.testing.assert_array_equal(value, drawn[name])
    world.dynamics.set({})


def test_an_episode_begins_in_a_state_and_time_goes_on():
    with_noise = replace(TASK, randomization=RandomizationConfig(mass=(0.5, 2)))
    host = DirectHost(with_noise, robot_of(with_noise), Limits(TASK.horizon), 0)
    first = host.reset()
    for _ in range(3):
        host.act(Action(host.observation.stamp_ns, np.array([1.0, 0.5, -1.0, -1.0])))
    left, state = host.observation, host.world.world_state()
    host.reset()
    found = host.reset(state)
    assert found.step == 0
    assert found.stamp_ns > left.stamp_ns > first.stamp_ns
    for name, value in left.entries.items():
        if name != 'tool_wrench':
            np.testing.assert_array_equal(found.entries[name], value)
    host.close()


@pytest.mark.parametrize('data', [b'', b'[]', b'{"physics": 1}', b'{"physics": {"dtype": "x"}}'])
def test_what_is_no_state_is_refused(world, data):
    with pytest.raises(InputError, match='state'):
        world.reset(0, np.frombuffer(data, np.uint8))


def test_a_state_of_another_scene_is_refused(world):
    other = load_task('usb_insertion')
    stranger = make_world(other, robot_of(other))
    stranger.reset(0)
    with pytest.raises(InputError, match='state: expected one of this scene'):
        world.reset(0, stranger.world_state())
    stranger.close()


def test_what_is_packed_comes_back():
    state = {
        'a': np.arange(6.0).reshape(2, 3),
        'b': [1, None, 'x', 2**100],
        'c': (0.1, np.int8(3)),
    }
    packed = pack(state, 500)
    assert packed.dtype == np.uint8
    assert packed.shape == (500,)
    found = unpack(packed)
    np.testing.assert_array_equal(found['a'], state['a'])
    assert found['b'] == state['b']
    assert found['c'] == [0.1, 3]


@pytest.mark.parametrize(
    ('values', 'name'),
    [
        ({'friction': [2, 1]}, 'friction'),
        ({'mass': [0, 1]}, 'mass'),
        ({'latency': [0, float('nan')]}, 'latency'),
        ({'dropped': [0, 1]}, 'dropped'),
        ({'colour': [0, 1]}, 'colour'),
    ],
)
def test_ranges_that_make_no_sense_are_refused_by_name(values, name):
    with pytest.raises(InputError, match=name):
        config.parse(RandomizationConfig, values, 'randomization')
