# SPDX-License-Identifier: Apache-2.0
"""Files of results: grown run by run, nothing twice, nothing lost."""

from pathlib import Path

import pytest

from benchmarks import curves
from benchmarks.curves import Curve
from robot_rl.errors import InputError


def test_only_what_the_file_lacks_is_run_and_a_run_that_fails_leaves_the_others(
    tmp_path: Path,
) -> None:
    path = tmp_path / 'results' / 'curves.jsonl'
    carried_out: list[tuple[str, int]] = []

    def carry_out(label: str, seed: int) -> Curve:
        if label == 'worse':
            raise RuntimeError('diverged')
        carried_out.append((label, seed))
        return Curve(label, seed, [10], [0.5])

    with pytest.raises(RuntimeError):
        curves.complete(path, Curve, [('good', 0), ('worse', 0), ('good', 1)], carry_out)
    found = curves.complete(path, Curve, [('good', 0), ('good', 1)], carry_out)
    assert carried_out == [('good', 0), ('good', 1)]
    assert found == [Curve('good', seed, [10], [0.5]) for seed in (0, 1)]
    assert curves.complete(path, Curve, [], carry_out) == found


def test_a_file_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'none\.jsonl: no result yet'):
        curves.complete(tmp_path / 'none.jsonl', Curve, [], Curve)
