# SPDX-License-Identifier: Apache-2.0
"""Steps out of a recording, decoded by the schema that it carries, so that no ROS is needed.

The one of `nodes/records.py` for messages of a running graph; both give the same steps.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_rl.errors import InputError
from robot_rl.replay import bag
from robot_rl.types import RAW_ENTRIES, Entries, Observation, Step

STEP_TYPE = 'robot_rl_msgs/msg/Step'


def read_steps(path: Path) -> Iterator[Step]:
    """The steps of a recording, in the order of writing, up to a cut.

    Args:
        path: an MCAP file, or the folder of one.

    Raises:
        InputError: no recording there, or steps of another layout; names the file.
    """
    for message in bag.read_records(path, STEP_TYPE):
        try:
            yield step_of(message, _observation(message.observation))
        except (AttributeError, TypeError, ValueError) as error:
            raise InputError(f'{path}: not a step of this version: {error}') from error


def count(path: Path) -> int:
    """How many whole steps a recording holds.

    Raises:
        InputError: no recording there.
    """
    return bag.count_records(path, STEP_TYPE)


def read_settings(path: Path) -> str:
    """What shapes the steps of a recording, as JSON; '' where it does not say.

    Raises:
        InputError: no recording there.
    """
    return bag.read_settings(path, STEP_TYPE)


def step_of(message: Any, observation: Observation) -> Step:
    """A step from its message, whoever decoded that, and the observation in it."""
    return Step(
        sequence=message.sequence,
        observation=observation,
        policy=np.array(message.policy, np.float64),
        requested=np.array(message.requested, np.float64),
        executed=np.array(message.executed, np.float64),
        source=message.source,
        version=message.version,
        reward=message.reward,
        success=message.success,
        terminated=message.terminated,
        truncated=message.truncated,
        interventions=message.interventions,
    )


def _observation(message: Any) -> Observation:
    stamp = message.header.stamp
    raw: Entries = {name: np.array(getattr(message, name), np.float64) for name in RAW_ENTRIES}
    return Observation(
        stamp_ns=stamp.sec * 10**9 + stamp.nanosec,
        collector=message.collector,
        episode=message.episode,
        step=message.step,
        entries=raw | {tensor.name: _array(tensor) for tensor in message.entries},
        truncated=message.truncated,
    )


def _array(tensor: Any) -> NDArray[np.generic]:
    return np.frombuffer(bytes(tensor.data), tensor.dtype).reshape(tuple(tensor.shape))
