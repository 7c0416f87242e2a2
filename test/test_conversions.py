# SPDX-License-Identifier: Apache-2.0
"""Messages and types: what goes through DDS comes back equal; what is malformed is refused."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays
from rclpy.serialization import deserialize_message, serialize_message
from robot_rl_msgs import msg as rr
from sensor_msgs.msg import Image, JointState as JointStateMsg
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from robot_rl.errors import InputError
from robot_rl.learning.weights import Weights
from robot_rl.nodes import conversions as convert, records
from robot_rl.types import (
    RAW_ENTRIES,
    Action,
    JointCommand,
    JointState,
    Observation,
    Reward,
    SafetyResult,
    Step,
    Wrench,
)

JOINTS = ('a', 'b', 'c')
STAMPS = st.integers(0, 2**31 * 10**9 - 1)
FLOATS = st.floats(allow_nan=True, width=64)


def vectors(size: int) -> st.SearchStrategy[Any]:
    return arrays.arrays(np.float64, size, elements=FLOATS)


def through(message: Any) -> Any:
    """As DDS carries it: serialized and back."""
    return deserialize_message(serialize_message(message), type(message))


def same(a: Any, b: Any) -> None:
    """Equality that looks into dataclasses, dicts and arrays, NaN included."""
    if dataclasses.is_dataclass(a):
        assert type(a) is type(b)
        for field in dataclasses.fields(a):
            same(getattr(a, field.name), getattr(b, field.name))
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    else:
        assert a == b or (math.isnan(a) and math.isnan(b))


def observation(seed: int) -> Observation:
    rng = np.random.default_rng(seed)
    sizes = {'achieved_goal': 3, 'desired_goal': 3, 'tool_wrench': 6}
    entries = {name: rng.standard_normal(sizes[name]) for name in RAW_ENTRIES}
    entries['tool'] = rng.standard_normal(5).astype(np.float32)
    entries['wrist'] = rng.integers(0, 256, (4, 6, 3), np.uint8)
    return Observation(10**15 + seed, 'arm:1', 7, seed % 50, entries, bool(seed % 2))


@given(STAMPS)
def test_time(stamp_ns: int) -> None:
    assert convert.from_time(through(convert.to_time(stamp_ns))) == stamp_ns


@given(STAMPS, vectors(3), vectors(3), st.permutations(range(4)))
def test_joint_states_are_mapped_by_name(
    stamp_ns: int, position: Any, velocity: Any, order: list[int]
) -> None:
    state = JointState(stamp_ns, position, velocity)
    message = through(convert.to_joint_state(state, JOINTS, 'base'))
    names = [*JOINTS, 'finger']
    message.name = [names[i] for i in order]
    message.position = np.append(position, 9.0)[order].tolist()
    message.velocity = np.append(velocity, 9.0)[order].tolist()
    same(convert.from_joint_state(message, convert.JointOrder(JOINTS)), state)


@given(STAMPS, vectors(3), vectors(3))
def test_wrench(stamp_ns: int, force: Any, torque: Any) -> None:
    wrench = Wrench(stamp_ns, force, torque)
    same(convert.from_wrench(through(convert.to_wrench(wrench, 'tool0'))), wrench)


@given(STAMPS, st.sampled_from(['velocity', 'position', 'torque']), vectors(3))
def test_command(stamp_ns: int, mode: Any, value: Any) -> None:
    command = JointCommand(stamp_ns, mode, value)
    message = through(convert.to_command(command, JOINTS))
    same(convert.from_command(message, convert.JointOrder(JOINTS), 'command'), command)


@given(st.integers(0, 1000))
def test_observation(seed: int) -> None:
    original = observation(seed)
    same(records.from_observation(through(records.to_observation(original))), original)


@given(STAMPS, vectors(3), st.booleans(), st.one_of(st.none(), vectors(3)))
def test_action(stamp_ns: int, values: Any, explore: bool, policy: Any) -> None:
    action = Action(stamp_ns, values, 'human', 'run', 12, explore, policy)
    same(records.from_action(through(records.to_action(action))), action)


@given(STAMPS, FLOATS, st.booleans(), st.booleans())
def test_reward(stamp_ns: int, value: float, success: bool, terminated: bool) -> None:
    reward = Reward(stamp_ns, value, success, terminated, 'electrical', 2)
    same(records.from_reward(through(records.to_reward(reward))), reward)


@given(st.integers(0, 1000), vectors(2), vectors(2), st.booleans())
def test_step(seed: int, policy: Any, executed: Any, truncated: bool) -> None:
    step = Step(
        seed, observation(seed), policy, executed, executed, 'policy', 3, 0.5, False, False,
        truncated, 2,
    )  # fmt: skip
    message = through(records.to_step(step))
    assert message.last == truncated
    same(records.from_step(message), step)


def test_weights() -> None:
    weights = Weights('run', 5, 2, 'sac', '{}', 'ab' * 32, bytes(range(256)))
    same(records.from_weights(through(records.to_weights(weights))), weights)


def test_safety_status_carries_requested_and_executed() -> None:
    command = JointCommand(5, 'velocity', np.array([0.0, 1.0, 2.0]))
    result = SafetyResult(command, np.ones(3), 'sphere', True, np.array([0.1, 0.2, 0.3]))
    message = through(records.to_safety_status(result))
    assert list(message.requested) == [1.0, 1.0, 1.0]
    assert list(message.executed) == [0.0, 1.0, 2.0]
    assert (message.reason, message.stopped, message.tool_delta.z) == ('sphere', True, 0.3)


@pytest.mark.parametrize(
    ('encoding', 'shape', 'dtype'),
    [
        ('rgb8', (4, 5, 3), np.uint8),
        ('mono8', (4, 5, 1), np.uint8),
        ('32FC1', (4, 5, 1), np.float32),
        ('16UC1', (4, 5, 1), np.uint16),
    ],
)
def test_image(encoding: str, shape: tuple[int, ...], dtype: Any) -> None:
    pixels = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    message = through(convert.to_image(pixels, 5, 'wrist_optical_frame'))
    assert message.encoding == encoding
    same(convert.from_image(message, 'wrist/color'), pixels)


def test_padded_rows_and_bgr_are_understood() -> None:
    rows = np.arange(2 * 10, dtype=np.uint8).reshape(2, 10)
    message = Image(height=2, width=3, encoding='bgr8', step=10, data=rows.tobytes())
    expected = rows[:, :9].reshape(2, 3, 3)[..., ::-1]
    np.testing.assert_array_equal(convert.from_image(message, 'wrist/color'), expected)


def command_message(**changes: Any) -> JointTrajectory:
    point = JointTrajectoryPoint(velocities=[1.0, 2.0, 3.0])
    fields = {'joint_names': list(JOINTS), 'points': [point]} | changes
    return JointTrajectory(**fields)


@pytest.mark.parametrize(
    ('message', 'expected'),
    [
        (command_message(points=[]), 'command: expected one point, got 0'),
        (command_message(joint_names=['a', 'b', 'x']), "command: missing joint 'c'"),
        (
            command_message(points=[JointTrajectoryPoint(velocities=[1.0])]),
            'command: expected 3 values, got 1',
        ),
    ],
)
def test_a_malformed_command_is_refused(message: Any, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        convert.from_command(message, convert.JointOrder(JOINTS), 'command')


def test_a_malformed_joint_state_is_refused() -> None:
    with pytest.raises(InputError, match='joint_states: 3 names but 2 positions'):
        convert.from_joint_state(
            JointStateMsg(name=list(JOINTS), position=[1.0, 2.0]), convert.JointOrder(JOINTS)
        )


@pytest.mark.parametrize(
    ('tensor', 'expected'),
    [
        (rr.Tensor(name='x', dtype='float32', shape=[3], data=bytes(8)), 'observation: x'),
        (rr.Tensor(name='x', dtype='float99', shape=[2], data=bytes(8)), 'observation: x'),
        (rr.Tensor(name='x', dtype='O', shape=[1], data=bytes(8)), 'observation: x'),
    ],
)
def test_a_malformed_tensor_is_refused_by_name(tensor: Any, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        records.from_tensors([tensor])


@pytest.mark.parametrize(
    ('changes', 'expected'),
    [
        ({'encoding': 'yuv422'}, "unknown encoding 'yuv422'; known: rgb8"),
        ({'data': bytes(5)}, 'wrist/color: image: 5 bytes with step 2 are not 2 x 2 mono8'),
        ({'width': 0}, 'are not 0 x 2 mono8'),
    ],
)
def test_a_malformed_image_is_refused(changes: dict[str, Any], expected: str) -> None:
    fields = {'height': 2, 'width': 2, 'encoding': 'mono8', 'step': 2, 'data': bytes(4)}
    with pytest.raises(InputError, match=expected):
        convert.from_image(Image(**fields | changes), 'wrist/color')
