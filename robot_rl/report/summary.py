# SPDX-License-Identifier: Apache-2.0
"""The figures of one run, `summary.json`."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from robot_rl import config
from robot_rl.errors import InputError
from robot_rl.report.files import write_text


@dataclass(frozen=True)
class Summary:
    """What a run reached, at what cost.

    Attributes:
        task: name of the task.
        robot: name of the robot.
        agent: name of the agent.
        seed: of the run.
        env_steps: actions taken while training.
        robot_minutes: their duration on the robot's clock, min.
        wall_s: duration of the run on the wall, s.
        success_rate: share of evaluation episodes solved by the policy as it is deployed.
        success_rate_mean_action: the same with the mean action.
        success_rate_sampled_action: the same with a sampled action.
        base_success_rate: the same episodes with the residual off.
        deployed: whether the deployed policy samples its action or takes the mean.
        mean_cycle_s: mean duration of the solved evaluation episodes, robot time, s; none
            where no episode was solved.
        safety_interventions: control periods of the training in which safety changed the
            command.
        lockstep_steps_per_s: actions a second of wall time while training in lock step; none
            in real time.
        updates_per_s: gradient updates a second of wall time.
        updates_per_step: gradient updates for each action.
        evaluation_episodes: episodes behind each rate.
        commit: of the source tree; empty where it is not known.
    """

    task: str
    robot: str
    agent: str
    seed: int
    env_steps: int
    robot_minutes: float
    wall_s: float
    success_rate: float
    success_rate_mean_action: float
    success_rate_sampled_action: float
    base_success_rate: float
    deployed: Literal['sample', 'mean']
    mean_cycle_s: float | None
    safety_interventions: int
    lockstep_steps_per_s: float | None
    updates_per_s: float
    updates_per_step: float
    evaluation_episodes: int = 50
    commit: str = ''

    def __post_init__(self) -> None:
        """Refuses rates outside of 0 to 1 and figures that are not finite."""
        for name, value in vars(self).items():
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f'{name}: expected a finite number, got {value}')
            if 'success_rate' in name and not 0 <= value <= 1:
                raise ValueError(f'{name}: expected 0 to 1, got {value}')


def write_summary(path: str | Path, summary: Summary) -> None:
    """Writes the summary as JSON, whole or not at all.

    Raises:
        InputError: the file can't be written.
    """
    write_text(path, json.dumps(config.to_dict(summary), indent=2) + '\n')


def read_summary(path: str | Path) -> Summary:
    """Reads a summary back.

    Raises:
        InputError: names the file, and the key where one is missing, unknown or wrong.
    """
    try:
        data = json.loads(Path(path).read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise InputError(f'{path}: {error}') from error
    return config.parse(Summary, data, str(path))
