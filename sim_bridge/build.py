# SPDX-License-Identifier: Apache-2.0
"""A task's world, and the raw pictures that its cameras take there."""

import numpy as np

from robot_rl.control.robot import RobotConfig
from robot_rl.errors import InputError
from robot_rl.perception.camera import CameraConfig
from robot_rl.task import TaskConfig
from robot_rl.types import Entries
from sim_bridge.goal_view import GOAL
from sim_bridge.stereo import measured
from sim_bridge.world import World

#: Raw pictures are this much larger than what the policy sees, as a real camera's are.
OVERSAMPLING = 2


def make_world(task: TaskConfig, robot: RobotConfig) -> World:
    """The scene of a task; the true goal is the task's, without its noise."""
    goal = task.goal
    world = World(
        task.scene,
        robot,
        np.array(goal.position),
        np.array(goal.rpy),
        task.rates.control_hz,
        task.scene_options,
    )
    world.randomize(task.randomization)
    cameras = tuple(camera.name.removesuffix(GOAL) for camera in task.cameras)
    world.dress(task.looks, task.rates.action_hz, cameras)
    return world


def scene_streams(world: World, task: TaskConfig) -> Entries:
    """What the task reads of its scene's state, float64 vectors by stream.

    Raises:
        InputError: the scene does not tell it, or in another size.
    """
    if not task.scene_sizes:
        return {}
    told, streams = world.scene_state(), {}
    for name, size in task.scene_sizes.items():
        if name not in told or told[name].shape != (size,):
            known = ', '.join(f'{n} {a.shape}' for n, a in told.items())
            raise InputError(
                f'task {task.name}: scene {task.scene!r} does not tell {name!r} with {size} '
                f'values; it tells {known}'
            )
        streams[f'scene/{name}'] = told[name]
    return streams


def raw_pictures(world: World, task: TaskConfig) -> Entries:
    """What the task's cameras send: uint8 RGB [H, W, 3] and uint16 millimetres [H, W, 1]."""
    return taken(world, task.cameras)


def taken(world: World, cameras: tuple[CameraConfig, ...]) -> Entries:
    """What these cameras send, as `raw_pictures`."""
    pictures: Entries = {}
    for camera in cameras:
        frame = _seen(world, camera)
        if not camera.name.endswith(GOAL):
            frame = world.looks.frames.sense(camera.name, frame)
        pictures |= frame
    for stream in [s for s in pictures if s.endswith('/depth')]:
        depth_mm = np.rint(np.nan_to_num(np.asarray(pictures[stream], np.float32)) * 1000.0)
        pictures[stream] = depth_mm.clip(0, 65535).astype(np.uint16)
    return pictures


def _seen(world: World, camera: CameraConfig) -> Entries:
    """A camera's pictures of the present state: uint8 RGB, and depth in m, by stream."""
    height, width = (OVERSAMPLING * side for side in camera.size)
    where, both = (camera.name, height, width), camera.color and camera.depth
    color, depth_m = world.colour_and_depth(*where) if both else (None, None)
    frame: Entries = {}
    if camera.color:
        color = world.render(*where, fancy=False) if color is None else color
        frame[f'{camera.name}/color'] = color
    if camera.depth:
        depth_m = world.depth(*where) if depth_m is None else depth_m
        frame[f'{camera.name}/depth'] = measured(world, camera, depth_m)[..., None]
    return frame
