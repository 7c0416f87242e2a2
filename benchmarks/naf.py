# SPDX-License-Identifier: Apache-2.0
"""NAF, Linear-NAF and DDPG on the reach of Gu et al. 2016, and the effect of more collectors.

Two tables. In the manner of fig. 4: one update a step, steps until all test episodes succeed. In
the manner of fig. 5: asynchronous NAF with 1, 2 and 4 collectors, each of which takes one step
while the trainer makes 5 updates and takes up the policy when its episode starts; updates until
all test episodes succeed. Collectors are simulated in one thread, so that a run follows from its
seed. Each finished run is a line of the file of results, which is read again on the next start.
The last line is one JSON object.
"""

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import curves
from benchmarks.arm_reach import ArmReach
from robot_rl.agents import AGENTS, Agent
from robot_rl.learning.config import AgentConfig, LearnerConfig
from robot_rl.learning.learner import Learner, RunInfo
from robot_rl.models.training import configure_process
from robot_rl.ranges import non_negative
from robot_rl.types import Action
from sim_bridge.direct import evaluate
from sim_bridge.gym_host import GymHost

ACTION_HZ = 20.0
EVALUATION_SEED = 1_000_007
#: The trainer's updates for each step of one collector, 1 / S in section V-C.
UPDATES_PER_COLLECTOR_STEP = 5
_TEST_EPISODES = 20
_COMMON = {'learning_rate': 1e-3, 'gamma': 0.98, 'tau': 0.005, 'device': 'cpu'}
#: Algorithm and hyperparameters; sizes and rates are the paper's (sections IV-C and V-A).
AGENT_CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    'naf': ('naf', _COMMON),
    'linear_naf': ('naf', _COMMON | {'form': 'linear'}),
    'ddpg': (
        'ddpg',
        _COMMON
        | {'hidden': (100, 100), 'layer_norm': True, 'normalize': False}
        | {'target_every': 1},
    ),
}
_LEARNER = LearnerConfig(batch_size=64, warmup_steps=300, capacity=200_000)


@dataclass
class Run:
    """What one seed reached.

    Attributes:
        agent: key of `AGENT_CONFIGS`.
        collectors: how many; 0 stands for one collector with one update a step.
        seed: of networks, noise, targets and batches.
        updates: done at each evaluation.
        success: share of test episodes that ended at the target, there.
        steps: actions taken by all collectors, there.
        wall_s: seconds that the run took.
    """

    agent: str
    collectors: int
    seed: int
    updates: list[int] = field(default_factory=list)
    success: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    wall_s: float = 0.0

    @property
    def key(self) -> tuple[str, int, int]:
        """Which run it is."""
        return self.agent, self.collectors, self.seed

    def solved(self, counts: list[int]) -> int | None:
        """The count at the first of two evaluations in a row without a failure."""
        pairs = zip(self.success, self.success[1:], counts, strict=False)
        return next((n for one, two, n in pairs if min(one, two) == 1.0), None)


class Collector:
    """One arm; it acts with the policy that was newest when its episode started."""

    def __init__(self, config: AgentConfig, name: str, seed: int) -> None:
        """Builds arm and policy; `seed` is that of its targets and noise."""
        self.host = GymHost(ArmReach(), seed, name)
        self._agent = config.make(self.host.spec, seed)
        self._seed = seed

    def step(self, learner: Learner, trained: Agent) -> None:
        """One action; its step goes to the learner."""
        if self.host.over:
            seen = self.host.reset()
            self._agent.load_policy_state(trained.policy_state())
            noise = np.random.SeedSequence([self._seed, seen.episode, 1])
            self._agent.reseed(int(noise.generate_state(1)[0]))
        seen = self.host.observation
        values = self._agent.act(seen.entries, explore=True)
        self.host.act(Action(seen.stamp_ns, values, explore=True))
        for step in self.host.take_steps():
            learner.add(step)


