# SPDX-License-Identifier: Apache-2.0
"""BC, AWAC and IQL on data sets of five kinds, then AWAC and IQL online: tables 1-2 of Nair 2022.

Data are made first, see `offline_data.py`. The learner is the graph's: the data set is its
demonstrations, the offline phase its `offline_updates`; then the same learner and the same update
go on with three quarters of each batch from the data set and the rest from new steps. Scores are
normalised: 0 is random, 100 the expert. Each finished run is a line of the file of results, which
is read again on the next start, so that a table may grow run by run. The last line is one JSON
object.
"""

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import curves, offline_data
from benchmarks.offline_data import EVALUATION_SEED, MIXED, SETS, TASKS, Scale
from robot_rl.agents import AGENTS
from robot_rl.learning.config import DemonstrationConfig, LearnerConfig
from robot_rl.learning.learner import Learner, RunInfo
from robot_rl.models.training import configure_process
from robot_rl.ranges import non_negative
from sim_bridge.direct import evaluate, train_episode
from sim_bridge.gym_host import GymHost

_NETWORKS = {'hidden': (64, 64), 'learning_rate': 1e-3, 'device': 'cpu'}
_VALUES = _NETWORKS | {'gamma': 0.98, 'tau': 0.01}
#: Algorithm and hyperparameters, the same for all data sets of both tasks.
AGENT_CONFIGS: dict[str, dict[str, Any]] = {
    'bc': _NETWORKS | {'policy': 'gaussian', 'normalize': False, 'min_std': 0.05},
    'awac': _VALUES | {'temperature': 0.1, 'tau': 0.02, 'critics': 5},
    'iql': _VALUES | {'expectile': 0.9, 'inverse_temperature': 10.0, 'weight_limit': 3.0},
}
_BATCH = 128
_DATA_SEED = 0


@dataclass(frozen=True)
class Budget:
    """How long the phases are, and how the second is looked at.

    Attributes:
        offline: updates before the first online step; 0 for the task's own.
        online: steps, with one update each.
        every: online steps between two evaluations.
        episodes: of each evaluation, always from the same start states.
        share: of each online batch that comes from the data set.
    """

    offline: int = 0
    online: int = 1500
    every: int = 250
    episodes: int = 20
    share: float = 0.75


@dataclass
class Run:
    """What one seed of one algorithm reached on one data set; scores are normalised.

    Attributes:
        task: key of `TASKS`.
        data: key of `SETS`.
        agent: key of `AGENT_CONFIGS`.
        seed: of networks, noise and batches.
        offline: score at the end of the offline phase.
        online: scores at the evaluations that follow.
        wall_s: seconds that the run took.
    """

    task: str
    data: str
    agent: str
    seed: int
    offline: float = 0.0
    online: list[float] = field(default_factory=list)
    wall_s: float = 0.0

    @property
    def key(self) -> tuple[str, str, str, int]:
        """Which run it is."""
        return self.task, self.data, self.agent, self.seed

    @property
    def dip(self) -> float:
        """How far below the offline score any later one lies; at least 0."""
        return max(0.0, self.offline - min(self.online, default=self.offline))


def play(run: Run, folder: Path, scale: Scale, budget: Budget) -> Run:
    """Carries one run out."""
    started, goes_on, task = time.monotonic(), run.agent != 'bc', TASKS[run.task]
    share = budget.share if goes_on else 1.0
    updates = budget.offline or task.offline_updates
    data = DemonstrationConfig(str(folder / f'{run.data}.npz'), share)
    config = LearnerConfig(_BATCH, warmup_steps=budget.every, capacity=budget.online + 1000)
    config = replace(config, demonstrations=data, offline_updates=updates)
    algorithm = AGENTS[run.agent]
    with closing(task.make()) as env, closing(task.make()) as testing:
        host = GymHost(env, run.seed)
        agent = algorithm(algorithm.Config(**AGENT_CONFIGS[run.agent]), host.spec, run.seed)
        info = RunInfo('', run.task, '', run.agent, run.seed, 20.0, '')
        learner = Learner(config, agent, host.spec, info)

        def score() -> float:
            found = evaluate(GymHost(testing, EVALUATION_SEED), agent, budget.episodes)
            return round(scale.score(found.mean_return), 1)

        while learner.owed:
            learner.update()
        run.offline = score()
        while goes_on and learner.statistics.env_steps < budget.online:
            train_episode(host, agent, learner, run.seed)
            if learner.statistics.env_steps >= budget.every * (len(run.online) + 1):
                run.online.append(score())
    run.wall_s = round(time.monotonic() - started, 1)
    return run


