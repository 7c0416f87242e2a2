# SPDX-License-Identifier: Apache-2.0
"""One run of the bench of insertions from pictures: an agent, its base or none, its success."""

import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.curves import Length
from robot_rl.agents import Agent
from robot_rl.agents.cloning import Cloning
from robot_rl.control.base import BaseConfig
from robot_rl.episodes.episode import Limits
from robot_rl.learning.config import AgentConfig, DemonstrationConfig, LearnerConfig, load_agent
from robot_rl.learning.learner import Learner, RunInfo
from robot_rl.replay.step_file import write_steps
from robot_rl.rewards.config import RewardConfig
from robot_rl.task import TaskConfig, data_spec, robot_of
from sim_bridge import expert
from sim_bridge.direct import evaluate, train_episode
from sim_bridge.evaluate import EVALUATION_SEED, Plan, play
from sim_bridge.host import DirectHost

DEMONSTRATIONS = 30
OFFLINE = 1000  # updates on demonstrations before the first step


@dataclass
class Outcome:
    """What one run reached.

    Attributes:
        task: name.
        variant: a name of the table above.
        seed: of the run.
        perfect: success with the goal known exactly.
        noisy: success with the task's goal error.
        episodes: of each evaluation at the end.
        steps: environment steps at each evaluation on the way.
        success: success there, with the goal error.
        wall_s: seconds that the run took.
    """

    task: str
    variant: str
    seed: int
    perfect: float
    noisy: float
    episodes: int
    steps: list[int] = field(default_factory=list)
    success: list[float] = field(default_factory=list)
    wall_s: float = 0.0

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells a run from others."""
        return self.task, self.variant, self.seed


def exact(task: TaskConfig) -> TaskConfig:
    """The task with the goal known exactly."""
    return replace(task, goal=replace(task.goal, noise=(0.0, 0.0, 0.0)))


def unaided(task: TaskConfig) -> TaskConfig:
    """The task without its base controller."""
    return replace(task, base=BaseConfig('none'))


def blind(task: TaskConfig) -> TaskConfig:
    """The task without pictures, which the base controller does not look at."""
    felt = tuple(entry for entry in task.observation if not entry.camera)
    return replace(task, cameras=(), observation=felt, reward=RewardConfig('electrical'))


def configure(variant: str) -> AgentConfig:
    """The agent of a variant; without a base controller it moves from its first update on."""
    base = load_agent('sac_residual_image' if variant.endswith('sac') else 'td3_residual_image')
    agent = base.agent
    if variant in ('sac', 'td3', 'lfd'):
        start = 'mean_init_scale' if variant == 'sac' else 'init_scale'
        agent = replace(agent, critic_burn_in=0, **{start: 1.0})
    if variant == 'lfd':
        agent = replace(agent, cloning=Cloning(weight=1.0, q_filter=True, normalize_q=True))
    return replace(base, name=variant, agent=agent)


def demonstrated(task: TaskConfig, config: AgentConfig, seed: int, folder: Path) -> AgentConfig:
    """The agent with successful episodes of the scripted expert in every batch."""
    played = expert.play(task, DEMONSTRATIONS, EVALUATION_SEED + 100 + seed)
    path = folder / 'demonstrations.npz'
    write_steps(path, played.steps, played.settings)
    assert isinstance(config.learner, LearnerConfig)
    learner = replace(
        config.learner,
        demonstrations=DemonstrationConfig(str(path), 0.25),
        offline_updates=OFFLINE,
        warmup_steps=0,
    )
    return replace(config, learner=learner)


def measure_base(task: TaskConfig, seed: int, episodes: int) -> Outcome:
    """The base controller alone."""
    rates = [
        play(Plan('', each, 'zero', episodes, EVALUATION_SEED + seed)).success_rate
        for each in (exact(blind(task)), blind(task))
    ]
    return Outcome(task.name, 'p_controller', seed, *rates, episodes)


def train(task: TaskConfig, variant: str, seed: int, length: Length) -> Outcome:
    """Trains one run, evaluating on the way in half as many episodes as it plays at its end."""
    started, learned = time.monotonic(), task if 'residual' in variant else unaided(task)
    with TemporaryDirectory() as folder:
        config = configure(variant)
        if variant == 'lfd':
            config = demonstrated(learned, config, seed, Path(folder))
        return _train(learned, config, seed, length, started)


def _train(
    task: TaskConfig, config: AgentConfig, seed: int, length: Length, started: float
) -> Outcome:
    robot, limits = robot_of(task), Limits(task.horizon)
    spec = data_spec(task, robot)
    agent = config.make(spec, seed)
    run = RunInfo('', task.name, robot.name, config.name, seed, task.rates.action_hz, '')
    assert isinstance(config.learner, LearnerConfig)
    learner = Learner(config.learner, agent, spec, run)
    while learner.owed:
        learner.update()
    found = Outcome(task.name, config.name, seed, 0.0, 0.0, length.episodes)
    with closing(DirectHost(task, robot, limits, seed)) as training:
        while not found.steps or found.steps[-1] < length.steps:
            train_episode(training, agent, learner, seed)
            done = learner.statistics.env_steps
            if done >= min(length.every * (len(found.steps) + 1), length.steps):
                rate = _played(task, agent, 2000 + seed, (length.episodes + 1) // 2)
                found.steps.append(done)
                found.success.append(rate)
                found.wall_s = round(time.monotonic() - started, 1)
                tell(found, learner)
    found.perfect = _played(exact(task), agent, seed, length.episodes)
    found.noisy = _played(task, agent, seed, length.episodes)
    found.wall_s = round(time.monotonic() - started, 1)
    return found


def _played(task: TaskConfig, agent: Agent, seed: int, episodes: int) -> float:
    limits = Limits(task.horizon)
    with closing(DirectHost(task, robot_of(task), limits, EVALUATION_SEED + seed)) as host:
        return evaluate(host, agent, episodes).success_rate


def tell(found: Outcome, learner: Learner) -> None:
    """One line of progress."""
    said = [f'{found.task} {found.variant} seed {found.seed}: {found.steps[-1]} steps']
    said += [
        f'success {found.success[-1]:.0%} ({learner.statistics.success_rate:.0%} in training)'
    ]
    said += [f'{found.steps[-1] / found.wall_s:.1f} steps/s']
    said += [f'{name} {value:.3g}' for name, value in learner.metrics.items()]
    print(', '.join(said), flush=True)
