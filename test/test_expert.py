# SPDX-License-Identifier: Apache-2.0
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import yaml
from step_stream import SPEC, make_step, stream

from robot_rl.agents.bc import BC, BCConfig
from robot_rl.errors import InputError
from robot_rl.learning import checkpoint, weights
from robot_rl.learning.config import load_agent
from robot_rl.learning.expert import load_expert, teach
from robot_rl.learning.learner import Learner, RunInfo
from robot_rl.types import DataSpec, EntrySpec

SEEN = DataSpec(SPEC.entries | {'picture': EntrySpec((3,))}, SPEC.action_size)


def settings(spec, **more):
    return weights.settings_json('sac', spec, **({'action': {'scale': 0.01}} | more))


@pytest.fixture
def trained(tmp_path):
    """A checkpoint of a small agent, and the learner that wrote it."""
    agent_file = tmp_path / 'small.yaml'
    data = {'algorithm': 'sac', 'agent': {'hidden': [8], 'device': 'cpu', 'initial_std': 1.0}}
    learner_data = {'batch_size': 8, 'capacity': 64, 'warmup_steps': 4}
    agent_file.write_text(yaml.safe_dump(data | {'learner': learner_data}))
    loaded = load_agent(str(agent_file))
    run = RunInfo('r1', 'usb', 'sawyer', str(agent_file), 3, 10.0, settings(SPEC))
    learner = Learner(loaded.learner, loaded.make(SPEC, 3), SPEC, run)
    for step in stream(30):
        learner.add(step)
        while learner.owed:
            learner.update()
    checkpoint.save(tmp_path / 'checkpoints', learner.checkpoint())
    return tmp_path / 'checkpoints', learner


def student_run(spec=SEEN, **more):
    return RunInfo('r2', 'usb_seen', 'sawyer', 'dagger', 0, 10.0, settings(spec, **more))


def test_the_expert_acts_as_the_run_that_was_saved_on_richer_observations(trained):
    folder, learner = trained
    expert = load_expert(str(folder), student_run())
    assert expert.entries == learner._agent.entries
    entries = make_step(0).observation.entries
    seen = entries | {'picture': np.zeros(3, np.float32)}
    wanted = learner._agent.act(entries, False)
    assert abs(wanted).max() > 0
    np.testing.assert_array_equal(expert.act(seen, False), wanted)


def test_a_student_gets_the_expert_of_its_configuration(trained):
    folder, _ = trained
    config = BCConfig(('picture',), 'expert', str(folder), hidden=(8,), device='cpu')
    student = BC(config, SEEN, 0)
    teach(student, student_run())
    assert set(student.entries) == set(SEEN.entries) - {'achieved_goal', 'desired_goal'}
    other = BC(dataclasses.replace(config, labels='all', expert=''), SEEN, 0)
    teach(other, student_run())
    assert other.entries == ('picture',)


@pytest.mark.parametrize(
    ('run', 'message'),
    [
        (student_run(DataSpec(SEEN.entries, 7)), 'expert: action_size: expected 7, got'),
        (student_run(action={'scale': 0.02}), r"expert: action: expected {'scale': 0.02}, got"),
        (student_run(base={'kind': 'none'}), 'expert: base: expected'),
    ],
)
def test_an_expert_whose_actions_mean_something_else_is_refused(trained, run, message):
    with pytest.raises(InputError, match=message):
        load_expert(str(trained[0]), run)


def test_an_expert_with_a_memory_is_refused(trained):
    """It would label steps that have nothing to do with each other."""
    folder, learner = trained
    data = {'algorithm': 'ppo', 'agent': {'hidden': [8], 'cells': 4, 'device': 'cpu'}}
    Path(learner.run.agent).write_text(yaml.safe_dump(data))
    with pytest.raises(InputError, match='expected a policy without memory'):
        load_expert(str(folder), student_run())


def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(InputError, match=str(tmp_path)):
        load_expert(str(tmp_path), student_run())
