# SPDX-License-Identifier: Apache-2.0
"""Lists every task with its robot, sizes, horizon, rates and reward."""

import argparse
import importlib
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from robot_rl import resources
from robot_rl.rewards.config import RewardConfig
from robot_rl.task import data_spec, load_task, robot_of
from robot_rl.types import RAW_ENTRIES
from sim_bridge.experts import EXPERTS


def row(name: str) -> dict[str, Any]:
    """What there is to know of a task without simulating it."""
    task = load_task(name)
    spec = data_spec(task, robot_of(task))
    own = {n: list(e.shape) for n, e in spec.entries.items() if n not in RAW_ENTRIES}
    return {
        'name': task.name,
        'robot': task.robot,
        'scene': task.scene,
        'observation': own,
        'goal': spec.entries['desired_goal'].shape[0],
        'action': list(task.action.axes),
        'horizon': task.horizon,
        'action_hz': task.rates.action_hz,
        'rewards': list(kinds(task.reward)),
        'expert': task.scene in EXPERTS,
    }


def kinds(reward: RewardConfig) -> tuple[str, ...]:
    """A task's own kind of reward first, then those that it can be given instead."""
    if reward.goal is None:
        return (reward.kind,)
    own = reward.goal.kind
    parts = ('step',) if reward.goal.part else ()
    others = ('sparse', 'binary', 'dense', *parts)
    return (own, *(kind for kind in others if replace(reward.goal, kind=kind) != reward.goal))


def main(argv: list[str]) -> int:
    """The command; with `--json` the last line is one object."""
    parser = argparse.ArgumentParser(prog='robot-rl tasks', description=__doc__)
    parser.add_argument('--json', action='store_true', help='one JSON object')
    parser.add_argument(
        '--pictures', type=Path, help='folder to draw the tasks into, and name of the page'
    )
    parser.add_argument('--rates', type=Path, help='file with lines of `expert --json`')
    parser.add_argument('--episodes', type=int, default=0, help='to measure other experts with')
    options = parser.parse_args(argv)
    if options.pictures:
        gallery = importlib.import_module('sim_bridge.gallery')  # needs all of the simulation
        rates = gallery.read_rates(options.rates) if options.rates else {}
        print(gallery.write(options.pictures, rates, options.episodes, print))
        return 0
    rows = [row(name) for name in resources.names('config/tasks')]
    if options.json:
        print(json.dumps({'tasks': rows}))
        return 0
    for r in rows:
        size = sum(math.prod(shape) for shape in r['observation'].values())
        action = len(r['action'])
        print(
            f'{r["name"]:<26} {r["robot"]:<8} observation {size:<4} action {action}  '
            f'{r["horizon"]:>4} steps at {r["action_hz"]:g} Hz  {", ".join(r["rewards"])}'
        )
    return 0
