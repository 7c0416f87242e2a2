# SPDX-License-Identifier: Apache-2.0
"""What a run leaves behind: evaluation, `summary.json`, `curve.png` and `rollout.mp4`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from robot_rl.control.robot import load_robot
from robot_rl.episodes.episode import Limits
from robot_rl.errors import InputError
from robot_rl.learning.checkpoint import set_deployed
from robot_rl.report.curve import Curve, draw_curve
from robot_rl.report.metrics import read_metrics
from robot_rl.report.summary import Summary, write_summary
from robot_rl.report.video import Frame, overlay, side_by_side, write_video
from robot_rl.task import TaskConfig
from sim_bridge.evaluate import (
    EVALUATION_SEED,
    Plan,
    Result,
    make_player,
    make_task,
    play_all,
)
from sim_bridge.host import DirectHost

EPISODES = 50
FILMED = 3
VIEWS = ('overview', 'closeup')
HEIGHT, WIDTH = 360, 480


def report(run: Path, task: TaskConfig, seed: int, wall_s: float) -> Summary:
    """Evaluates the run's last checkpoint on new episodes and writes everything a person reads.

    The policy is played by samples and by its mean, the base controller on the same episodes;
    the better of the two is deployed, the mean where they are equal.
    """
    episodes = read_metrics(run / 'metrics.jsonl')
    checkpoint = str(run / 'checkpoints')
    plans = {
        how: Plan(checkpoint, task.name, how, EPISODES, EVALUATION_SEED + seed)
        for how in ('sample', 'mean', 'zero')
    }
    results = dict(zip(plans, play_all(list(plans.values())), strict=True))
    summary = _summary(run, task, seed, wall_s, results)
    write_summary(run / 'summary.json', summary)
    set_deployed(checkpoint, summary.deployed)
    _draw(run, task, episodes, summary)
    _film(run, plans['zero'], plans[summary.deployed])
    print(_tell(run, summary), flush=True)
    return summary
