# SPDX-License-Identifier: Apache-2.0
"""USB insertion by residual SAC through the graph: a table over seeds, and their curves.

Trains each seed as `robot-rl train` does, or reads finished runs (`--from`). Prints the table of
docs/results.md; the last line is one JSON object.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from benchmarks import curves
from robot_rl.errors import InputError
from robot_rl.ranges import non_negative
from robot_rl.report.curve import moving_average
from robot_rl.report.metrics import read_metrics
from robot_rl.report.summary import Summary, read_summary
from sim_bridge import train

COLUMNS = {
    'seed': '{:d}',
    'success_rate': '{:.0%}',
    'success_rate_sampled_action': '{:.0%}',
    'success_rate_mean_action': '{:.0%}',
    'base_success_rate': '{:.0%}',
    'deployed': '{}',
    'mean_cycle_s': '{:.2f}',
    'env_steps': '{:d}',
    'robot_minutes': '{:.1f}',
    'wall_s': '{:.0f}',
    'lockstep_steps_per_s': '{:.0f}',
    'updates_per_s': '{:.0f}',
    'updates_per_step': '{:.2f}',
    'safety_interventions': '{:d}',
}


def train_seed(seed: int, steps: int, runs: Path) -> Path:
    """Trains one seed; the folder of its run."""
    before = set(runs.glob('*'))
    arguments = ['--seed', str(seed), '--steps', str(steps), '--runs', str(runs)]
    if status := train.main(arguments):
        raise InputError(f'seed {seed}: training ended with status {status}')
    return next(iter(set(runs.glob('*')) - before))


def table(summaries: list[Summary]) -> str:
    """The runs as a Markdown table, a column each."""
    rows = ['| | ' + ' | '.join(f'seed {s.seed}' for s in summaries) + ' |']
    rows.append('|---' * (len(summaries) + 1) + '|')
    for name, form in COLUMNS.items():
        values = (getattr(s, name) for s in summaries)
        cells = ('-' if value is None else form.format(value) for value in values)
        rows.append(f'| {name} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(rows)


def draw(path: Path, runs: list[Path], summaries: list[Summary]) -> None:
    """Success of the last 20 episodes against robot-minutes, a line a seed."""
    with curves.figure(path) as (axes,):
        for run, summary in zip(runs, summaries, strict=True):
            rows = read_metrics(run / 'metrics.jsonl')
            minutes = np.array([row['robot_minutes'] for row in rows])
            success = np.array([row['success'] for row in rows], np.float64)
            axes.plot(minutes, 100 * moving_average(success, 20), label=f'seed {summary.seed}')
            base = 100 * summary.base_success_rate
            axes.axhline(base, color='0.6', linestyle='--', linewidth=0.8)
        axes.set(xlabel='robot time, minutes', ylabel='success of the last 20, %', ylim=(0, 103))
        axes.legend(loc='lower right')


def main(argv: list[str]) -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(prog='robot-rl bench usb_insertion', description=__doc__)
    parser.add_argument('--seeds', type=non_negative, nargs='+', default=[0, 1, 2])
    parser.add_argument('--steps', type=int, default=12_000)
    parser.add_argument('--runs', type=Path, default=Path('runs'), help='folder of the runs')
    parser.add_argument('--from', type=Path, nargs='+', dest='finished', help='finished runs')
    parser.add_argument('--plot', type=Path, default=Path('usb_insertion.png'))
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    runs = options.finished or [train_seed(s, options.steps, options.runs) for s in options.seeds]
    summaries = [read_summary(run / 'summary.json') for run in runs]
    draw(options.plot, runs, summaries)
    print(table(summaries))
    rates = [s.success_rate for s in summaries]
    result = {'name': 'usb_insertion', 'value': min(rates), 'unit': 'success rate, worst seed'}
    peer = {'peer': 'base controller', 'peer_value': max(s.base_success_rate for s in summaries)}
    print(json.dumps(result | peer | {'ratio': round(min(rates) / peer['peer_value'], 3)}))
    return 0
