# SPDX-License-Identifier: Apache-2.0
"""Learning from pictures: which of critic, hindsight, bottleneck and imitation helps how much.

The curves of Pinto et al. 2017, figures 5 and 6, on Particle and Reacher at 48x48:

    | variant | what it is |
    |---|---|
    | `asym_her` | DDPG + HER, the actor sees pictures, the critic the state; with bottleneck |
    | `asym_her_plain` | the same without bottleneck |
    | `sym_her` | without bottleneck, and the critic sees pictures, too |
    | `asym_ddpg`, `sym_ddpg` | without hindsight and bottleneck |
    | `bc` | clones a scripted expert's episodes from pictures |
    | `dagger` | the expert labels what the student visits |

A finished run is one line of the file of results and is not run again. The last line is one JSON
object.
"""

import argparse
import json
import time
from contextlib import closing
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks import curves
from benchmarks.curves import Curve, Length
from robot_rl.agents import Agent
from robot_rl.agents.bc import BC, BCConfig
from robot_rl.agents.ddpg import DDPGConfig
from robot_rl.episodes.episode import Limits
from robot_rl.errors import InputError
from robot_rl.learning.config import AgentConfig, LearnerConfig, load_agent
from robot_rl.learning.learner import Learner, RunInfo
from robot_rl.models.training import configure_process
from robot_rl.ranges import at_least_one, non_negative
from robot_rl.task import TaskConfig, data_spec, load_task, robot_of
from robot_rl.types import Action, Entries, FloatArray
from sim_bridge.direct import evaluate, train_episode
from sim_bridge.host import DirectHost
from sim_bridge.tasks.plane import LINK

VARIANTS = ('asym_her', 'asym_her_plain', 'sym_her', 'asym_ddpg', 'sym_ddpg', 'bc', 'dagger')
TASKS = ('particle_image', 'reacher_image')
EVALUATION_SEED = 1_000_007
PICTURES = ('image', 'goal_image')


class Scripted:
    """The expert that students imitate: straight to the goal, from the state."""

    def __init__(self, task: TaskConfig) -> None:
        """Takes the scale of the actions."""
        self._scale, self._bends = np.array(task.action.scale), task.scene == 'reacher'
        self._moved = 'position' if self._bends else 'achieved_goal'
        self.entries = self._moved, 'desired_goal'

    def act(self, entries: Entries, explore: bool) -> FloatArray:
        """All axes at a speed that lets them arrive together."""
        position = np.asarray(entries[self._moved], np.float64)
        goal = np.asarray(entries['desired_goal'], np.float64)
        way = (self._posture(position, goal) if self._bends else goal) - position
        wanted = way / self._scale
        return np.asarray(wanted / max(1.0, float(np.abs(wanted).max())))

    def _posture(self, position: FloatArray, goal: FloatArray) -> FloatArray:
        """The nearer of the two postures whose tip is at the goal, rad."""
        bend = np.arccos((goal @ goal - 2 * LINK**2) / (2 * LINK**2))
        found = []
        for elbow in (bend, -bend):
            shoulder = np.arctan2(goal[1], goal[0]) - elbow / 2
            found.append(np.array([(shoulder + np.pi) % (2 * np.pi) - np.pi, elbow]))
        return min(found, key=lambda posture: float(np.abs(posture - position).max()))


def configure(variant: str, base: AgentConfig) -> AgentConfig:
    """The agent of a variant, made of the asymmetric one with bottleneck."""
    agent, learner = base.agent, base.learner
    if not (isinstance(agent, DDPGConfig) and isinstance(learner, LearnerConfig)):
        raise InputError(f'bench images: --agent: expected one of DDPG, got {base.algorithm}')
    if variant in ('bc', 'dagger'):
        label = {'labels': 'expert', 'expert': 'scripted'} if variant == 'dagger' else {}
        cloning = BCConfig(**({'labels': 'all'} | label))  # type: ignore[arg-type]
        same = {n: getattr(agent, n) for n in ('actor_entries', 'hidden', 'encoder', 'device')}
        student = replace(cloning, exploration=agent.exploration, **same)
        return replace(base, algorithm='bc', agent=student, learner=replace(learner, relabel=None))
    if variant != 'asym_her':
        agent = replace(agent, bottleneck_entries=())
    if variant.startswith('sym'):
        agent = replace(agent, critic_entries=agent.actor_entries)
    if variant.endswith('ddpg'):
        learner = replace(learner, relabel=None)
    return replace(base, agent=agent, learner=learner)


