# SPDX-License-Identifier: Apache-2.0
"""How policies trained with more or less randomized looks bear looks that they never saw.

The ablation of Pinto et al. 2017, table I, with a simulated stand-in for the real camera. Fetch
brings its gripper to where a picture shows it, from colour and depth of 32x32 alone. Policies are
cloned by DAgger, labelled by a scripted expert that knows the state.

    | trained with | looks |
    |---|---|
    | `none` | the task's own colours, one camera |
    | `partial` | textures, colours, lights and depth vary; the camera stays |
    | `full` | the camera moves, too: the ranges of the task's file |

    | tested on | what differs from the looks of `none` |
    |---|---|
    | `plain` | nothing |
    | `textures` | every surface wears a texture that training lacks, a third a new pattern |
    | `camera` | 3 cm and 5 degrees off, in half of the trials one way, in half the other |
    | `distractors` | 4 to 6 objects on the table; training has none |
    | `depth` | holes, noise and steps of a stereo camera; training has uniform noise at most |
    | `all` | all of these at once |

A finished run is a line of the file of results and is not run again. The last line is one JSON
object.
"""

import argparse
import json
import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks import curves, images
from benchmarks.curves import Length
from robot_rl.agents import Agent
from robot_rl.episodes.episode import Limits
from robot_rl.learning.config import AgentConfig, load_agent
from robot_rl.looks import LooksConfig
from robot_rl.models.training import configure_process
from robot_rl.perception.holes import HolesConfig
from robot_rl.ranges import at_least_one, non_negative
from robot_rl.task import TaskConfig, load_task, robot_of
from sim_bridge.direct import evaluate
from sim_bridge.evaluate import EVALUATION_SEED
from sim_bridge.host import DirectHost
from sim_bridge.view import sheet, write_picture

TASK = 'fetch_reach_image'
LEVELS = ('none', 'partial', 'full')
PLAIN = LooksConfig()
UNSEEN = replace(
    PLAIN,
    patterns=('gradient', 'checker', 'noise'),
    pool_seed=7,
    textured=(1.0, 1.0),
    background=(1.0, 1.0),
)
OFF = 0.03 / 3**0.5, 5.0 / 3**0.5  # m along and degrees about each axis of the camera
CLUTTER = 4, 6  # objects
SHOWN = 3  # episodes of each on the contact sheet


@dataclass
class Outcome:
    """What one policy reached.

    Attributes:
        level: how its training was randomized.
        seed: of the run.
        steps: environment steps of the training.
        trials: of each test.
        success: share of these by test.
        cpu_s: processor time of the training, s.
    """

    level: str
    seed: int
    steps: int
    trials: int
    success: dict[str, float] = field(default_factory=dict)
    cpu_s: float = 0.0

    @property
    def key(self) -> tuple[str, int]:
        """What tells a run from others."""
        return self.level, self.seed


def trained_in(task: TaskConfig, level: str) -> TaskConfig:
    """The task in the looks of a level of training."""
    still = {name: getattr(PLAIN, name) for name in ('camera_position', 'camera_angle', 'focal')}
    looks = {'none': PLAIN, 'partial': replace(task.looks, **still), 'full': task.looks}
    return replace(task, looks=looks[level])


def tests_of(task: TaskConfig) -> dict[str, tuple[TaskConfig, ...]]:
    """The task in the looks of each test, which takes turns among them."""
    cameras = tuple(replace(c, holes=HolesConfig()) if c.depth else c for c in task.cameras)
    moved = [
        {'camera_position': (way * OFF[0],) * 2, 'camera_angle': (way * OFF[1],) * 2}
        for way in (1.0, -1.0)
    ]
    looks: dict[str, tuple[LooksConfig, ...]] = {
        'plain': (PLAIN,),
        'textures': (UNSEEN,),
        'camera': tuple(replace(PLAIN, **each) for each in moved),
        'distractors': (replace(PLAIN, distractors=CLUTTER),),
        'depth': (PLAIN,),
        'all': tuple(replace(UNSEEN, distractors=CLUTTER, **each) for each in moved),
    }
    return {
        name: tuple(
            replace(task, looks=one, cameras=cameras if name in ('depth', 'all') else task.cameras)
            for one in each
        )
        for name, each in looks.items()
    }


