# SPDX-License-Identifier: Apache-2.0
"""A page with a picture and the figures of every task."""

import contextlib
import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_rl import resources
from robot_rl.episodes.episode import Limits
from robot_rl.errors import InputError
from robot_rl.report.files import write_text
from robot_rl.task import TaskConfig, load_task, robot_of
from robot_rl.types import Action
from sim_bridge.catalogue import row
from sim_bridge.expert import actions, play
from sim_bridge.experts import EXPERTS
from sim_bridge.host import DirectHost

SIZE = 240, 320  # rows and columns
QUALITY = 80  # of the JPEG, percent
CAMERAS = ('closeup', 'overview')
#: Between these lines the page is written anew; the rest of it is by hand.
FIRST, LAST = '<!-- made by robot-rl tasks --pictures -->', '<!-- end -->'
HEAD = '# Tasks\n'
TOP = '| | task | success | steps | expert |\n|---|---|---|---|---|\n'
LINE = (
    '| ![{name}]({picture}) | **{name}** ({robot})<br>{text}<br>'
    'observation {observation}, goal {goal}, action {action} ({axes}) '
    '| {success} | {horizon} at {action_hz:g} Hz | {expert} |\n'
)

#: What an expert reached in a task, as the last line of `robot-rl expert --json` says it.
Rate = dict[str, Any]


def write(
    folder: Path, rates: dict[str, Rate], episodes: int, tell: Callable[[str], None]
) -> Path:
    """Draws the tasks into a folder and writes the page `FOLDER.md` beside it.

    Args:
        folder: of the pictures, one JPEG a task.
        rates: of the experts, by task.
        episodes: to measure the others with; 0 to leave them.
        tell: is given a line a task.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = [TOP]
    for name in resources.names('config/tasks'):
        path = folder / f'{name}.jpg'
        picture = draw(load_task(name))
        cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        rate = rates.get(name)
        if rate is None and episodes and load_task(name).scene in EXPERTS:
            rate = measure(name, episodes)
            tell(json.dumps(rate))
        lines.append(describe(name, f'{folder.name}/{path.name}', rate))
        tell(f'{path}: {path.stat().st_size} bytes')
    page = folder.with_suffix('.md')
    write_text(page, _fill(page.read_text() if page.is_file() else HEAD, ''.join(lines)))
    return page


def draw(task: TaskConfig) -> NDArray[np.uint8]:
    """A picture [240, 320, 3] of a task halfway through its expert's first episode, RGB.

    A task without an expert is drawn at its start.
    """
    host = DirectHost(task, robot_of(task), Limits(task.horizon), 0)
    with contextlib.closing(host):
        steps = _play(task, host, task.horizon) if task.scene in EXPERTS else 0
        host.start_over(Limits(task.horizon), 0)
        _play(task, host, steps // 2)
        for camera in CAMERAS:
            with contextlib.suppress(InputError):
                return host.world.render(camera, *SIZE)
        raise InputError(f'scene {task.scene!r} has none of the cameras {", ".join(CAMERAS)}')


def describe(name: str, picture: str, rate: Rate | None) -> str:
    """The line of the table for a task."""
    task, facts = load_task(name), row(name)
    first = resources.find('config/tasks', name).read_text().split('\n', 1)[0]
    facts['observation'] = sum(int(np.prod(s)) for s in facts['observation'].values())
    facts['axes'] = ', '.join(facts['action'])
    facts['action'] = len(facts['action'])
    expert = 'not measured' if facts['expert'] else 'none'
    if rate:
        steps = f', {rate["mean_steps"]:.0f} steps' if rate['mean_steps'] else ''
        expert = f'{rate["success_rate"]:.0%} of {rate["episodes"]}{steps}'
    facts |= {'text': first.lstrip('# '), 'picture': picture, 'expert': expert}
    return LINE.format(success=rule(task), **facts)


def rule(task: TaskConfig) -> str:
    """When a task is solved, in words."""
    reward = task.reward
    if reward.success != 'distance':
        return {'contact': 'electrical contact', 'image': 'like the goal image'}[reward.success]
    goal = reward.goal
    if goal is None or not goal.part or goal.part == task.goal.size:
        return f'goal within {reward.success_distance:g}'
    return f'each of {task.goal.size // goal.part} parts within {goal.distance:g}'


def read_rates(path: Path) -> dict[str, Rate]:
    """Rates of experts by task, from a file with a JSON object a line; the last one counts.

    Raises:
        InputError: the file is not made of such lines.
    """
    try:
        rates = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        return {rate['task']: rate for rate in rates}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f'{path}: expected lines of `robot-rl expert --json`: {error}') from error


def measure(name: str, episodes: int) -> Rate:
    """What a task's expert reaches in so many episodes from seed 0."""
    played = play(load_task(name), episodes, 0)
    steps = float(np.mean(played.first)) if played.first else None
    rate = float(np.mean(played.success))
    return {'task': name, 'episodes': episodes, 'success_rate': rate, 'mean_steps': steps}


def _play(task: TaskConfig, host: DirectHost, most: int) -> int:
    """Plays the expert for so many steps at most; how many it took to the first success."""
    observation = host.reset()
    for values in islice(actions(task, host), most) if most else ():
        if host.over or host.reward.success:
            break
        observation = host.act(Action(observation.stamp_ns, values, 'script'))
    return observation.step


def _fill(page: str, table: str) -> str:
    """The page with another table in it; at its end where it had none."""
    before, mark, rest = page.partition(FIRST)
    if not mark:
        return f'{page.rstrip()}\n\n{FIRST}\n\n{table}\n{LAST}\n'
    return f'{before}{FIRST}\n\n{table}\n{LAST}{rest.partition(LAST)[2]}'
