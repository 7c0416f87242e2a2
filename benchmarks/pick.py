# SPDX-License-Identifier: Apache-2.0
"""Fetch picks a block up, from colour and depth of 48x48: asymmetric against symmetric.

The third column of Pinto et al. 2017, figures 5 and 6, with demonstrations of the scripted expert.
The goal is a picture of the block there; half of the episodes begin with the block in the gripper.

    | variant | what it is |
    |---|---|
    | `asym_her` | DDPG + HER, the actor sees pictures, the critic the state; with bottleneck |
    | `asym_her_plain` | the same without bottleneck |
    | `sym_her` | without bottleneck, and the critic sees pictures, too |

Looks do not vary. A finished run is one line of the file of results and is not run again. The last
line is one JSON object.
"""

import argparse
import json
import time
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks import curves, images, transfer
from benchmarks.curves import Length
from robot_rl.errors import InputError
from robot_rl.learning.config import AgentConfig, DemonstrationConfig, LearnerConfig, load_agent
from robot_rl.looks import LooksConfig
from robot_rl.models.training import configure_process
from robot_rl.ranges import at_least_one, non_negative
from robot_rl.replay.step_file import write_steps
from robot_rl.task import TaskConfig, load_task
from sim_bridge import expert
from sim_bridge.evaluate import two_at_a_time

TASK = 'fetch_pick_image'
VARIANTS = ('asym_her', 'asym_her_plain', 'sym_her')
SIZE = 48  # pixels
PART = 12, 2, 74, 74  # x, y, width, height of the part that is used, of 96 x 96
DEMONSTRATION_SEED = 2_000_003
FILE_EPISODES = 250  # of a file of demonstrations
#: Share of episodes that begin grasped, by what is asked of them.
STARTS = {'half': 0.5, 'table': 0.0, 'grasped': 1.0}


@dataclass
class Outcome:
    """What one run reached.

    Attributes:
        variant: a name of the table above.
        seed: of the run.
        steps: environment steps at each evaluation on the way.
        success: success there; half of the episodes begin grasped.
        trials: episodes of each evaluation at the end.
        last: success at the end by `STARTS`.
        cpu_s: processor time of the whole run, s.
    """

    variant: str
    seed: int
    steps: list[int]
    success: list[float]
    trials: int
    last: dict[str, float] = field(default_factory=dict)
    cpu_s: float = 0.0

    @property
    def key(self) -> tuple[str, int]:
        """What tells a run from others."""
        return self.variant, self.seed


def small(task: TaskConfig) -> TaskConfig:
    """The task in pictures that a processor learns from, true depth, looks that do not vary."""
    seen = {'size': (SIZE, SIZE), 'crop': PART, 'holes': None}
    cameras = tuple(replace(camera, **seen) for camera in task.cameras)
    return replace(task, cameras=cameras, looks=LooksConfig())


def beginning(task: TaskConfig, grasped: float) -> TaskConfig:
    """The task with this share of episodes that begin with the block in the gripper."""
    return replace(task, scene_options=task.scene_options | {'grasped': grasped})


def demonstrated(base: AgentConfig, task: TaskConfig, path: Path, episodes: int) -> AgentConfig:
    """The agent with demonstrations: a file, or a folder that the scripted expert fills first.

    Raises:
        InputError: the agent does not learn from demonstrations.
    """
    learner = base.learner
    if not (isinstance(learner, LearnerConfig) and learner.demonstrations):
        raise InputError(f'bench pick: --agent: expected one with demonstrations, got {base.name}')
    if path.suffix != '.npz':
        record(task, path, episodes)
    shown = DemonstrationConfig(str(path), learner.demonstrations.share)
    return replace(base, learner=replace(learner, demonstrations=shown))


