# SPDX-License-Identifier: Apache-2.0
"""Puts agent, learner and player of a task together; the one way that every host does it."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from robot_rl import config
from robot_rl.agents import Agent, OnPolicyAgent
from robot_rl.control.robot import RobotConfig
from robot_rl.errors import InputError
from robot_rl.learning import weights
from robot_rl.learning.checkpoint import load_latest
from robot_rl.learning.config import load_agent
from robot_rl.learning.expert import teach
from robot_rl.learning.learner import Learner, RunInfo, check_run
from robot_rl.learning.on_policy import OnPolicyLearner
from robot_rl.learning.on_policy_config import OnPolicyConfig
from robot_rl.learning.player import How, Player
from robot_rl.learning.versions import PolicyVersions
from robot_rl.replay.relabel_config import RelabelConfig
from robot_rl.replay.starts import DemonstrationStarts, load_starts
from robot_rl.report.files import write_text
from robot_rl.task import TaskConfig, data_spec

_DEPLOYED = 'deployed.json'
#: Sources of entries that change with the goal, and that relabelling does not compute anew.
FROM_GOAL = ('goal', 'tool_from_goal')


@dataclass(frozen=True)
class Saved:
    """What a checkpoint says of its run.

    Attributes:
        task: name.
        robot: name.
        agent: name.
        episodes: number of the next episode.
        env_steps: actions taken.
    """

    task: str
    robot: str
    agent: str
    episodes: int
    env_steps: int


def read_saved(checkpoint: str) -> Saved:
    """What the newest good checkpoint in a folder says of its run.

    Raises:
        InputError: there is none, or it is not one of a training run.
    """
    found, path = load_latest(Path(checkpoint), only=('policy',))
    meta = found.meta
    try:
        following = meta['statistics']['last_episode'] + 1
        return Saved(meta['task'], meta['robot'], meta['agent'], following, meta['env_steps'])
    except (KeyError, TypeError) as error:
        raise InputError(f'{path}: not a checkpoint of a training run: {error}') from error


def make_agent(task: TaskConfig, robot: RobotConfig, seed: int) -> Agent:
    """The task's agent with networks drawn from the seed, on the CPU: made to act."""
    loaded = load_agent(task.agent)
    on_cpu = dataclasses.replace(loaded.agent, device='cpu')
    return dataclasses.replace(loaded, agent=on_cpu).make(data_spec(task, robot), seed)


def run_info(task: TaskConfig, robot: RobotConfig, seed: int, run: str = '') -> RunInfo:
    """Which run this is, and what shapes its data."""
    settings = weights.data_settings(task, robot, load_agent(task.agent).algorithm)
    return RunInfo(run, task.name, robot.name, task.agent, seed, task.rates.action_hz, settings)


def make_learner(task: TaskConfig, robot: RobotConfig, seed: int, run: str) -> Learner:
    """A learner for the task, at its beginning.

    Relabelled goals pay as the task's own goal does, where its reward follows from one.
    """
    loaded = load_agent(task.agent)
    spec, info = data_spec(task, robot), run_info(task, robot, seed, run)
    agent = loaded.make(spec, seed)
    teach(agent, info)
    if isinstance(loaded.learner, OnPolicyConfig):
        return OnPolicyLearner(loaded.learner, cast(OnPolicyAgent, agent), spec, info)
    learner, relabel = loaded.learner, loaded.learner.relabel
    if relabel:
        check_goal_entries(task, relabel, agent.entries)
        relabel = dataclasses.replace(relabel, reward=task.reward.goal or relabel.reward)
        learner = dataclasses.replace(learner, relabel=relabel)
    return Learner(learner, agent, spec, info)


def check_goal_entries(task: TaskConfig, relabel: RelabelConfig, read: tuple[str, ...]) -> None:
    """Refuses to relabel goals that stay in another entry of what the agent reads.

    Args:
        task: says what its entries are made of.
        relabel: which entries get new goals.
        read: entries that the agent reads.

    Raises:
        InputError: names the entry.
    """
    for entry in task.observation:
        if entry.source in FROM_GOAL and entry.name in read and entry.name not in relabel.pairs:
            raise InputError(
                f'agent {task.agent}: relabel: the agent reads {entry.name!r}, which task '
                f'{task.name} computes from the goal (source {entry.source}) and relabelling '
                f'does not rewrite; let actor_entries and critic_entries name '
                f'{relabel.desired!r} and what does not depend on the goal'
            )


def restore(learner: Learner, checkpoint: str) -> None:
    """Lets a learner go on from the newest good checkpoint in a folder."""
    found, path = load_latest(Path(checkpoint))
    learner.restore(found, str(path))


def make_starts(task: TaskConfig, seed: int) -> DemonstrationStarts | None:
    """Demonstrated states that episodes of the training begin in, where the agent wants some.

    Raises:
        InputError: the demonstrations hold no states.
    """
    learner = load_agent(task.agent).learner
    shown = learner.demonstrations
    if not (learner.starts and shown):
        return None
    return load_starts(shown if isinstance(shown, str) else shown.path, learner.starts, seed)


def make_player(
    task: TaskConfig, robot: RobotConfig, how: How, seed: int, checkpoint: str = ''
) -> Player:
    """Plays the checkpoint's policy, or an untrained one without a checkpoint.

    Raises:
        InputError: no checkpoint there, or one of another task, robot, agent or data.
    """
    if how == 'zero':
        return Player(None, task.action.size, how, seed)
    agent = make_agent(task, robot, seed)
    if checkpoint:
        found, path = load_latest(Path(checkpoint), only=('policy',))
        check_run(run_info(task, robot, seed), found.meta, str(path))
        agent.load_policy_state(found.files['policy'])
    return Player(agent, task.action.size, how, seed)


def make_follower(task: TaskConfig, robot: RobotConfig, seed: int, lag: int | None) -> Player:
    """Plays samples of the policies that a learner sends.

    Args:
        task: what is played.
        robot: with which arm.
        seed: of the run.
        lag: episodes that the policy stays behind; None for the newest.
    """
    player = make_player(task, robot, 'sample', seed)
    learner = load_agent(task.agent).learner
    refresh = learner.refresh if lag is None else 'episode'
    settings = run_info(task, robot, seed).settings
    player.follow(PolicyVersions(lag), settings, refresh, learner.drop_actions)
    return player


def set_deployed(run: str | Path, how: Literal['sample', 'mean']) -> None:
    """Notes in a run's folder whether its policy is deployed by samples or by its mean."""
    write_text(Path(run) / _DEPLOYED, json.dumps(config.to_dict({'policy': how})) + '\n')


def deployed(checkpoint: str) -> Literal['sample', 'mean']:
    """How the policy of a checkpoint is deployed; by its mean where nothing is noted."""
    for folder in (Path(checkpoint), *Path(checkpoint).absolute().parents[:2]):
        if (folder / _DEPLOYED).is_file():
            how = json.loads((folder / _DEPLOYED).read_text())['policy']
            return 'sample' if how == 'sample' else 'mean'
    return 'mean'
