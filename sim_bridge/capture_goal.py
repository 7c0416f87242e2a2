# SPDX-License-Identifier: Apache-2.0
"""Takes the picture of a task's goal: rendered, from a camera, or from a demonstration's end.

Without `--graph`, `--rig` or `--demonstration` the simulation renders the task's desired state.
"""

import argparse
import importlib
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from robot_rl.episodes.observation import EntryConfig
from robot_rl.errors import InputError
from robot_rl.perception.camera import CameraConfig, CameraFrame, CameraPipeline
from robot_rl.perception.goal_file import GoalPicture, write_goal
from robot_rl.perception.rig import open_source, pipeline_of
from robot_rl.perception.source_config import load_sources
from robot_rl.perception.sources import Reconnecting
from robot_rl.ranges import non_negative
from robot_rl.replay.dataset import read_steps
from robot_rl.task import TaskConfig, load_task, robot_of
from robot_rl.types import Step
from sim_bridge.build import make_world, taken
from sim_bridge.goal_view import GOAL

PAUSE_S = 0.02
WARM_FRAMES = 5  # of a camera that sets its exposure by itself

#: A picture, and what is known of it.
Taken = tuple[GoalPicture, dict[str, Any]]


def rendered(task: TaskConfig, camera: CameraConfig, seed: int) -> Taken:
    """What the simulated camera would see with the goal of the episode of this seed reached."""
    name = camera.name.removesuffix(GOAL) + GOAL
    shown = replace(camera, name=name)
    with closing(make_world(task, robot_of(task))) as world:
        world.reset(seed)
        raw = taken(world, (shown,))
        stamp_ns = world.stamp_ns
    color, depth = raw.get(f'{name}/color'), raw.get(f'{name}/depth')
    frame = CameraPipeline(shown).process(color, depth, stamp_ns)
    return _picture(frame), {'source': 'simulation', 'seed': seed}


def from_graph(camera: CameraConfig, seconds: float) -> Taken:
    """What `camera_node` gives now."""
    look = importlib.import_module('robot_rl.nodes.look').look
    return look(camera, seconds), {'source': 'graph'}


def from_rig(camera: CameraConfig, rig: str, seconds: float) -> Taken:
    """What a camera of a rig gives now, its first frames left out.

    Raises:
        InputError: the rig has raw topics for it, or no good frame came; says why.
    """
    source = load_sources(rig, (camera.name,))[camera.name]
    if source.kind == 'topic':
        raise InputError(f'{rig}: {camera.name}: raw topics: start the graph and use --graph')
    clock = time.monotonic_ns
    opened = Reconnecting(lambda: open_source(source, clock, camera), source.retry_s)
    pipeline, reason, good = pipeline_of(camera, source), '', 0
    end = time.monotonic() + seconds
    with closing(opened):
        while time.monotonic() < end:
            raw = opened.read(clock())
            if raw is None:
                reason = opened.reason
                time.sleep(PAUSE_S)
                continue
            frame = pipeline.process(raw.color, raw.depth, raw.stamp_ns)
            good += isinstance(frame, CameraFrame)
            if good > WARM_FRAMES:
                return _picture(frame), {'source': f'rig {rig}'}
            reason = '' if isinstance(frame, CameraFrame) else frame.reason
    raise InputError(f'{rig}: {camera.name}: no picture in {seconds:g} s: {reason or "too few"}')


def from_demonstration(
    task: TaskConfig, camera: CameraConfig, path: Path, episode: int | None
) -> Taken:
    """The last picture of a recorded episode: the first successful one, or the one named.

    Raises:
        InputError: no such episode, or the recording lacks the camera's pictures.
    """
    last: dict[tuple[str, int], Step] = {}
    for step in read_steps(path):
        last[step.observation.collector, step.observation.episode] = step
    if not last:
        raise InputError(f'{path}: expected a recording or .npz file of steps, got no step')
    for (_, number), step in last.items():
        if number == episode or (episode is None and step.success):
            facts = {'source': str(path), 'episode': number, 'success': step.success}
            return _recorded(task, camera, step, path), facts
    wanted = 'a successful one' if episode is None else str(episode)
    known = ', '.join(str(number) for _, number in last)
    raise InputError(f'{path}: episode: expected {wanted} among {known}')


