# SPDX-License-Identifier: Apache-2.0
"""Two processes with half of the data each learn what one learns from all of it."""

import dataclasses
from functools import partial

import numpy as np
import pytest
import torch

from robot_rl.agents.discriminator import DiscriminatorConfig
from robot_rl.agents.gail import GAIL, GAILConfig
from robot_rl.errors import InputError
from robot_rl.learning.parallel import run_workers
from robot_rl.models import workers
from robot_rl.replay.batch import Batch
from robot_rl.replay.rollout import Rollout
from robot_rl.types import DataSpec, EntrySpec

SPEC = DataSpec({'place': EntrySpec((3,)), 'state': EntrySpec((2,))}, 2)
CELLS = (0, 4)  # with a memory, inputs are normalised as well
LENGTHS = (3, 5, 2, 2, 4, 2)  # of the episodes; the first three are the first worker's: 10 of 18


def make(cells):
    config = GAILConfig(
        actor_entries=('place',),
        value_entries=('state',),
        predicted_entries=('state',),
        hidden=(8,),
        value_hidden=(8,),
        cells=cells,
        normalize=cells > 0,
        epochs=3,
        minibatch=1000,
        entropy_weight=0.01,
        max_divergence=10.0,
        mean_init_scale=1.0,
        discriminator=DiscriminatorConfig(entries=('state',), actions=True, updates=3),
        device='cpu',
    )
    return GAIL(config, SPEC, 0)


def transitions(rng, size):
    def entries():
        return {n: rng.standard_normal((size, *e.shape), np.float32) for n, e in ENTRIES}

    before, after = entries(), entries()
    action = rng.uniform(-1, 1, (size, 2)).astype(np.float32)
    reward, ends = rng.standard_normal(size, np.float32), np.zeros(size, np.bool_)
    return Batch(before, action, reward, after, ends, np.ones(size, np.int64), ends)


ENTRIES = tuple(SPEC.entries.items())


def rows(batch, where):
    """Some rows of a batch."""

    def cut(value):
        return {n: a[where] for n, a in value.items()} if isinstance(value, dict) else value[where]

    names = [f.name for f in dataclasses.fields(Batch)]
    return Batch(**{name: cut(getattr(batch, name)) for name in names})


def rollout(agent, first, last):
    """Episodes `first` to `last` of the one rollout that all workers share, and as many demos."""
    rng = np.random.default_rng(1)
    whole, shown = transitions(rng, sum(LENGTHS)), transitions(rng, sum(LENGTHS))
    start, end = sum(LENGTHS[:first]), sum(LENGTHS[:last])
    ends = np.zeros(end - start, np.bool_)
    ends[np.cumsum(LENGTHS[first:last]) - 1] = True
    part = rows(whole, slice(start, end))
    result = Rollout(
        **{f.name: getattr(part, f.name) for f in dataclasses.fields(Batch)},
        last=ends,
        version=np.zeros(end - start, np.int64),
        log_prob=np.zeros(end - start, np.float32),
        demonstrations=rows(shown, slice(start, end)),
    )
    result = dataclasses.replace(result, terminated=ends)
    log_prob = agent.log_prob(result, agent.policy_state())
    return dataclasses.replace(result, log_prob=log_prob)


def learn(parts, rank):
    """Three updates from this worker's episodes, without a memory and with one."""
    ends = []
    for cells in CELLS:
        agent = make(cells)
        for _ in range(3):
            measured = agent.update(rollout(agent, *parts[rank]))
        ends.append((agent.state_dict(), measured))
    return ends


def fail(rank):
    if rank == 1:
        raise InputError('no such thing')
    workers.total([torch.zeros(1)])


@pytest.mark.timeout(120)
def test_two_workers_with_half_the_data_learn_what_one_does_with_all():
    (alone,) = run_workers(partial(learn, [(0, 6)]), 1)
    both = run_workers(partial(learn, [(0, 3), (3, 6)]), 2)
    for i, cells in enumerate(CELLS):
        compare(make(cells).state_dict(), alone[i], [worker[i] for worker in both])


def compare(start, alone, both):
    """The workers' ends are equal, and those of one alone but for rounding."""
    alone, measured = alone
    compared = 0
    for name, wanted in alone.items():
        if wanted.dtype not in (np.float32, np.float64):
            continue
        for state, _ in both:
            np.testing.assert_allclose(state[name], wanted, rtol=2e-3, atol=2e-5, err_msg=name)
        np.testing.assert_array_equal(both[0][0][name], both[1][0][name])
        compared += not np.array_equal(start[name], wanted)
    assert compared > 20
    for name in measured.keys() - {'imitation_reward'}:
        assert both[0][1][name] == pytest.approx(measured[name], rel=1e-3, abs=1e-4), name


@pytest.mark.timeout(120)
def test_a_failing_worker_ends_the_others():
    with pytest.raises((InputError, RuntimeError)):
        run_workers(fail, 2)


def test_without_workers_nothing_is_refused():
    with pytest.raises(InputError, match='expected at least 1, got 0'):
        run_workers(fail, 0)


def test_minibatches_hold_every_unit_once():
    lengths = np.array([3, 1, 4, 1, 5])
    parts = workers.minibatches(lengths, 5, np.random.default_rng(0))
    assert len(parts) == 3
    assert sorted(np.concatenate(parts)) == [0, 1, 2, 3, 4]


def test_more_minibatches_than_episodes_are_not_made():
    parts = workers.minibatches(np.array([100, 100]), 10, np.random.default_rng(0))
    assert [len(part) for part in parts] == [1, 1]


def test_gradient_is_shortened_to_its_norm():
    moved = torch.zeros(2, requires_grad=True)
    free, bound = (workers.SharedAdam([moved], 0.0, limit) for limit in (1e9, 1.0))
    for optimizer in (free, bound):
        optimizer.step([torch.tensor([30.0, 40.0])])
    assert (free.mean0 / bound.mean0).tolist() == pytest.approx([50.0, 50.0])
