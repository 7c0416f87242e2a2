# SPDX-License-Identifier: Apache-2.0
"""Steps of made-up episodes, for tests of replay and learner."""

from collections.abc import Iterator

import numpy as np

from robot_rl.types import DataSpec, EntrySpec, Observation, Step

SPEC = DataSpec({'place': EntrySpec((3,)), 'touch': EntrySpec((2, 2))}, 2)


def make_step(
    sequence: int, collector: str = 'arm', episode: int = 0, step: int = 0, end: str = ''
) -> Step:
    """A step whose every number follows from its collector and sequence.

    Args:
        sequence: number in the collector's stream.
        collector: name.
        episode: number.
        step: number in the episode.
        end: '', 'terminated' or 'truncated'.
    """
    rng = np.random.default_rng([*collector.encode(), sequence])
    entries = {
        'place': rng.standard_normal(3, np.float32),
        'touch': rng.standard_normal((2, 2), np.float32),
        'achieved_goal': rng.standard_normal(3),
    }
    last = bool(end)
    action = np.zeros(2) if last else rng.uniform(-1, 1, 2)
    return Step(
        sequence=sequence,
        observation=Observation(sequence, collector, episode, step, entries),
        policy=action,
        requested=action,
        executed=action / 2,
        source='policy',
        version=sequence,
        reward=0.0 if step == 0 else float(rng.standard_normal()),
        success=end == 'terminated',
        terminated=end == 'terminated',
        truncated=end == 'truncated',
    )


def stream(length: int, episode_length: int = 5, collector: str = 'arm') -> Iterator[Step]:
    """Steps of whole episodes; every other one terminates, the rest reach the time limit."""
    for sequence in range(length):
        episode, step = divmod(sequence, episode_length)
        ends = step == episode_length - 1
        end = ('terminated', 'truncated')[episode % 2] if ends else ''
        yield make_step(sequence, collector, episode, step, end)
