# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest
import reaching
from one_step import SPEC, make_batch, same

from robot_rl.agents.bc import BC, BCConfig
from robot_rl.config import parse
from robot_rl.errors import InputError
from robot_rl.types import DataSpec, EntrySpec

SMALL = BCConfig(actor_entries=('touch',), hidden=(32, 32), learning_rate=1e-2, device='cpu')


def make(**more):
    return BC(dataclasses.replace(SMALL, **more), SPEC, 0)


def labelled(rng, share=0.25, noise=0.0):
    """The first rows are demonstrations of tanh(touch); the actions of the others are random."""
    batch, rows = make_batch(rng, 64), int(64 * share)
    wanted = 0.5 * np.tanh(batch.observation['touch'][:, :3])
    wanted = wanted + noise * rng.standard_normal(wanted.shape)
    batch.action[:rows] = wanted[:rows]
    batch.demonstration[:rows] = True
    return batch


def error_of(agent, rng):
    entries = [{'touch': rng.standard_normal(4, np.float32)} for _ in range(100)]
    errors = [agent.act(e, False) - 0.5 * np.tanh(e['touch'][:3]) for e in entries]
    return np.abs(errors).mean()


@pytest.mark.parametrize('policy', ['deterministic', 'gaussian'])
def test_demonstrations_alone_are_cloned(policy):
    agent, rng = make(policy=policy), np.random.default_rng(0)
    for _ in range(500):
        metrics = agent.update(labelled(rng))
    assert metrics['labelled'] == 0.25
    assert error_of(agent, rng) < 0.08


def test_a_gaussian_policy_learns_how_much_the_labels_vary():
    agent, rng = make(policy='gaussian'), np.random.default_rng(0)
    for _ in range(500):
        agent.update(labelled(rng, 1.0, noise=0.1), measure=False)
    entries = {'touch': np.zeros(4, np.float32)}
    samples = np.array([agent.act(entries, True) for _ in range(500)])
    assert samples.std(0) == pytest.approx(np.full(3, 0.1), rel=0.3)


def test_a_batch_without_labels_changes_no_weight():
    agent, rng = make(), np.random.default_rng(0)
    before = agent.policy_state()
    assert agent.update(labelled(rng, share=0.0)) == {'labelled': 0.0}
    assert same(before, agent.policy_state())
    assert agent.updates == 1


class StateExpert:
    """Knows what the student does not see."""

    entries = ('secret',)

    def act(self, entries, explore):
        assert not explore
        return np.clip([*entries['secret'], 0.5], -1, 1)


def test_the_student_reads_its_own_entries_and_the_expert_others():
    agent, rng = make(labels='expert', expert='somewhere'), np.random.default_rng(0)
    agent.teach(StateExpert())
    assert agent.entries == ('touch', 'secret')
    for _ in range(400):
        batch = make_batch(rng)
        batch.observation['touch'][:, 1:3] = 0.6 * batch.observation['secret']
        agent.update(batch, measure=False)
    seen = {'touch': np.array([0, 0.3, -0.3, 0], np.float32)}
    assert agent.act(seen, False) == pytest.approx([0.5, -0.5, 0.5], abs=0.1)
    assert set(agent.policy_state()) == set(make().policy_state())


def test_dagger_repairs_what_cloning_of_few_demonstrations_can_not_reach():
    """Demonstrations that all start at one side; the student is then put anywhere."""
    config = BCConfig(hidden=(32, 32), labels='all', learning_rate=3e-3, device='cpu')
    cloner = BC(config, reaching.SPEC, 0)
    memory, problem = reaching.Memory(), reaching.Reaching(2, 0)
    for _ in range(3):
        memory.collect(problem, reaching.expert, demonstration=True)
    reaching.learn_offline(cloner, memory, 600)
    config = dataclasses.replace(config, labels='expert', expert='somewhere')
    student = BC(config, reaching.SPEC, 0)
    student.teach(reaching.Expert())
    reaching.learn_online(student, 150, batch_size=32)
    assert reaching.success_rate(cloner) < 0.6
    assert reaching.success_rate(student) > 0.9


def test_an_expert_must_be_there_and_fit_the_task():
    agent, batch = make(labels='expert', expert='somewhere'), make_batch(np.random.default_rng(0))
    before = agent.state_dict()
    with pytest.raises(InputError, match='none was loaded'):
        agent.update(batch)
    assert same(before, agent.state_dict())
    poorer = DataSpec({'touch': EntrySpec((4,))}, 3)
    with pytest.raises(InputError, match=r"expert: reads \['secret'\]; the task has \['touch'\]"):
        BC(SMALL, poorer, 0).teach(StateExpert())


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        ({'labels': 'expert'}, 'expert: with labels expert, expected the folder of a checkpoint'),
        ({'expert': 'runs/a'}, 'expert: with labels demonstrations, expected none'),
        ({'labels': 'mine'}, 'labels: expected one of'),
        ({'policy': 'gaussian', 'initial_std': 0.01}, 'initial_std: expected more than min_std'),
        ({'hidden': []}, 'hidden: expected at least one layer'),
        ({'learning_rate': 0}, 'learning_rate'),
    ],
)
def test_bad_hyperparameters_are_refused_by_name(data, message):
    with pytest.raises(InputError, match=f'file.yaml.*{message}'):
        parse(BCConfig, data, 'file.yaml')
