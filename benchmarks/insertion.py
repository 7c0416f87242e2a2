# SPDX-License-Identifier: Apache-2.0
"""Insertion from 32x32 gray pictures with a goal picture's reward (Nair 2022, figure 27).

USB, D-Sub and Model-E, three seeds, in the direct host:

    | variant | what it is |
    |---|---|
    | `p_controller` | the base controller alone |
    | `residual_sac`, `residual_td3` | over the base controller |
    | `sac`, `td3` | without a base controller: the pictures alone say where the socket is |
    | `lfd` | `td3` with a cloning loss on demonstrations of the scripted expert |

All are trained with the goal error of the task and played without noise, with the goal known
exactly and with that error. A finished run is a line of the file of results and is not run again.
The last line is one JSON object.
"""

import argparse
import json
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks import curves
from benchmarks.curves import Length
from benchmarks.insertion_runs import Outcome, measure_base, train
from robot_rl.models.training import configure_process
from robot_rl.ranges import at_least_one, non_negative
from robot_rl.task import load_task

TASKS = tuple(f'{name}_insertion_image' for name in ('usb', 'dsub', 'model_e'))
VARIANTS = ('p_controller', 'residual_sac', 'residual_td3', 'sac', 'td3', 'lfd')
#: Success with the exact goal and with an error of 1 mm in the thesis, by pictures.
THESIS = {
    'usb_insertion_image': {
        'residual_sac': (1.0, 0.8),
        'sac': (0.36, 0.32),
        'td3': (0.28, 0.28),
        'lfd': (0.88, 0.6),
    },
    'dsub_insertion_image': {
        'p_controller': (1.0, 0.44),
        'residual_sac': (1.0, 0.64),
        'residual_td3': (0.52, 0.52),
        'sac': (0.0, 0.0),
        'td3': (0.12, 0.12),
        'lfd': (0.52, 0.52),
    },
    'model_e_insertion_image': {
        'p_controller': (0.52, 0.24),
        'residual_sac': (1.0, 0.76),
        'residual_td3': (0.0, 0.0),
        'sac': (0.0, 0.0),
        'td3': (0.0, 0.0),
        'lfd': (0.2, 0.2),
    },
}


def table(found: list[Outcome]) -> str:
    """Means over the seeds, least in brackets, beside what the thesis reports."""
    rows = ['| task | variant | seeds | steps | exact goal | thesis | error of 1 mm | thesis |']
    rows.append('|---' * 8 + '|')
    for task in TASKS:
        for variant in VARIANTS:
            own = [f for f in found if (f.task, f.variant) == (task, variant)]
            if not own:
                continue
            cells = [task.removesuffix('_insertion_image'), variant, len(own)]
            cells.append(own[0].steps[-1] if own[0].steps else '-')
            for name, thesis in zip(
                ('perfect', 'noisy'), THESIS[task].get(variant, (None, None)), strict=True
            ):
                rates = [getattr(f, name) for f in own]
                cells.append(f'{np.mean(rates):.0%} ({min(rates):.0%})')
                cells.append('-' if thesis is None else f'{thesis:.0%}')
            rows.append('| ' + ' | '.join(map(str, cells)) + ' |')
    return '\n'.join(rows)


def main(argv: list[str]) -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(prog='robot-rl bench insertion', description=__doc__)
    parser.add_argument('--tasks', nargs='+', choices=TASKS, default=list(TASKS))
    parser.add_argument('--variants', nargs='*', choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument('--seeds', type=non_negative, nargs='+', default=[0, 1, 2])
    parser.add_argument('--steps', type=at_least_one, default=12_000)
    parser.add_argument('--every', type=at_least_one, default=2_000, help='steps to evaluate at')
    parser.add_argument('--episodes', type=at_least_one, default=50, help='of the last evaluation')
    parser.add_argument('--threads', type=at_least_one, default=1)
    parser.add_argument('--out', type=Path, default=Path('insertion.jsonl'), help='of results')
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    configure_process(options.threads)
    length = Length(options.steps, options.every, options.episodes)
    wanted = (
        (name, variant, seed)
        for seed, variant, name in product(options.seeds, options.variants, options.tasks)
    )

    def carry_out(name: str, variant: str, seed: int) -> Outcome:
        task = load_task(name)
        if variant == 'p_controller':
            return measure_base(task, seed, options.episodes)
        return train(task, variant, seed, length)

    found = curves.complete(options.out, Outcome, wanted, carry_out)
    print(table(found))
    best = [f.perfect for f in found if f.variant == 'residual_sac']
    worst = min(best) if best else None
    print(json.dumps({'name': 'insertion', 'value': worst, 'unit': 'success, exact goal, worst'}))
    return 0
