# SPDX-License-Identifier: Apache-2.0
"""What a run leaves behind: evaluation, `summary.json`, `curve.png` and `rollout.mp4`.

Of a task with cameras also what its policy sees: `observation.png`, `depth.png` before and after
filling, and `bottleneck.png` where the agent has one.
"""

import subprocess
from pathlib import Path
from typing import Any, Literal

import numpy as np

from robot_rl.episodes.episode import Limits
from robot_rl.learning.build import make_player, set_deployed
from robot_rl.report.curve import Curve, draw_curve
from robot_rl.report.metrics import read_metrics
from robot_rl.report.summary import Summary, write_summary
from robot_rl.report.video import Frame, overlay, side_by_side, write_video
from robot_rl.task import TaskConfig, robot_of
from sim_bridge.evaluate import EVALUATION_SEED, Plan, Result, play, two_at_a_time
from sim_bridge.host import DirectHost
from sim_bridge.tiles import GAP, enlarged
from sim_bridge.view import pictures_of, show_sight

EPISODES = 50
FILMED = 3
VIEWS = ('overview', 'closeup')
HEIGHT, WIDTH = 360, 480
INSET = 112  # pixels of a picture that the policy sees, in the film
NAMES = {'zero': 'base controller', 'sample': 'policy, sampled', 'mean': 'policy, mean action'}


def report(run: Path, task: TaskConfig, seed: int, wall_s: float) -> Summary:
    """Evaluates the run's last checkpoint on new episodes and writes what a person reads.

    The policy is played by samples and by its mean, the base controller on the same episodes;
    the better way is the deployed one, the mean where they are equal.
    """
    checkpoint = str(run / 'checkpoints')
    plans = {
        how: Plan(checkpoint, task, how, EPISODES, EVALUATION_SEED + seed)
        for how in ('sample', 'mean', 'zero')
    }
    results = dict(zip(plans, two_at_a_time(play, list(plans.values())), strict=True))
    episodes = read_metrics(run / 'metrics.jsonl')
    summary = _summary(task, seed, wall_s, results, episodes)
    write_summary(run / 'summary.json', summary)
    set_deployed(run, summary.deployed)
    _draw(run / 'curve.png', task, episodes, summary)
    films = [_film(plans[how]) for how in ('zero', summary.deployed)]
    write_video(run / 'rollout.mp4', side_by_side(*films), task.rates.action_hz)
    print(_tell(run, summary, show_sight(run, task, seed)), flush=True)
    return summary


def _summary(
    task: TaskConfig,
    seed: int,
    wall_s: float,
    results: dict[str, Result],
    episodes: list[dict[str, Any]],
) -> Summary:
    sampled, mean = results['sample'].success_rate, results['mean'].success_rate
    deployed: Literal['sample', 'mean'] = 'sample' if sampled > mean else 'mean'
    last = episodes[-1]
    took_s = max(last['seconds'], 1e-9)
    return Summary(
        task=task.name,
        robot=task.robot,
        agent=task.agent,
        seed=seed,
        env_steps=last['env_steps'],
        robot_minutes=last['robot_minutes'],
        wall_s=wall_s,
        success_rate=results[deployed].success_rate,
        success_rate_mean_action=mean,
        success_rate_sampled_action=sampled,
        base_success_rate=results['zero'].success_rate,
        deployed=deployed,
        mean_cycle_s=results[deployed].mean_cycle_s,
        safety_interventions=sum(row['interventions'] for row in episodes),
        lockstep_steps_per_s=last['env_steps'] / took_s,
        updates_per_s=last['updates'] / took_s,
        updates_per_step=last['updates'] / max(last['env_steps'], 1),
        evaluation_episodes=EPISODES,
        commit=_commit(),
    )


def _commit() -> str:
    """Commit of the source tree; empty where it is not one."""
    command = ['git', '-C', str(Path(__file__).parent), 'rev-parse', '--short', 'HEAD']
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ''
    return done.stdout.strip() if done.returncode == 0 else ''


def _draw(path: Path, task: TaskConfig, episodes: list[dict[str, Any]], summary: Summary) -> None:
    def series(key: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([row[key] for row in episodes], np.float64)

    title = f'{task.name}, {task.agent}, seed {summary.seed}'
    minutes, success, returns = (series(k) for k in ('robot_minutes', 'success', 'return'))
    draw_curve(path, Curve(minutes, success, returns, summary.base_success_rate, title))


def _film(plan: Plan) -> list[Frame]:
    """Both views of the first episodes of a plan."""
    task, robot = plan.task, robot_of(plan.task)
    host = DirectHost(task, robot, Limits(task.horizon), plan.seed)
    player = make_player(task, robot, plan.how, plan.seed, plan.checkpoint)
    frames: list[Frame] = []
    for number in range(FILMED):
        observation = host.reset()
        while not host.over:
            frames.append(_picture(task, host, f'{NAMES[plan.how]}, episode {number}'))
            action = player.act(observation)
            assert action is not None
            observation = host.act(action)
        title = f'{NAMES[plan.how]}, episode {number}'
        last = _picture(task, host, title, host.reward.success)
        frames += [last] * round(task.rates.action_hz)
    host.close()
    return frames


def _picture(task: TaskConfig, host: DirectHost, title: str, solved: bool | None = None) -> Frame:
    """Both views, what the policy sees in their corner, and how it goes."""
    views = np.concatenate([host.world.render(view, HEIGHT, WIDTH) for view in VIEWS])
    entries = host.observation.entries
    for i, picture in enumerate(pictures_of(task, entries).values()):
        corner = views[-INSET - GAP : -GAP, GAP + i * (INSET + GAP) :][:, :INSET]
        corner[:] = enlarged(picture, INSET)[:, : corner.shape[1]]
    force = entries['tool_wrench'][2]
    lines = [title, f'step {host.observation.step}  f_z {force:+.1f} N']
    lines += [] if solved is None else ['success' if solved else 'not solved']
    return overlay(views, lines, solved)


def _tell(run: Path, summary: Summary, pictures: list[str]) -> str:
    """The last lines that a person sees."""
    return (
        f'success {summary.success_rate:.0%} ({summary.deployed} action; '
        f'sampled {summary.success_rate_sampled_action:.0%}, '
        f'mean {summary.success_rate_mean_action:.0%}), '
        f'base controller {summary.base_success_rate:.0%}, '
        f'{summary.evaluation_episodes} episodes each\n'
        f'{summary.env_steps} steps, {summary.robot_minutes:.1f} robot-minutes, '
        f'{summary.wall_s:.0f} s\n'
        f'{run}/summary.json  curve.png  rollout.mp4  checkpoints/  {"  ".join(pictures)}'
    )
