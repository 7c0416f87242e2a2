# SPDX-License-Identifier: Apache-2.0
"""Learning curves of SAC, TD3 and DDPG by written-out derivatives and by autograd, side by side.

The former twice, compiled and not. All paths draw the same networks, noise and batches from a
seed, but round differently, so that their runs part after some hundred updates. What must not
differ is what they learn: the bench trains each algorithm on each task each way and compares the
means over seeds with the spread between seeds. Each finished run is a line of the file of
results, which is read again on the next start. The last line is one JSON object.
"""

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import curves
from benchmarks.offline_data import TASKS, learn
from robot_rl.agents import AGENTS
from robot_rl.models.training import configure_process
from robot_rl.ranges import at_least_one, non_negative
from sim_bridge.gym_host import GymHost

_COMMON = {'hidden': (64, 64), 'learning_rate': 1e-3, 'gamma': 0.98, 'device': 'cpu'}
#: Algorithms and the hyperparameters of all paths.
AGENT_CONFIGS: dict[str, dict[str, Any]] = {
    'sac': _COMMON,
    'td3': _COMMON,
    'ddpg': _COMMON | {'target_every': 1, 'tau': 0.005, 'normalize': False},
}
#: Ways to take an update's step, and what chooses them.
PATHS: dict[str, dict[str, bool]] = {
    'compiled': {'compiled': True},
    'fast': {},
    'autograd': {'fast': False},
}
_LAST = 4  # looks that count as the end


@dataclass
class Run:
    """What one seed reached.

    Attributes:
        task: key of `TASKS`.
        agent: key of `AGENT_CONFIGS`.
        path: one of `PATHS`.
        seed: of networks, noise, starts and batches.
        returns: mean return at each look, as often as its task says.
        wall_s: seconds that the run took.
    """

    task: str
    agent: str
    path: str
    seed: int
    returns: list[float] = field(default_factory=list)
    wall_s: float = 0.0

    @property
    def key(self) -> tuple[str, str, str, int]:
        """Which run it is."""
        return self.task, self.agent, self.path, self.seed

    @property
    def end(self) -> float:
        """The mean of the last looks."""
        return float(np.mean(self.returns[-_LAST:]))


def train(run: Run, steps: int) -> Run:
    """Carries one run out, so many environment steps long."""
    started, task = time.monotonic(), TASKS[run.task]
    algorithm = AGENTS[run.agent]
    settings = AGENT_CONFIGS[run.agent] | PATHS[run.path]
    with closing(task.make()) as env:
        host = GymHost(env, run.seed)
        agent = algorithm(algorithm.Config(**settings), host.spec, run.seed)
        looks = learn(task, host, agent, steps, run.seed)
        run.returns = [round(mean_return, 2) for _, mean_return in looks]
    run.wall_s = round(time.monotonic() - started, 1)
    return run


def groups(runs: list[Run]) -> Iterator[tuple[str, str, dict[str, list[Run]]]]:
    """Task, algorithm, and its runs by path, in the order of seeds."""
    for task, agent in product(TASKS, AGENT_CONFIGS):
        own = (r for r in runs if (r.task, r.agent) == (task, agent))
        found = sorted(own, key=lambda r: r.seed)
        if found:
            yield task, agent, {path: [r for r in found if r.path == path] for path in PATHS}


def table(runs: list[Run]) -> str:
    """The return at the end by seed, a row an algorithm and a task."""
    rows = ['| task, agent | ' + ' | '.join(f'{p}: at the end' for p in PATHS) + ' |']
    rows.append('|---' * (1 + len(PATHS)) + '|')
    for task, agent, by_path in groups(runs):
        cells = [', '.join(f'{run.end:.1f}' for run in by_path[path]) for path in PATHS]
        rows.append(f'| {task}, {agent} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(rows)


def summary(runs: list[Run]) -> dict[str, Any]:
    """The largest difference of any two paths' means, in standard errors over seeds."""
    found: list[float] = []
    for *_, by_path in groups(runs):
        ends = [np.array([run.end for run in by_path[path]]) for path in PATHS]
        for one, other in combinations([e for e in ends if len(e) > 1], 2):
            spread = np.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))
            found.append(float(abs(one.mean() - other.mean()) / max(spread, 1e-9)))
    result = {'name': 'fast_path', 'unit': 'standard errors between two paths, worst of pairs'}
    return result | {'value': round(max(found), 2) if found else None, 'pairs': len(found)}


def draw(path: Path, runs: list[Run]) -> None:
    """Returns against environment steps: a picture a task and algorithm, a colour a path."""
    found = list(groups(runs))
    with curves.figure(path, len(found)) as places:
        for axes, (task, agent, by_path) in zip(places, found, strict=True):
            for number, name in enumerate(PATHS):
                for run in by_path[name]:
                    steps = TASKS[task].every * np.arange(1, len(run.returns) + 1)
                    label = name if run is by_path[name][0] else None
                    axes.plot(steps, run.returns, color=f'C{number}', alpha=0.8, label=label)
            axes.set(xlabel='environment steps', ylabel='return', title=f'{task}, {agent}')
            axes.legend(loc='lower right')


def main(argv: list[str]) -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(prog='robot-rl bench fast_path', description=__doc__)
    parser.add_argument('--tasks', choices=TASKS, nargs='+', default=list(TASKS))
    parser.add_argument('--agents', choices=AGENT_CONFIGS, nargs='+', default=list(AGENT_CONFIGS))
    parser.add_argument('--seeds', type=non_negative, nargs='*', default=[0, 1, 2])
    parser.add_argument('--steps', type=at_least_one, default=6000, help='of each run')
    parser.add_argument('--out', type=Path, default=Path('fast_path.jsonl'), help='results')
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    configure_process(1)

    def carry_out(task: str, agent: str, path: str, seed: int) -> Run:
        run = train(Run(task, agent, path, seed), options.steps)
        print(run, flush=True)
        return run

    wanted = product(options.tasks, options.agents, PATHS, options.seeds)
    done = curves.complete(options.out, Run, wanted, carry_out)
    print(table(done))
    draw(options.out.with_suffix('.png'), done)
    print(json.dumps(summary(done)))
    return 0
