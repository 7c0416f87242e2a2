# SPDX-License-Identifier: Apache-2.0
import json
from functools import partial

import numpy as np
import pytest

from benchmarks import imitation
from benchmarks.lifting import HORIZON, REACHED_REWARD, SPEC, Lifting
from robot_rl.replay.dataset import load_dataset


def episode(world, policy):
    return list(imitation.play(world, policy, 0, 0))


def test_operator_lifts_the_block():
    world, rng = Lifting(0), np.random.default_rng(0)
    for _ in range(3):
        steps = episode(world, lambda _: world.expert(rng))
        assert steps[-1].success
        assert steps[-1].truncated
        assert not any(step.terminated for step in steps)
        assert {step.reward for step in steps} == {0.0, REACHED_REWARD, 1.0}
        assert sum(step.reward for step in steps) > 20


def test_doing_nothing_earns_nothing():
    steps = episode(Lifting(0), lambda _: np.zeros(4))
    assert len(steps) == HORIZON + 1
    assert not any(step.reward or step.success for step in steps)


def test_entries_are_as_declared_and_about_one():
    steps = episode(Lifting(0), lambda _: np.array([0.3, -0.2, -0.5, 0.1]))
    for step in steps:
        for name, entry in SPEC.entries.items():
            value = step.observation.entries[name]
            assert (value.shape, value.dtype.name) == (entry.shape, entry.dtype)
            assert np.abs(value).max() < 6


def test_same_seed_same_episodes():
    def play(seed):
        world, rng = Lifting(seed), np.random.default_rng(0)
        return [
            s.observation.entries['block'] for s in episode(world, lambda _: world.expert(rng))
        ]

    np.testing.assert_array_equal(play(3), play(3))
    assert not np.array_equal(play(3), play(4))


def test_demonstrations_are_a_data_set(tmp_path):
    path = tmp_path / 'demonstrations.npz'
    success, score = imitation.demonstrate(path, 0)
    assert success > 0.9
    assert score > 20
    assert len(load_dataset(path, SPEC)) == imitation.DEMONSTRATIONS * HORIZON


@pytest.mark.learning
def test_bench_ends_with_one_line_of_json(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(imitation, 'EVALUATION_EPISODES', 2)
    monkeypatch.setattr(imitation, 'configure_process', lambda threads: None)  # pytest's own
    out = tmp_path / 'table.md'
    asked = ['--lambdas', '0', '0.5', '--seeds', '0', '--steps', '1000', '--out', str(out)]
    assert imitation.main([*asked, '--json']) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last['name'] == 'imitation'
    assert last['score'].keys() == {'0.0', '0.5'}
    assert '| PPO alone (0) |' in out.read_text()


def test_table_and_summary_compare_the_worst_hybrid_with_the_better_alone():
    make = partial(imitation.Result, seed=0, curve=[], seconds=1.0, cpu_seconds=1.0)
    scores = {0.0: 1.0, 0.3: 8.0, 0.7: 6.0, 1.0: 4.0}
    results = [make(imitation=k, success_rate=0.5, score=v) for k, v in scores.items()]
    summary = imitation._summary(results)
    assert (summary['value'], summary['peer_value'], summary['ratio']) == (6.0, 4.0, 1.5)
    text = imitation.table(results, (1.0, 9.0))
    assert '| hybrid 0.7 | 50% (6.0) | 50% (6.0) |' in text
    assert '| demonstrations | | 100% (9.0) |' in text