def table(runs: list[Run]) -> str:
    """Scores as a Markdown table, a row a data set, mean and deviation over seeds."""
    agents = [a for a in AGENT_CONFIGS if any(r.agent == a for r in runs)]
    heads = ['BC' if a == 'bc' else f'{a.upper()} offline → online (deepest dip)' for a in agents]
    rows = ['| task, data | seeds | ' + ' | '.join(heads) + ' |', '|---' * (len(heads) + 2) + '|']
    for (task, data), group in _groups(runs):
        cells = [_cell([r for r in group if r.agent == agent]) for agent in agents]
        seeds = len({r.seed for r in group})
        rows.append(f'| {task}, {data} | {seeds} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(rows)


def _groups(runs: list[Run]) -> Iterator[tuple[tuple[str, str], list[Run]]]:
    for task in TASKS:
        for data in SETS:
            if group := [r for r in runs if (r.task, r.data) == (task, data)]:
                yield (task, data), group


def _cell(runs: list[Run]) -> str:
    if not runs:
        return '-'
    text = _spread([r.offline for r in runs])
    if not runs[0].online:
        return text
    return f'{text} → {_spread([r.online[-1] for r in runs])} ({max(r.dip for r in runs):.1f})'


def _spread(values: list[float]) -> str:
    return f'{np.mean(values):.1f} ± {np.std(values):.1f}'


def summary(runs: list[Run]) -> dict[str, Any]:
    """How far IQL is above BC on its worst mixed set, and the deepest dip of any run."""
    gains = {}
    for (task, data), group in _groups(runs):
        found = {a: [r.offline for r in group if r.agent == a] for a in ('bc', 'iql')}
        if data in MIXED and all(found.values()):
            gains[f'{task} {data}'] = float(np.mean(found['iql']) - np.mean(found['bc']))
    worst = round(min(gains.values()), 1) if gains else None
    result: dict[str, Any] = {'name': 'offline', 'value': worst, 'peer': 'bc'}
    result |= {'unit': 'score of IQL above BC on the worst mixed set'}
    dips = {a: max((r.dip for r in runs if r.agent == a), default=0.0) for a in ('awac', 'iql')}
    return result | {'gains': gains, 'deepest_dip': dips}


def main(argv: list[str]) -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(prog='robot-rl bench offline', description=__doc__)
    parser.add_argument('--tasks', choices=TASKS, nargs='+', default=list(TASKS))
    parser.add_argument('--sets', choices=SETS, nargs='+', default=list(SETS))
    parser.add_argument('--agents', choices=AGENT_CONFIGS, nargs='+', default=list(AGENT_CONFIGS))
    parser.add_argument('--seeds', type=non_negative, nargs='*', default=[0, 1, 2])
    parser.add_argument('--steps', type=int, default=8000, help='of each data set')
    parser.add_argument(
        '--updates', type=non_negative, default=0, help="offline ones; default: the task's own"
    )
    parser.add_argument('--data', type=Path, default=Path('offline_data'), help='folder of data')
    parser.add_argument('--out', type=Path, default=Path('offline.jsonl'), help='file of results')
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    configure_process(1)
    wanted = (
        (task, data, agent, seed)
        for task, data, seed, agent in product(
            options.tasks, options.sets, options.seeds, options.agents
        )
    )

    def carry_out(task: str, data: str, agent: str, seed: int) -> Run:
        scale = _scale(options.data / task, task, options.steps)
        run = play(
            Run(task, data, agent, seed), options.data / task, scale, Budget(options.updates)
        )
        print(run, flush=True)
        return run

    done = curves.complete(options.out, Run, wanted, carry_out)
    print(table(done))
    options.out.with_suffix('.md').write_text(table(done) + '\n')
    print(json.dumps(summary(done)))
    return 0


def _scale(folder: Path, task: str, steps: int) -> Scale:
    """The scale of a task's scores; makes its data where they are missing."""
    path = folder / 'scale.json'
    if not path.is_file():
        print(f'{task}: making data', flush=True)
        scale = offline_data.make_data(TASKS[task], folder, steps, _DATA_SEED)
        path.write_text(json.dumps(asdict(scale)))
    return Scale(**json.loads(path.read_text()))
