# SPDX-License-Identifier: Apache-2.0
"""The way back to the start: out of the socket first, then across, slowly, and arriving."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from robot_rl.control.start import StartConfig, WayToStart

GOAL = np.array([0.6, 0.0, 0.1])
CONFIG = StartConfig()
PERIOD_S = 0.05

places = st.tuples(*[st.floats(-0.1, 0.1)] * 3).map(np.array)


def travel(way, tool_xyz, steps=2000):
    """The places of a tool that does as it is told, until it has arrived."""
    path = [np.array(tool_xyz)]
    for _ in range(steps):
        velocity = way.velocity(path[-1])
        if velocity is None:
            return path
        path.append(path[-1] + PERIOD_S * velocity)
    raise AssertionError(f'not there after {steps} steps, at {path[-1]}')


def test_leaves_the_socket_straight_out():
    path = np.array(travel(WayToStart(CONFIG, GOAL), GOAL + np.array([0.001, -0.002, 0.0])))
    inside = path[path[:, 2] < 0.1 + 0.045]
    assert len(inside) > 5
    np.testing.assert_array_equal(inside[:, :2], np.tile(inside[0, :2], (len(inside), 1)))


def test_goes_across_only_at_the_starts_height():
    path = np.array(travel(WayToStart(CONFIG, GOAL), GOAL + np.array([0.08, 0.0, 0.0])))
    moved = np.abs(np.diff(path[:, 0])) > 0
    assert moved.any()
    assert (path[:-1][moved, 2] >= 0.15 - CONFIG.tolerance).all()


def test_from_above_it_comes_down_straight():
    path = np.array(travel(WayToStart(CONFIG, GOAL), GOAL + np.array([0.02, 0.0, 0.12])))
    aim = GOAL + np.array(CONFIG.offset)
    ways = path - aim
    directions = ways / np.linalg.norm(ways, axis=1, keepdims=True)
    np.testing.assert_allclose(directions, np.tile(directions[0], (len(path), 1)), atol=1e-9)


@settings(max_examples=50)
@given(places)
def test_arrives_in_time_and_never_faster_than_allowed(offset):
    way = WayToStart(CONFIG, GOAL)
    path = np.array(travel(way, GOAL + offset))
    speeds = np.linalg.norm(np.diff(path, axis=0), axis=1) / PERIOD_S
    assert (speeds <= CONFIG.speed * (1 + 1e-9)).all()
    rest = np.linalg.norm(path[-1] - GOAL - np.array(CONFIG.offset))
    assert rest <= CONFIG.tolerance
    assert len(path) * PERIOD_S < CONFIG.timeout_s


@settings(max_examples=50)
@given(places.filter(lambda o: np.linalg.norm(o) > 0.01), places)
def test_any_approach_axis_is_left_along_itself(offset, start):
    way = WayToStart(StartConfig(offset=tuple(offset.tolist())), GOAL)
    out = offset / np.linalg.norm(offset)
    velocity = way.velocity(GOAL + start)
    if velocity is not None and (offset - start) @ out > CONFIG.tolerance:
        across = velocity - (velocity @ out) * out
        assert velocity @ out > 0
        assert np.linalg.norm(across) < 1e-12


def test_has_arrived_at_the_start():
    way = WayToStart(CONFIG, GOAL)
    assert way.velocity(GOAL + np.array(CONFIG.offset)) is None
    assert way.velocity(GOAL + np.array(CONFIG.offset) + [0, 0.0019, 0]) is None
    assert way.velocity(GOAL + np.array(CONFIG.offset) + [0, 0.0021, 0]) is not None


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'speed': 0.0}, 'speed'),
        ({'speed': math.nan}, 'speed'),
        ({'speed': 1.0}, 'speed'),
        ({'tolerance': 0.0}, 'tolerance'),
        ({'timeout_s': -1.0}, 'timeout_s'),
        ({'offset': (0.0, 0.0, 0.0)}, 'offset'),
        ({'offset': (math.nan, 0.0, 0.0)}, 'offset'),
        ({'offset': (2.0, 0.0, 0.0)}, 'offset'),
    ],
)
def test_bad_settings_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        StartConfig(**values)
