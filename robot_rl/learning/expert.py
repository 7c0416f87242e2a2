# SPDX-License-Identifier: Apache-2.0
"""Experts that label what a student visits: the policies of finished training runs."""

import dataclasses
import json
from pathlib import Path
from typing import Any, cast

from robot_rl.agents import Agent
from robot_rl.config import parse
from robot_rl.errors import InputError
from robot_rl.learning.checkpoint import load_latest
from robot_rl.learning.config import load_agent
from robot_rl.learning.learner import RunInfo
from robot_rl.replay import meaning
from robot_rl.types import DataSpec


def teach(agent: Agent, run: RunInfo) -> None:
    """Gives a student the expert that its configuration names; leaves other agents alone.

    Args:
        agent: any agent.
        run: the student's.

    Raises:
        InputError: names the checkpoint, and what of it does not fit.
    """
    if expert := getattr(getattr(agent, 'config', None), 'expert', ''):
        cast(Any, agent).teach(load_expert(expert, run))


def load_expert(checkpoint: str, student: RunInfo) -> Agent:
    """The policy of the newest good checkpoint in a folder, on the CPU: made to act.

    Its observations may be other ones than the student's, its actions may not.

    Raises:
        InputError: no checkpoint there, or one whose actions mean something else or follow
            from a memory.
    """
    found, path = load_latest(Path(checkpoint), only=('policy',))
    try:
        run = RunInfo(**found.meta['run_info'])
    except (KeyError, TypeError) as error:
        raise InputError(f'{path}: not a checkpoint of a training run: {error}') from error
    settings = json.loads(run.settings)
    meaning.check(json.loads(student.settings), settings, f'{path}: expert')
    spec = parse(DataSpec, {k: settings[k] for k in ('entries', 'action_size')}, str(path))
    loaded = load_agent(run.agent)
    if getattr(loaded.agent, 'cells', 0):
        raise InputError(
            f'{path}: expert: expected a policy without memory, as it labels steps out of their '
            f'order; agent {run.agent} has cells'
        )
    on_cpu = dataclasses.replace(loaded.agent, device='cpu')
    expert = dataclasses.replace(loaded, agent=on_cpu).make(spec, run.seed)
    expert.load_policy_state(found.files['policy'])
    return expert
