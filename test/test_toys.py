# SPDX-License-Identifier: Apache-2.0
"""Toys and containers from primitive shapes."""

import numpy as np
import pytest

from sim_bridge.tasks.containers import Crate
from sim_bridge.tasks.objects import Part
from sim_bridge.tasks.toys import KINDS, Toy, extent

SEEDS = range(100)


def _touch(one: Part, other: Part) -> bool:
    apart = np.abs(np.subtract(one.xyz, other.xyz))
    return bool((apart <= extent(one) + extent(other)).all())


def _in_one_piece(toy: Toy) -> bool:
    reached, left = [toy.parts[0]], list(toy.parts[1:])
    while touching := [p for p in left if any(_touch(p, q) for q in reached)]:
        reached += touching
        left = [p for p in left if p not in touching]
    return not left


@pytest.mark.parametrize('kind', KINDS)
def test_toys_are_in_one_piece_and_fit_between_the_fingers(kind: str) -> None:
    """Whatever the seed, a toy stands on the table and is small enough for the hand."""
    for seed in SEEDS:
        toy = KINDS[kind](seed)
        assert _in_one_piece(toy)
        lowest = min(part.xyz[2] - extent(part)[2] for part in toy.parts)
        assert abs(lowest) < 1e-9
        assert max(toy.half[:2]) < 0.075
        assert min(toy.half[:2]) < 0.055
        assert 0.01 < toy.grip < toy.half[2] < 0.10


@pytest.mark.parametrize('kind', KINDS)
def test_every_seed_gives_another_toy_and_always_the_same(kind: str) -> None:
    """Hundreds of variants, each reproducible."""
    toys = [KINDS[kind](seed) for seed in SEEDS]
    assert len({(toy.half, toy.parts[0]) for toy in toys}) == len(toys)
    assert toys == [KINDS[kind](seed) for seed in SEEDS]


def test_a_crate_knows_what_is_inside() -> None:
    """The way out is zero inside, and leads past the nearest wall outside."""
    crate = Crate(0.05, 0.04, 0.06)
    assert not crate.outside(np.array([0.049, -0.039, 0.01])).any()
    np.testing.assert_allclose(crate.outside(np.array([0.0, 0.06, 0.08])), [0.0, 0.02, 0.02])
    assert not crate.outside(np.array([0.0, 0.0, 0.08]), margin=0.02).any()
