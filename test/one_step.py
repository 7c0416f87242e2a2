# SPDX-License-Identifier: Apache-2.0
"""Made-up transitions for tests of off-policy agents; entries and actions are random."""

import numpy as np

from robot_rl.replay.batch import Batch
from robot_rl.types import DataSpec, EntrySpec

SPEC = DataSpec(
    {
        'achieved_goal': EntrySpec((3,), 'float64'),
        'touch': EntrySpec((4,)),
        'secret': EntrySpec((2,)),
        'rgb': EntrySpec((8, 8, 3), 'uint8'),
    },
    3,
)


def make_batch(rng, size=32, reward=0.0, terminated=False, steps=1):
    """Random states and actions, all with the same reward and end."""
    entries = [
        {
            'touch': rng.standard_normal((size, 4), np.float32),
            'secret': rng.standard_normal((size, 2), np.float32),
        }
        for _ in range(2)
    ]
    return Batch(
        observation=entries[0],
        action=rng.uniform(-1, 1, (size, 3)).astype(np.float32),
        reward=np.full(size, reward, np.float32),
        next_observation=entries[1],
        terminated=np.full(size, terminated),
        steps=np.full(size, steps, np.int64),
        demonstration=np.zeros(size, np.bool_),
    )


def same(one, two):
    """Whether two states hold the same numbers."""
    return one.keys() == two.keys() and all(np.array_equal(one[k], two[k]) for k in one)