def _recorded(task: TaskConfig, camera: CameraConfig, step: Step, path: Path) -> GoalPicture:
    """The newest picture of a camera in a recorded observation."""
    mine = {e.source: e for e in task.observation if e.camera == camera.name}
    images: dict[str, np.ndarray[Any, Any]] = {}
    for kind, entry in mine.items():
        found = step.observation.entries.get(entry.name)
        if found is None or found.shape[:2] != camera.size:
            got = 'nothing' if found is None else list(found.shape[:2])
            raise InputError(
                f'{path}: {entry.name}: expected pictures of {list(camera.size)}, got {got}'
            )
        channels = 3 if kind == 'color' and not camera.gray else 1
        images[kind] = found[..., -channels:]
    if not images:
        raise InputError(f'task {task.name}: its observation has no picture of {camera.name!r}')
    depth = None if 'depth' not in images else _metres(images['depth'][..., 0], mine['depth'])
    return GoalPicture(step.observation.stamp_ns, images.get('color'), depth)


def _metres(depth: np.ndarray[Any, Any], entry: EntryConfig) -> np.ndarray[Any, Any]:
    """Distances, m, of a depth entry, that of one in bytes included."""
    values = np.asarray(depth, np.float32)
    if entry.span is None:
        return values
    low, high = entry.span
    return np.asarray(low + values * ((high - low) / 255), np.float32)


def _picture(frame: Any) -> GoalPicture:
    if not isinstance(frame, CameraFrame):
        raise InputError(frame.reason)
    return GoalPicture(frame.stamp_ns, frame.color, frame.depth_filled)


def camera_of(task: TaskConfig, name: str) -> CameraConfig:
    """The task's camera of that name; its first where the name is empty.

    Raises:
        InputError: the task has none, or none of that name.
    """
    cameras = {camera.name: camera for camera in task.cameras}
    if not cameras:
        raise InputError(f'task {task.name}: has no camera')
    if name and name not in cameras:
        raise InputError(f'--camera {name}: task {task.name} has {", ".join(cameras)}')
    return cameras[name or next(iter(cameras))]


def main(argv: list[str]) -> int:
    """The command; says where the picture is and how the task comes to use it."""
    options = _parse(argv)
    task = load_task(options.task, options.robot)
    camera = camera_of(task, options.camera)
    if options.graph:
        goal, facts = from_graph(camera, options.seconds)
    elif options.rig:
        goal, facts = from_rig(camera, options.rig, options.seconds)
    elif options.demonstration:
        goal, facts = from_demonstration(task, camera, options.demonstration, options.episode)
    else:
        goal, facts = rendered(task, camera, options.seed)
    path = options.out or Path('goals') / f'{task.name}.png'
    known = {'task': task.name, 'camera': camera.name} | facts
    print('  '.join(map(str, write_goal(path, goal, known, options.overwrite))))
    for line in lines(task, camera, path):
        print(line)
    return 0


def lines(task: TaskConfig, camera: CameraConfig, path: Path) -> list[str]:
    """What makes the task use the picture: of its reward, and of the rig for its goal camera."""
    found = []
    entries = [e.name for e in task.observation if e.stream == f'{camera.name}/color']
    if task.reward.kind == 'goal_image' and entries:
        goal = f'{{entry: {entries[0]}, file: {path}, size: {list(camera.size)}}}'
        found.append(f'goal_image: {goal}  # below reward, in the task')
    shown = camera.name.removesuffix(GOAL) + GOAL
    if shown in [each.name for each in task.cameras]:
        picture = f'{{kind: picture, file: {path.absolute()}}}'
        found.append(f'{shown}: {picture}  # below cameras, in the rig')
    return found


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='robot-rl capture-goal', description=__doc__)
    parser.add_argument('task', help='name in config/tasks, or a file')
    where = parser.add_mutually_exclusive_group()
    where.add_argument('--graph', action='store_true', help='of the camera_node that runs')
    where.add_argument('--rig', help='name in config/cameras, or a file; no graph is needed')
    where.add_argument('--demonstration', type=Path, help='recording or .npz file of steps')
    parser.add_argument('--robot', default='', help="default: the task's own")
    parser.add_argument('--camera', default='', help="default: the task's first")
    parser.add_argument('--seed', type=non_negative, default=0, help='of the rendered episode')
    parser.add_argument('--episode', type=int, help='default: the first successful one')
    parser.add_argument('--seconds', type=float, default=5.0, help='to wait for a camera')
    parser.add_argument('--out', type=Path, help='PNG to write; goals/TASK.png if absent')
    parser.add_argument('--overwrite', action='store_true', help='replaces files that are there')
    return parser.parse_args(argv)
