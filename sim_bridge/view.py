# SPDX-License-Identifier: Apache-2.0
"""A contact sheet of what a policy sees at the start of some episodes: `robot-rl view`."""

import argparse
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_rl.episodes.episode import Limits
from robot_rl.errors import InputError
from robot_rl.ranges import at_least_one
from robot_rl.report.video import Frame, overlay
from robot_rl.task import TaskConfig, load_task, robot_of
from robot_rl.types import Entries
from sim_bridge.host import DirectHost

SIDE = 160  # pixels of a picture on the sheet
STRIP = 22  # pixels of the line of text above
GAP = 6
FAR = 2.0  # m, shown white in depth that is no uint8


def sheet(task: TaskConfig, episodes: int, seed: int, across: int) -> Frame:
    """All picture entries of the first observation of each episode, one tile an episode.

    Raises:
        InputError: the task's observation has no pictures.
    """
    names = [entry.name for entry in task.observation if entry.camera]
    if not names:
        raise InputError(f'task {task.name}: its observation has no pictures')
    host, tiles = DirectHost(task, robot_of(task), Limits(task.horizon), seed, records=False), []
    with closing(host):
        for _ in range(episodes):
            entries = host.reset().entries
            tiles.append(_tile(entries, names, f'episode {host.observation.episode}'))
    blank = np.full_like(tiles[0], 255)
    tiles += [blank] * (-len(tiles) % across)
    rows = [np.hstack(tiles[i : i + across]) for i in range(0, len(tiles), across)]
    return np.vstack(rows)


def _tile(entries: Entries, names: list[str], title: str) -> Frame:
    """The pictures of one observation side by side, their names above."""
    shown = []
    for i, name in enumerate(names):
        picture = np.full((SIDE + STRIP, SIDE, 3), 40, np.uint8)
        picture[STRIP:] = _picture(entries[name])
        line = f'{title}: {name}' if i == 0 else name
        shown.append(overlay(picture, [line]))
    return np.pad(np.hstack(shown), ((GAP, GAP), (GAP, GAP), (0, 0)), constant_values=255)


def _picture(entry: NDArray[np.generic]) -> Frame:
    """The newest frame of an entry, RGB, enlarged so that its pixels can be counted."""
    colors = 3 if entry.shape[-1] % 3 == 0 else 1
    newest = np.asarray(entry[..., -colors:], np.float32)
    if entry.dtype != np.uint8:
        newest = (newest * (255 / FAR)).clip(0, 255)
    large = cv2.resize(newest.astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
    picture = np.asarray(large, np.uint8).reshape(SIDE, SIDE, -1)
    return np.broadcast_to(picture, (SIDE, SIDE, 3)).copy()


def main(argv: list[str]) -> int:
    """The command; writes a PNG."""
    parser = argparse.ArgumentParser(prog='robot-rl view', description=__doc__)
    parser.add_argument('what', choices=('observation',))
    parser.add_argument('task', help='name in config/tasks, or a file')
    parser.add_argument('--episodes', type=at_least_one, default=12)
    parser.add_argument('--seed', type=int, default=0, help='of the run that begins so')
    parser.add_argument('--across', type=at_least_one, default=2, help='episodes side by side')
    parser.add_argument(
        '--out', type=Path, default=None, help='PNG; TASK_observation.png if absent'
    )
    options = parser.parse_args(argv)
    task = load_task(options.task)
    made = sheet(task, options.episodes, options.seed, options.across)
    path = options.out or Path(f'{task.name}_observation.png')
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), made[..., ::-1]):
        raise InputError(f'--out {path}: expected the name of a .png file')
    print(f'{path}: {options.episodes} episodes, {made.shape[1]}x{made.shape[0]} pixels')
    return 0
