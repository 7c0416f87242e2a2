# SPDX-License-Identifier: Apache-2.0
"""Pictures of what a policy sees and makes of it: `robot-rl view`.

`observation TASK`: the pictures at the start of some episodes, in their looks. `depth TASK`: depth
before and after its holes are filled. `bottleneck RUN`: the state that the bottleneck of a run's
policy reads off its pictures, beside the true one.
"""

import argparse
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_rl.episodes.episode import Limits
from robot_rl.errors import InputError
from robot_rl.learning.build import read_saved
from robot_rl.learning.config import load_agent
from robot_rl.ranges import at_least_one, non_negative
from robot_rl.report.video import Frame
from robot_rl.rewards.goal_picture import load_goal_image
from robot_rl.task import TaskConfig, load_task, robot_of
from robot_rl.types import Entries
from sim_bridge.bottleneck_view import plot, reconstruct, restored
from sim_bridge.depth_view import depth_sheet
from sim_bridge.host import DirectHost
from sim_bridge.tiles import sheet_of, tile

FAR = 2.0  # m, shown white in depth that is no uint8
PLAYED = 3  # episodes of a bottleneck
SHOWN = 12  # episodes on the other sheets


def sheet(task: TaskConfig, episodes: int, seed: int, across: int) -> Frame:
    """All picture entries of the first observation of each episode, one tile an episode.

    A goal picture that the reward compares with stands beside them.

    Raises:
        InputError: the task's observation has no pictures.
    """
    if not any(entry.camera for entry in task.observation):
        raise InputError(f'task {task.name}: its observation has no pictures')
    goal = task.reward.goal_image
    wanted = {f'goal: {Path(goal.file).name}': load_goal_image(goal)} if goal else {}
    host, tiles = DirectHost(task, robot_of(task), Limits(task.horizon), seed, records=False), []
    with closing(host):
        for _ in range(episodes):
            shown = pictures_of(task, host.reset().entries) | wanted
            first, *others = shown
            titles = [f'episode {host.observation.episode}: {first}', *others]
            tiles.append(tile(list(shown.values()), titles))
    return sheet_of(tiles, across)


def pictures_of(task: TaskConfig, entries: Entries) -> dict[str, NDArray[np.uint8]]:
    """The newest picture of each picture entry of an observation, in bytes, by name."""
    gray = {camera.name for camera in task.cameras if camera.gray}
    return {
        e.name: _newest(entries[e.name], 1 if e.source == 'depth' or e.camera in gray else 3)
        for e in task.observation
        if e.camera
    }


def _newest(entry: NDArray[np.generic], channels: int) -> NDArray[np.uint8]:
    """The newest frame of an entry, in bytes."""
    newest = np.asarray(entry[..., -channels:], np.float32)
    if entry.dtype != np.uint8:
        newest = (newest * (255 / FAR)).clip(0, 255)
    return newest.astype(np.uint8)


def reconstruction(run: Path, task: TaskConfig, episodes: int, seed: int) -> Frame:
    """What the bottleneck of a run's policy reads off its pictures, drawn over some episodes.

    Raises:
        InputError: no run there, or one whose agent has no bottleneck.
    """
    found = reconstruct(task, restored(run, task), episodes, seed)
    return plot(found, f'{task.name}, {task.agent}')


def show_sight(run: Path, task: TaskConfig, seed: int) -> list[str]:
    """Draws what the policy of a run sees into its folder; names of the pictures.

    Args:
        run: folder with checkpoints.
        task: that was trained.
        seed: of the run.
    """
    made = {}
    if any(entry.camera for entry in task.observation):
        made['observation.png'] = sheet(task, SHOWN, seed, 2)
    if any(entry.source == 'depth' for entry in task.observation):
        made['depth.png'] = depth_sheet(task, SHOWN, seed, 2)
    if getattr(load_agent(task.agent).agent, 'bottleneck_entries', ()):
        made['bottleneck.png'] = reconstruction(run, task, PLAYED, seed)
    for name, picture in made.items():
        write_picture(run / name, picture)
    return list(made)


def write_picture(path: Path, picture: Frame) -> str:
    """Writes an RGB picture; says where and how large.

    Raises:
        InputError: a name that does not end in `.png`, or a disk that refuses.
    """
    if path.suffix != '.png':
        raise InputError(f'{path}: expected a name that ends in .png')
    done, coded = cv2.imencode('.png', np.ascontiguousarray(picture[..., ::-1]))
    assert done
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(coded.tobytes())
    except OSError as error:
        raise InputError(f'{path}: cannot be written: {error.strerror or error}') from error
    return f'{path}: {picture.shape[1]}x{picture.shape[0]} pixels'


def main(argv: list[str]) -> int:
    """The command; writes a PNG."""
    parser = argparse.ArgumentParser(
        prog='robot-rl view',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('what', choices=('observation', 'depth', 'bottleneck'))
    parser.add_argument('subject', help='task: name in config/tasks, or a file; or a run folder')
    parser.add_argument('--episodes', type=at_least_one, help='12; 3 of a bottleneck')
    parser.add_argument('--seed', type=non_negative, default=0, help='of the run that begins so')
    parser.add_argument('--across', type=at_least_one, default=2, help='episodes side by side')
    parser.add_argument('--out', type=Path, help='PNG; TASK_WHAT.png if absent, in RUN for a run')
    options = parser.parse_args(argv)
    if options.what == 'bottleneck':
        run = Path(options.subject)
        saved = read_saved(str(run))
        task = load_task(saved.task, saved.robot, saved.agent)
        made = reconstruction(run, task, options.episodes or PLAYED, options.seed)
        path = run / 'bottleneck.png'
    else:
        task = load_task(options.subject)
        draw = sheet if options.what == 'observation' else depth_sheet
        made = draw(task, options.episodes or SHOWN, options.seed, options.across)
        path = Path(f'{task.name}_{options.what}.png')
    print(write_picture(options.out or path, made))
    return 0