def measure(agent: Agent, tasks: tuple[TaskConfig, ...], trials: int, seed: int) -> float:
    """Success rate in so many episodes, shared out among the tasks."""
    solved = 0.0
    for number, task in enumerate(tasks):
        share = len(range(number, trials, len(tasks)))
        if share:
            limits, start = Limits(task.horizon), EVALUATION_SEED + seed + 1000 * number
            with closing(DirectHost(task, robot_of(task), limits, start, records=False)) as host:
                solved += share * evaluate(host, agent, share).success_rate
    return round(solved / trials, 6)


def train(task: TaskConfig, level: str, base: AgentConfig, seed: int, length: Length) -> Outcome:
    """Trains a policy in the looks of a level and tries it in those of each test."""
    began = time.process_time()
    agent, curve = images.train(trained_in(task, level), 'dagger', base, seed, length)
    found = Outcome(level, seed, curve.steps[-1], length.episodes)
    found.cpu_s = round(time.process_time() - began, 1)
    for name, tasks in tests_of(task).items():
        found.success[name] = measure(agent, tasks, length.episodes, seed)
    print(json.dumps({'level': level, 'seed': seed} | found.success), flush=True)
    return found


def means(found: list[Outcome], level: str) -> dict[str, float]:
    """Mean success over the seeds, by test; empty without a run."""
    own = [f.success for f in found if f.level == level]
    return {name: float(np.mean([s[name] for s in own])) for name in (own[0] if own else ())}


def table(found: list[Outcome]) -> str:
    """A row a level: means over the seeds, least in brackets."""
    tests = list(found[0].success)
    rows = [f'| trained with | seeds | trials | steps | CPU, s | {" | ".join(tests)} |']
    rows.append('|---' * (5 + len(tests)) + '|')
    for level in LEVELS:
        own = [f for f in found if f.level == level]
        if own:
            cells = [level, str(len(own)), str(own[0].trials), str(own[0].steps)]
            cells.append(f'{np.mean([f.cpu_s for f in own]):.0f}')
            for name, mean in means(own, level).items():
                cells.append(f'{mean:.0%} ({min(f.success[name] for f in own):.0%})')
            rows.append(f'| {" | ".join(cells)} |')
    return '\n'.join(rows)


def margin(found: list[Outcome]) -> float | None:
    """Mean success of `full` on all tests but `plain`, less that of `none`."""
    held_out = [
        [rate for name, rate in means(found, level).items() if name != 'plain']
        for level in ('full', 'none')
    ]
    return round(float(np.subtract(*map(np.mean, held_out))), 3) if all(held_out) else None


def draw(path: Path, task: TaskConfig) -> str:
    """Writes a contact sheet: what a policy sees in each training and in each test, a row each."""
    shown = [trained_in(task, level) for level in LEVELS]
    shown += [each for tasks in tests_of(task).values() for each in tasks]
    return write_picture(path, np.vstack([sheet(each, SHOWN, 0, SHOWN) for each in shown]))


def main(argv: list[str]) -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(
        prog='robot-rl bench transfer',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--levels', nargs='*', choices=LEVELS, default=list(LEVELS))
    parser.add_argument('--agent', default='ddpg_reach_image', help='name, or a file')
    parser.add_argument('--seeds', type=non_negative, nargs='+', default=[0, 1, 2])
    parser.add_argument('--steps', type=at_least_one, default=20_000, help='of each training')
    parser.add_argument('--trials', type=at_least_one, default=20, help='of each test')
    parser.add_argument('--threads', type=at_least_one, default=1)
    parser.add_argument('--sheet', type=Path, help='PNG to draw all looks into, before training')
    parser.add_argument('--out', type=Path, default=Path('transfer.jsonl'), help='of results')
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    configure_process(options.threads)
    task, base = load_task(TASK), load_agent(options.agent)
    if options.sheet:
        print(draw(options.sheet, task))
    length = Length(options.steps, options.steps, options.trials)
    wanted = ((level, seed) for seed, level in product(options.seeds, options.levels))

    def carry_out(level: str, seed: int) -> Outcome:
        return train(task, level, base, seed, length)

    found = curves.complete(options.out, Outcome, wanted, carry_out)
    print(table(found))
    rates = {level: means(found, level) for level in LEVELS}
    print(json.dumps({'name': 'transfer', 'value': margin(found), 'unit': 'success'} | rates))
    return 0
