# SPDX-License-Identifier: Apache-2.0
"""Between the graph's own messages and the core's types, both ways."""

import array
import dataclasses

import numpy as np
from geometry_msgs.msg import Vector3
from numpy.typing import NDArray
from robot_rl_msgs import msg as rr

from robot_rl.errors import InputError
from robot_rl.learning.weights import Weights
from robot_rl.nodes.conversions import from_time, header
from robot_rl.replay.recording import step_of
from robot_rl.types import (
    RAW_ENTRIES,
    Action,
    Entries,
    Observation,
    Reward,
    SafetyResult,
    Step,
)

#: An array larger than this is refused on arrival.
MAX_ARRAY_BYTES = 64 * 1024 * 1024


def to_tensors(entries: Entries) -> list[rr.Tensor]:
    """Named arrays as messages."""
    return [
        rr.Tensor(name=name, dtype=a.dtype.name, shape=list(a.shape), data=a.tobytes())
        for name, a in entries.items()
    ]


def from_tensors(tensors: list[rr.Tensor], topic: str = 'observation') -> Entries:
    """Arrays by name.

    Raises:
        InputError: the bytes do not fill the declared shape, or are too many.
    """
    return {tensor.name: _from_tensor(tensor, topic) for tensor in tensors}


def to_scene_state(stamp_ns: int, vectors: Entries) -> rr.SceneState:
    """What a tracker tells, by stream names such as `scene/achieved_goal`."""
    told = {name.removeprefix('scene/'): values for name, values in vectors.items()}
    return rr.SceneState(header=header(stamp_ns), vectors=to_tensors(told))


def from_scene_state(message: rr.SceneState, sizes: dict[str, int]) -> Entries:
    """Those vectors [size] that a task reads.

    Raises:
        InputError: one is missing or has another size or type, or is not finite.
    """
    told = from_tensors(message.vectors, 'scene_state')
    for name, size in sizes.items():
        values = told.get(name)
        if values is None or values.shape != (size,) or values.dtype != np.float64:
            got = 'nothing' if values is None else f'{values.dtype} {values.shape}'
            raise InputError(f'scene_state: {name}: expected float64 ({size},), got {got}')
        if not np.isfinite(values).all():
            raise InputError(f'scene_state: {name}: expected finite values, got {values}')
    return {name: told[name] for name in sizes}


def _from_tensor(tensor: rr.Tensor, topic: str) -> NDArray[np.generic]:
    if len(tensor.data) > MAX_ARRAY_BYTES:
        raise InputError(f'{topic}: {tensor.name}: {len(tensor.data)} bytes are too many')
    try:
        return np.frombuffer(tensor.data, tensor.dtype).reshape(tuple(tensor.shape))
    except (TypeError, ValueError) as error:
        raise InputError(f'{topic}: {tensor.name}: {error}') from error


def to_observation(observation: Observation) -> rr.Observation:
    """A snapshot with its entries."""
    entries = observation.entries
    return rr.Observation(
        header=header(observation.stamp_ns),
        collector=observation.collector,
        sequence=observation.sequence,
        episode=observation.episode,
        step=observation.step,
        truncated=observation.truncated,
        entries=to_tensors({k: a for k, a in entries.items() if k not in RAW_ENTRIES}),
        **{name: array.array('d', entries[name].tobytes()) for name in RAW_ENTRIES},
    )


def from_observation(message: rr.Observation) -> Observation:
    """A snapshot with its entries."""
    entries: Entries = {name: np.array(getattr(message, name)) for name in RAW_ENTRIES}
    return Observation(
        stamp_ns=from_time(message.header.stamp),
        collector=message.collector,
        episode=message.episode,
        step=message.step,
        entries=entries | from_tensors(message.entries),
        truncated=message.truncated,
        sequence=message.sequence,
    )


def to_action(action: Action) -> rr.Action:
    """An action in [-1, 1]."""
    return rr.Action(
        header=header(action.stamp_ns),
        values=action.values.tolist(),
        source=action.source,
        run=action.run,
        version=action.version,
        explore=action.explore,
        policy=[] if action.policy is None else action.policy.tolist(),
    )


def from_action(message: rr.Action) -> Action:
    """An action in [-1, 1]."""
    return Action(
        stamp_ns=from_time(message.header.stamp),
        values=np.array(message.values),
        source=message.source,
        run=message.run,
        version=message.version,
        explore=message.explore,
        policy=np.array(message.policy) if message.policy else None,
    )


def to_reward(reward: Reward) -> rr.Reward:
    """A reward with its provenance."""
    return rr.Reward(
        header=header(reward.stamp_ns),
        value=reward.value,
        success=reward.success,
        terminated=reward.terminated,
        source=reward.source,
        version=reward.version,
    )


def from_reward(message: rr.Reward) -> Reward:
    """A reward with its provenance."""
    return Reward(
        stamp_ns=from_time(message.header.stamp),
        value=message.value,
        success=message.success,
        terminated=message.terminated,
        source=message.source,
        version=message.version,
    )


def to_safety_status(
    result: SafetyResult, margins: dict[str, float] | None = None
) -> rr.SafetyStatus:
    """Requested, executed, the acting rule, and the distance to each limit."""
    x, y, z = result.tool_delta_xyz.tolist()
    return rr.SafetyStatus(
        header=header(result.command.stamp_ns),
        requested=result.requested.tolist(),
        executed=result.command.value.tolist(),
        reason=result.reason,
        stopped=result.stopped,
        tool_delta=Vector3(x=x, y=y, z=z),
        limits=list(margins or {}),
        margins=list((margins or {}).values()),
    )


def to_step(step: Step, previous: int = -1) -> rr.Step:
    """One entry of the replay stream, and the sequence of the one sent before it."""
    return rr.Step(
        collector=step.observation.collector,
        sequence=step.sequence,
        previous=previous,
        observation=to_observation(step.observation),
        policy=step.policy.tolist(),
        requested=step.requested.tolist(),
        executed=step.executed.tolist(),
        source=step.source,
        version=step.version,
        reward=step.reward,
        success=step.success,
        terminated=step.terminated,
        truncated=step.truncated,
        last=step.last,
        interventions=step.interventions,
    )


def from_step(message: rr.Step) -> Step:
    """One entry of the replay stream."""
    return step_of(message, from_observation(message.observation))


def to_weights(weights: Weights) -> rr.PolicyWeights:
    """A policy as bytes."""
    fields = {field.name: getattr(weights, field.name) for field in dataclasses.fields(weights)}
    return rr.PolicyWeights(**fields)


def from_weights(message: rr.PolicyWeights) -> Weights:
    """A policy as bytes; nothing in it is trusted yet."""
    names = (field.name for field in dataclasses.fields(Weights))
    fields = {name: getattr(message, name) for name in names}
    return Weights(**fields | {'data': bytes(message.data)})