def train(run: Run, updates: int, every: int) -> Run:
    """Carries one run out, as many updates long."""
    started = time.monotonic()
    count = max(1, run.collectors)
    ratio = UPDATES_PER_COLLECTOR_STEP / count if run.collectors else 1.0
    config = _config(run.agent)
    config = replace(config, learner=replace(config.learner, updates_per_step=ratio))
    arms = [Collector(config, f'arm{i}', 100 * run.seed + i) for i in range(count)]
    spec = arms[0].host.spec
    agent = config.make(spec, run.seed)
    info = RunInfo('', 'arm_reach', 'sawyer', run.agent, run.seed, ACTION_HZ, '')
    learner = Learner(config.learner, agent, spec, info)
    with closing(ArmReach()) as testing:
        while agent.updates < updates:
            for arm in arms:
                arm.step(learner, agent)
            while learner.owed and agent.updates < updates:
                learner.update()
                if agent.updates % every == 0:
                    found = evaluate(GymHost(testing, EVALUATION_SEED), agent, _TEST_EPISODES)
                    run.updates.append(agent.updates)
                    run.success.append(found.success_rate)
                    run.steps.append(learner.statistics.env_steps)
    run.wall_s = round(time.monotonic() - started, 1)
    return run


def _config(name: str) -> AgentConfig:
    algorithm, values = AGENT_CONFIGS[name]
    return AgentConfig(name, algorithm, AGENTS[algorithm].Config(**values), _LEARNER)


def table(runs: list[Run]) -> str:
    """Both tables in Markdown, a row an agent or a number of collectors."""
    rows = [
        '| | seeds | best success | last success | steps | updates to 100 % |',
        '|---' * 6 + '|',
    ]
    for (agent, collectors), group in _groups(runs):
        label = f'{agent}, {collectors} collector(s)' if collectors else f'{agent}, synchronous'
        best, last = (np.mean([f(r.success) for r in group]) for f in (max, lambda s: s[-1]))
        steps, updates = (
            _solved([r.solved(getattr(r, n)) for r in group]) for n in ('steps', 'updates')
        )
        cells = [label, str(len(group)), f'{best:.0%}', f'{last:.0%}', steps, updates]
        rows.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(rows)


def _groups(runs: list[Run]) -> Iterator[tuple[tuple[str, int], list[Run]]]:
    for key in sorted({(r.agent, r.collectors) for r in runs}, key=lambda k: (k[1], k[0])):
        yield key, [r for r in runs if (r.agent, r.collectors) == key]


def _solved(counts: list[int | None]) -> str:
    """Each seed's count, least first; those that never were there last."""
    there = sorted(n for n in counts if n is not None)
    return ', '.join([*map(str, there), *['-'] * (len(counts) - len(there))])


def main(argv: list[str]) -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(prog='robot-rl bench naf', description=__doc__)
    parser.add_argument('--agents', choices=AGENT_CONFIGS, nargs='*', default=list(AGENT_CONFIGS))
    parser.add_argument('--collectors', type=int, nargs='*', default=[1, 2, 4])
    parser.add_argument('--seeds', type=non_negative, nargs='*', default=[0, 1, 2])
    parser.add_argument('--updates', type=int, default=30_000, help='of each run')
    parser.add_argument('--every', type=int, default=1_000, help='updates between evaluations')
    parser.add_argument('--out', type=Path, default=Path('naf.jsonl'), help='file of results')
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    configure_process(1)
    kinds = [(a, 0) for a in options.agents] + [('naf', n) for n in options.collectors]
    wanted = ((*kind, seed) for kind in kinds for seed in options.seeds)

    def carry_out(agent: str, collectors: int, seed: int) -> Run:
        run = train(Run(agent, collectors, seed), options.updates, options.every)
        print(run, flush=True)
        return run

    done = curves.complete(options.out, Run, wanted, carry_out)
    print(table(done))
    options.out.with_suffix('.md').write_text(table(done) + '\n')
    print(json.dumps(summary(done)))
    return 0


def summary(runs: list[Run]) -> dict[str, object]:
    """Median updates to success with one collector over those with the most."""
    medians: dict[int, float] = {}
    for (_, collectors), group in _groups([r for r in runs if r.collectors]):
        counts = [r.solved(r.updates) for r in group]
        medians[collectors] = float(np.median([np.inf if n is None else n for n in counts]))
    result: dict[str, object] = {'name': 'naf', 'unit': 'updates to 100 %, median'}
    shown = {n: None if np.isinf(m) else m for n, m in medians.items()}
    most = max(shown, default=0)
    return result | {'value': shown.get(most), 'collectors': most, 'by_collectors': shown}
