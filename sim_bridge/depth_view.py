# SPDX-License-Identifier: Apache-2.0
"""Depth before and after its holes are filled, beside the colour of the same camera."""

from contextlib import closing
from dataclasses import replace

import cv2
import numpy as np

from robot_rl.errors import InputError
from robot_rl.perception.camera import CameraConfig, CameraFrame, CameraPipeline
from robot_rl.perception.depth import DepthImage
from robot_rl.perception.holes import HolesConfig
from robot_rl.report.video import Frame
from robot_rl.task import TaskConfig, robot_of
from robot_rl.types import Entries
from sim_bridge.build import make_world, taken
from sim_bridge.goal_view import GOAL
from sim_bridge.tiles import sheet_of, tile

HOLE = 255, 0, 200  # RGB of a pixel without depth
PERCENT = 1.0  # of the pixels that may lie beyond each end of the colours


def depth_sheet(task: TaskConfig, episodes: int, seed: int, across: int) -> Frame:
    """Colour, measured depth and filled depth at the start of some episodes.

    Where the task's camera has perfect depth, it is shown with the holes of a RealSense, and the
    title says that they were added.

    Raises:
        InputError: none of the task's cameras gives depth, or a picture is refused.
    """
    cameras = [c for c in task.cameras if c.depth and not c.name.endswith(GOAL)]
    if not cameras:
        raise InputError(f'task {task.name}: none of its cameras gives depth')
    shown = tuple(replace(c, color=True, holes=c.holes or HolesConfig()) for c in cameras)
    words = {c.name: 'measured' if c.holes else 'holes added,' for c in cameras}
    tiles = []
    with closing(make_world(task, robot_of(task))) as world:
        for episode in range(episodes):
            world.reset(seed + episode)
            raw = taken(world, shown)
            tiles += [_tile(c, words[c.name], raw, world.stamp_ns, seed + episode) for c in shown]
    return sheet_of(tiles, across)


def _tile(camera: CameraConfig, word: str, raw: Entries, stamp_ns: int, seed: int) -> Frame:
    pipeline = CameraPipeline(camera)
    color, depth = raw[f'{camera.name}/color'], raw[f'{camera.name}/depth']
    before, frame = pipeline.measured(depth), pipeline.process(color, depth, stamp_ns)
    if not isinstance(frame, CameraFrame):
        raise InputError(frame.reason)
    assert frame.color is not None
    assert frame.depth_filled is not None
    low, high = np.nanpercentile(before, [PERCENT, 100 - PERCENT])
    names = [f'seed {seed}: {camera.name}', f'{word} {frame.valid_fraction:.0%} valid']
    names.append(f'filled, {low:.2f}-{high:.2f} m')
    pictures = [paint(image, low, high) for image in (before, frame.depth_filled)]
    return tile([frame.color, *pictures], names)


def paint(depth_m: DepthImage, low: float, high: float) -> Frame:
    """Depth in colours that follow 1 / depth, near bright, holes pink, shape [H, W, 3]."""
    near, far = 1 / low, 1 / high
    share = np.nan_to_num((1 / depth_m - far) / max(near - far, 1e-6)).clip(0, 1)
    bgr = cv2.applyColorMap(np.rint(share * 255).astype(np.uint8), cv2.COLORMAP_VIRIDIS)
    picture = np.asarray(bgr[..., ::-1], np.uint8).copy()
    picture[np.isnan(depth_m)] = HOLE
    return picture
