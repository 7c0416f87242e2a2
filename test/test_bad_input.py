# SPDX-License-Identifier: Apache-2.0
"""One clear message for each thing that a user may get wrong about learning."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from step_stream import SPEC, make_step

from robot_rl.agents import AGENTS, ON_POLICY
from robot_rl.errors import InputError
from robot_rl.learning import weights
from robot_rl.learning.config import AgentConfig, LearnerConfig, load_agent
from robot_rl.learning.learner import Learner, RunInfo
from robot_rl.learning.sources import make_sampler, make_sources
from robot_rl.replay.relabel_config import RelabelConfig
from robot_rl.replay.step_file import write_steps
from robot_rl.types import DataSpec, EntrySpec

every_agent = pytest.mark.parametrize('name', AGENTS)
OFF_POLICY = [name for name in AGENTS if name not in ON_POLICY]


def refusal(tmp_path: Path, text: str) -> str:
    path = tmp_path / 'mine.yaml'
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_agent(str(path))
    message = str(caught.value)
    assert '\n' not in message
    assert 'mine.yaml: agent' in message
    return message


def agent_of(name: str, **more: object) -> AgentConfig:
    own = AGENTS[name].Config(device='cpu', **more)
    return AgentConfig('mine', name, own, LearnerConfig(capacity=100))


@every_agent
def test_unknown_hyperparameter(tmp_path: Path, name: str) -> None:
    message = refusal(tmp_path, f'algorithm: {name}\nagent: {{learning_speed: 0.1}}')
    assert "unknown key 'learning_speed'" in message
    assert 'learning_rate' in message


@every_agent
@pytest.mark.parametrize(
    ('text', 'wanted'),
    [
        ('{learning_rate: fast}', "learning_rate: expected a finite number, got 'fast'"),
        ('{learning_rate: [0.1]}', 'learning_rate: expected a finite number, got [0.1]'),
        ('{learning_rate: true}', 'learning_rate: expected a finite number, got True'),
        ('{device: tpu}', "device: expected one of auto, cpu, cuda, got 'tpu'"),
    ],
)
def test_wrong_type(tmp_path: Path, name: str, text: str, wanted: str) -> None:
    assert wanted in refusal(tmp_path, f'algorithm: {name}\nagent: {text}')


@every_agent
@pytest.mark.parametrize('rate', ['-0.1', '0', '.nan', '.inf'])
def test_negative_rate(tmp_path: Path, name: str, rate: str) -> None:
    message = refusal(tmp_path, f'algorithm: {name}\nagent: {{learning_rate: {rate}}}')
    assert 'learning_rate: expected a ' in message


@every_agent
def test_observation_entry_that_the_task_lacks(name: str) -> None:
    key = 'entries' if name == 'naf' else 'actor_entries'
    with pytest.raises(InputError) as caught:
        agent_of(name, **{key: ('place', 'colour')}).make(SPEC, 0)
    assert f"{key}: no entry 'colour'; the task has " in str(caught.value)
    assert 'touch' in str(caught.value)


@pytest.mark.parametrize('name', OFF_POLICY)
def test_demonstrations_of_another_action_space(tmp_path: Path, name: str) -> None:
    five = dict.fromkeys(('policy', 'requested', 'executed'), np.zeros(5))
    steps = [dataclasses.replace(make_step(k), **five) for k in range(4)]
    write_steps(tmp_path / 'five.npz', steps)
    path = tmp_path / 'mine.yaml'
    path.write_text(f'algorithm: {name}\nlearner: {{demonstrations: {{path: five.npz}}}}')
    loaded = load_agent(str(path))
    with pytest.raises(InputError, match=r'five.npz: action: expected \(2,\), got \(5,\)'):
        make_sources(loaded.learner, SPEC, loaded.make(SPEC, 0).entries)


@pytest.mark.parametrize('more', [{}, {'relabel': RelabelConfig(future=0.8)}, {'n_step': 3}])
def test_empty_replay(more: dict[str, Any]) -> None:
    goals = {name: EntrySpec((3,)) for name in ('achieved_goal', 'desired_goal')}
    config = LearnerConfig(capacity=100, gamma=0.9, **more)
    sources = make_sources(config, DataSpec(goals, 2), tuple(goals))
    with pytest.raises(InputError, match='replay: no transition stored yet'):
        sources.mixture.sample(8, np.random.default_rng(0))
    with pytest.raises(InputError, match='no transition'):
        make_sampler(config, sources.online).sample(8, np.random.default_rng(0))


@pytest.mark.parametrize(('own', 'other'), [('sac', 'td3'), ('ddpg', 'sac'), ('iql', 'awac')])
def test_checkpoint_of_another_agent(own: str, other: str) -> None:
    """By name where the files differ, by algorithm where they have the same name."""
    made = {}
    for algorithm in (own, other):
        settings = weights.settings_json(algorithm, SPEC)
        run = RunInfo('r', 'reach', 'sawyer', 'mine', 0, 10.0, settings)
        config = agent_of(algorithm)
        made[algorithm] = Learner(config.learner, config.make(SPEC, 0), SPEC, run)
    before = made[own].weights().sha256
    with pytest.raises(InputError) as caught:
        made[own].restore(made[other].checkpoint(), 'runs/7')
    wanted = f"runs/7: settings.agent: expected '{own}', got '{other}'"
    assert str(caught.value) == wanted
    assert made[own].weights().sha256 == before