def record(task: TaskConfig, folder: Path, episodes: int) -> None:
    """Writes the files of a folder that are not there yet, in two processes."""
    files = [
        Demonstrations(task, folder / f'{first}.npz', min(FILE_EPISODES, episodes - first), first)
        for first in range(0, episodes, FILE_EPISODES)
    ]
    missing = [file for file in files if not file.path.is_file()]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        solved = sum(two_at_a_time(Demonstrations.record, missing))
        count = sum(file.episodes for file in missing)
        print(f'{folder}: {count} episodes of the expert, {solved} solved', flush=True)


@dataclass(frozen=True)
class Demonstrations:
    """One file of demonstrations.

    Attributes:
        task: that is played.
        path: of the file.
        episodes: in it.
        first: number of its first episode, which it is seeded with.
    """

    task: TaskConfig
    path: Path
    episodes: int
    first: int

    def record(self) -> int:
        """Writes it; how many of its episodes are solved."""
        played = expert.play(self.task, self.episodes, DEMONSTRATION_SEED + self.first)
        write_steps(self.path, played.steps, played.settings)
        return sum(played.success)


def train(task: TaskConfig, variant: str, base: AgentConfig, seed: int, length: Length) -> Outcome:
    """Trains one run, evaluating on the way, and plays it at its end from each kind of start."""
    began = time.process_time()
    agent, curve = images.train(task, variant, base, seed, length)
    found = Outcome(variant, seed, curve.steps, curve.success, length.episodes)
    found.cpu_s = round(time.process_time() - began, 1)
    for name, grasped in STARTS.items():
        starts = (beginning(task, grasped),)
        found.last[name] = transfer.measure(agent, starts, length.episodes, 2000 + seed)
    print(json.dumps({'variant': variant, 'seed': seed} | found.last), flush=True)
    return found


def table(found: list[Outcome]) -> str:
    """A row a run."""
    rows = [f'| variant | seed | steps | CPU, min | best | {" | ".join(STARTS)} |']
    rows.append('|---' * (5 + len(STARTS)) + '|')
    for run in sorted(found, key=lambda f: (VARIANTS.index(f.variant), f.seed)):
        cells = [run.variant, str(run.seed), str(run.steps[-1]), f'{run.cpu_s / 60:.0f}']
        cells += [f'{rate:.0%}' for rate in (max(run.success), *run.last.values())]
        rows.append(f'| {" | ".join(cells)} |')
    return '\n'.join(rows)


def main(argv: list[str]) -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(prog='robot-rl bench pick', description=__doc__)
    parser.add_argument('--variants', nargs='*', choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument('--agent', default='ddpg_pick_image_small', help='name, or a file')
    parser.add_argument('--seeds', type=non_negative, nargs='+', default=[0, 1, 2])
    parser.add_argument('--demonstrations', type=Path, default=Path('pick'), help='folder or .npz')
    parser.add_argument('--record', type=at_least_one, default=4000, help='episodes of the folder')
    parser.add_argument('--steps', type=at_least_one, default=100_000, help='of each training')
    parser.add_argument('--every', type=at_least_one, default=10_000, help='steps to evaluate at')
    parser.add_argument('--episodes', type=at_least_one, default=50, help='of each evaluation')
    parser.add_argument('--threads', type=at_least_one, default=1)
    parser.add_argument('--out', type=Path, default=Path('pick.jsonl'), help='file of results')
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    configure_process(options.threads)
    task = beginning(small(load_task(TASK)), STARTS['half'])
    length = Length(options.steps, options.every, options.episodes)
    wanted = ((variant, seed) for seed, variant in product(options.seeds, options.variants))

    def carry_out(variant: str, seed: int) -> Outcome:
        base = load_agent(options.agent)
        base = demonstrated(base, task, options.demonstrations, options.record)
        return train(task, variant, base, seed, length)

    found = curves.complete(options.out, Outcome, wanted, carry_out)
    print(table(found))
    rates = {v: [f.last['half'] for f in found if f.variant == v] for v in VARIANTS}
    means = {v: float(np.mean(rate)) for v, rate in rates.items() if rate}
    result = {'name': 'pick', 'value': means.get('asym_her'), 'unit': 'success'}
    print(json.dumps(result | {'by_variant': means}))
    return 0