def play_expert(host: DirectHost, expert: Scripted, learner: Learner) -> None:
    """One episode of the expert, learned from as it comes."""
    observation = host.reset()
    while not host.over:
        values = expert.act(observation.entries, False)
        observation = host.act(Action(observation.stamp_ns, values, 'script'))
        for step in host.take_steps():
            learner.add(step)
        while learner.owed:
            learner.update()


def train(
    task: TaskConfig, variant: str, base: AgentConfig, seed: int, length: Length
) -> tuple[Agent, Curve]:
    """Trains one seed, evaluating without exploration on the way."""
    robot, config = robot_of(task), configure(variant, base)
    spec, expert = data_spec(task, robot), Scripted(task)
    agent = config.make(spec, seed)
    if isinstance(agent, BC) and agent.config.expert:
        agent.teach(expert)  # type: ignore[arg-type]
    run = RunInfo('', task.name, robot.name, variant, seed, task.rates.action_hz, '')
    assert isinstance(config.learner, LearnerConfig)
    learner = Learner(config.learner, agent, spec, run)
    curve, started = Curve(f'{task.name} {variant}', seed), time.monotonic()
    limits = Limits(task.horizon)
    with (
        closing(DirectHost(task, robot, limits, seed)) as training,
        closing(DirectHost(task, robot, limits, EVALUATION_SEED + seed)) as testing,
    ):
        while not curve.steps or curve.steps[-1] < length.steps:
            if variant == 'bc':
                play_expert(training, expert, learner)
            else:
                train_episode(training, agent, learner, seed)
            done = learner.statistics.env_steps
            if done >= min(length.every * (len(curve.steps) + 1), length.steps):
                result = evaluate(testing, agent, length.episodes)
                curve.steps.append(done)
                curve.success.append(result.success_rate)
                curve.wall_s = round(time.monotonic() - started, 1)
                tell(curve, learner)
    return agent, curve


def tell(curve: Curve, learner: Learner) -> None:
    """One line of progress."""
    parts = [f'{curve.label} seed {curve.seed}: {curve.steps[-1]} steps']
    parts += [f'success {curve.success[-1]:.0%}', f'{curve.steps[-1] / curve.wall_s:.1f} steps/s']
    parts += [f'{learner.updates} updates']
    parts += [f'{name} {value:.3g}' for name, value in learner.metrics.items()]
    print(', '.join(parts), flush=True)


def main(argv: list[str]) -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(prog='robot-rl bench images', description=__doc__)
    parser.add_argument('--tasks', nargs='+', choices=TASKS, default=list(TASKS))
    parser.add_argument('--variants', nargs='*', choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument('--agent', default='ddpg_image', help='name in config/agents, or a file')
    parser.add_argument('--seeds', type=non_negative, nargs='+', default=[0, 1, 2])
    parser.add_argument('--steps', type=at_least_one, default=40_000)
    parser.add_argument('--every', type=at_least_one, default=2_500, help='steps to evaluate at')
    parser.add_argument('--episodes', type=at_least_one, default=40, help='of each evaluation')
    parser.add_argument('--threads', type=at_least_one, default=1)
    parser.add_argument('--out', type=Path, default=Path('images.jsonl'), help='file of results')
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    configure_process(options.threads)
    base, length = (
        load_agent(options.agent),
        Length(options.steps, options.every, options.episodes),
    )
    wanted = (
        (f'{name} {variant}', seed)
        for name, seed, variant in product(options.tasks, options.seeds, options.variants)
    )

    def carry_out(label: str, seed: int) -> Curve:
        name, variant = label.split()
        return train(load_task(name), variant, base, seed, length)[1]

    found = curves.complete(options.out, Curve, wanted, carry_out)
    print(curves.table(found, 0.9))
    for name in TASKS:
        own = [curve for curve in found if curve.label.startswith(name)]
        if own:
            curves.draw(options.out.with_name(f'{name}.png'), own, name)
    margins = {name: margin(found, name) for name in TASKS}
    known = [value for value in margins.values() if value is not None]
    value = min(known) if known else None
    print(json.dumps({'name': 'images', 'value': value, 'unit': 'success', 'margins': margins}))
    return 0


def margin(found: list[Curve], name: str) -> float | None:
    """Mean success of asymmetric HER less that of the symmetric one, over all evaluations."""
    means = {}
    for variant in ('asym_her_plain', 'sym_her'):
        own = [c.success for c in found if c.label == f'{name} {variant}']
        means[variant] = float(np.mean([np.mean(s) for s in own])) if own else None
    asym, sym = means.values()
    return None if asym is None or sym is None else round(asym - sym, 3)
