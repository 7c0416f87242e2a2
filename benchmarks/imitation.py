# SPDX-License-Identifier: Apache-2.0
"""Reinforcement and imitation at once against either alone, on a small lifting task.

The manner of Zhu et al. 2018, figures 4 and 5b: one agent, one set of hyperparameters, and only
lambda differs, the share of the imitation reward. 0 is PPO, 1 is GAIL. The 30 demonstrations are
scripted, with noise; the discriminator sees the block alone, and no actions. The last line is
one JSON object.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.lifting import ACTION_HZ, HORIZON, SPEC, Lifting
from robot_rl.agents.discriminator import DiscriminatorConfig
from robot_rl.agents.gail import GAIL, GAILConfig
from robot_rl.learning.learner import RunInfo
from robot_rl.learning.on_policy import OnPolicyLearner
from robot_rl.learning.on_policy_config import OnPolicyConfig
from robot_rl.learning.parallel import run_workers
from robot_rl.models.training import configure_process
from robot_rl.ranges import non_negative
from robot_rl.replay.step_file import write_steps
from robot_rl.types import Entries, FloatArray, Observation, Step

LAMBDAS = (0.0, 0.3, 0.5, 0.7, 1.0)
DEMONSTRATIONS = 30
ROLLOUT_STEPS = 1000
EVALUATION_EPISODES = 50
EVALUATION_SEED = 1_000_007

Policy = Callable[[Entries], FloatArray]


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        imitation: lambda.
        seed: of networks, noise and start states.
        steps: actions, all workers together.
        demonstrations: file.
        workers: processes that learn together.
    """

    imitation: float
    seed: int
    steps: int
    demonstrations: str
    workers: int


@dataclass(frozen=True)
class Result:
    """What came of it.

    Attributes:
        imitation: lambda.
        seed: of the run.
        success_rate: of the mean action at the end.
        score: mean sum of task rewards of these episodes.
        curve: success of the training's episodes since the rollout before, rollout by rollout.
        seconds: wall-clock time.
        cpu_seconds: of the first worker, on a machine that others use too.
    """

    imitation: float
    seed: int
    success_rate: float
    score: float
    curve: list[float]
    seconds: float
    cpu_seconds: float


def play(world: Lifting, policy: Policy, episode: int, version: int) -> Iterator[Step]:
    """The steps of one episode."""
    entries = world.reset()
    for k in range(HORIZON + 1):
        last = k == HORIZON
        action = np.zeros(SPEC.action_size) if last else policy(entries)
        yield Step(
            sequence=episode * (HORIZON + 1) + k,
            observation=Observation(0, 'bench', episode, k, entries, truncated=last),
            policy=action,
            requested=action,
            executed=action,
            source='policy',
            version=version,
            reward=world.reward if k else 0.0,
            success=world.lifted,
            terminated=False,
            truncated=last,
        )
        if not last:
            entries = world.step(action)


def demonstrate(path: Path, seed: int) -> tuple[float, float]:
    """Writes the demonstrations; their success rate and mean score."""
    world, rng = Lifting(seed), np.random.default_rng(seed)
    episodes = [
        list(play(world, lambda _: world.expert(rng), i, -1)) for i in range(DEMONSTRATIONS)
    ]
    write_steps(path, [step for episode in episodes for step in episode])
    return _judge(episodes)


def evaluate(agent: GAIL) -> tuple[float, float]:
    """Success rate and mean score of the mean action."""
    world, episodes = Lifting(EVALUATION_SEED), []
    for i in range(EVALUATION_EPISODES):
        agent.reseed(i)
        episodes.append(list(play(world, partial(agent.act, explore=False), i, agent.updates)))
    return _judge(episodes)


def train(run: Run, rank: int) -> Result:
    """Trains in this process, beside the other workers; all get the same policy."""
    configure_process(1)
    started = time.perf_counter(), time.process_time()
    config = GAILConfig(
        imitation=run.imitation,
        actor_entries=('hand', 'block'),
        value_entries=('hand', 'block', 'hidden'),
        normalize=False,
        gamma=0.95,
        learning_rate=1e-3,
        max_divergence=0.05,
        discriminator=DiscriminatorConfig(entries=('block',), updates=2, noise=0.1),
        device='cpu',
    )
    agent = GAIL(config, SPEC, run.seed)
    rollout = ROLLOUT_STEPS // run.workers
    fed = OnPolicyConfig(rollout_steps=rollout, demonstrations=run.demonstrations)
    info = RunInfo('bench', 'lifting', 'hand', 'ppo_gail', run.seed, ACTION_HZ, '{}')
    learner = OnPolicyLearner(fed, agent, SPEC, info)
    world, curve, lifted = Lifting(1000 * run.seed + rank), [], []
    for episode in range(run.steps // run.workers // HORIZON):
        agent.reseed(run.seed + 1_000_003 * (episode * run.workers + rank))
        policy = partial(agent.act, explore=True)
        for step in play(world, policy, episode, agent.updates):
            learner.add(step)
        lifted.append(step.success)
        if learner.owed:
            learner.update()
            curve.append(round(float(np.mean(lifted)), 3))
            lifted = []
    success_rate, score = evaluate(agent)
    return Result(
        imitation=run.imitation,
        seed=run.seed,
        success_rate=success_rate,
        score=round(score, 2),
        curve=curve,
        seconds=round(time.perf_counter() - started[0], 1),
        cpu_seconds=round(time.process_time() - started[1], 1),
    )


def measure(run: Run) -> Result:
    """Trains with the run's workers."""
    return run_workers(partial(train, run), run.workers)[0]


def table(results: list[Result], demonstrated: tuple[float, float]) -> str:
    """Success and score by lambda and seed, in Markdown."""
    seeds = sorted({result.seed for result in results})
    names = {0.0: 'PPO alone (0)', 1.0: 'GAIL alone (1)'}
    lines = ['| lambda | ' + ' | '.join(f'seed {seed}' for seed in seeds) + ' | mean |']
    lines.append('|---' * (len(seeds) + 2) + '|')
    for imitation in sorted({result.imitation for result in results}):
        own = sorted((r for r in results if r.imitation == imitation), key=lambda r: r.seed)
        cells = [f'{r.success_rate:.0%} ({r.score:.1f})' for r in own]
        rate, score = (float(np.mean([getattr(r, k) for r in own])) for k in _FIGURES)
        name = names.get(imitation, f'hybrid {imitation:g}')
        lines.append(f'| {name} | ' + ' | '.join(cells) + f' | {rate:.0%} ({score:.1f}) |')
    rate, score = demonstrated
    lines.append(f'| demonstrations |{" |" * len(seeds)} {rate:.0%} ({score:.1f}) |')
    return '\n'.join(lines)


def main(argv: list[str]) -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(prog='robot-rl bench imitation', description=__doc__)
    parser.add_argument('--lambdas', type=float, nargs='+', default=list(LAMBDAS))
    parser.add_argument('--seeds', type=non_negative, nargs='+', default=[0, 1, 2])
    parser.add_argument('--steps', type=int, default=150_000, help='actions of each training')
    parser.add_argument('--workers', type=int, default=1, help='processes that learn together')
    parser.add_argument('--out', type=Path, help='file for the table and all results')
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, 'demonstrations.npz')
        demonstrated = demonstrate(path, 12345)
        for seed in options.seeds:
            for imitation in options.lambdas:
                run = Run(imitation, seed, options.steps, str(path), options.workers)
                results.append(measure(run))
                print(json.dumps(asdict(results[-1])), flush=True)
                if options.out:
                    _write(options.out, results, demonstrated)
    print(table(results, demonstrated))
    print(json.dumps(_summary(results)))
    return 0


_FIGURES = ('success_rate', 'score')


def _judge(episodes: list[list[Step]]) -> tuple[float, float]:
    success = float(np.mean([episode[-1].success for episode in episodes]))
    return success, float(np.mean([sum(step.reward for step in e) for e in episodes]))


def _write(path: Path, results: list[Result], demonstrated: tuple[float, float]) -> None:
    lines = [table(results, demonstrated), '', *(json.dumps(asdict(r)) for r in results)]
    path.write_text('\n'.join(lines) + '\n')


def _summary(results: list[Result]) -> dict[str, object]:
    """The worst hybrid against the better of both alone, in mean score; success beside it."""
    score, success = (_means(results, figure) for figure in ('score', 'success_rate'))
    hybrid = [mean for imitation, mean in score.items() if 0 < imitation < 1]
    alone = [mean for imitation, mean in score.items() if imitation in (0, 1)]
    summary: dict[str, object] = {'name': 'imitation', 'unit': 'task return, worst lambda'}
    if hybrid and alone:
        value, peer = min(hybrid), max(alone)
        ratio = round(value / peer, 3) if peer else None
        summary |= {'value': value, 'peer': 'PPO or GAIL alone', 'peer_value': peer}
        summary |= {'ratio': ratio}
    return summary | {'score': score, 'success_rate': success}


def _means(results: list[Result], figure: str) -> dict[float, float]:
    """Means of a figure over seeds, by lambda."""
    found: dict[float, list[float]] = {}
    for result in results:
        found.setdefault(result.imitation, []).append(getattr(result, figure))
    return {imitation: round(float(np.mean(v)), 3) for imitation, v in sorted(found.items())}
