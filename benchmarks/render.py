# SPDX-License-Identifier: Apache-2.0
"""Time of a 100x100 colour and depth picture whose looks vary, and of drawing new looks.

Plays resets and pictures of a task with looks, `fetch_pick_image` by default. A picture is colour
and depth of one state, brought to the renderer's model and drawn there; looks are drawn anew for
every tenth. Drawing new looks is timed by itself, with textures and without. The last line is one
JSON object; `value` is the median of a picture.
"""

import argparse
import dataclasses
import json
import time
from collections.abc import Callable
from contextlib import closing

import numpy as np

from robot_rl.ranges import at_least_one
from robot_rl.task import TaskConfig, load_task, robot_of
from sim_bridge.build import make_world
from sim_bridge.world import World

SIZE = 100
EVERY = 10  # pictures of each look


def measure(task: TaskConfig, count: int) -> dict[str, float]:
    """Medians and 99th percentiles, ms."""
    with closing(make_world(task, robot_of(task))) as world:
        camera = task.cameras[0].name
        pictures, looks = [], []
        world.reset(0)
        take(world, camera)
        for i in range(count):
            if i % EVERY == 0:
                world.reset(i)
                looks.append(clocked(world.prepare_looks))
            pictures.append(clocked(lambda: take(world, camera)))
    return {
        'picture_median_ms': quantile(pictures, 50),
        'picture_p99_ms': quantile(pictures, 99),
        'looks_median_ms': quantile(looks, 50),
        'looks_p99_ms': quantile(looks, 99),
    }


def take(world: World, camera: str) -> None:
    """Colour and depth."""
    world.colour_and_depth(camera, SIZE, SIZE)


def clocked(work: Callable[[], object]) -> float:
    """Milliseconds that it takes."""
    started = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - started)


def quantile(times: list[float], percent: int) -> float:
    """A percentile, rounded to a microsecond."""
    return round(float(np.percentile(times, percent)), 3)


def main(argv: list[str]) -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(prog='robot-rl bench render', description=__doc__)
    parser.add_argument('--task', default='fetch_pick_image', help='name in config/tasks')
    parser.add_argument('--pictures', type=at_least_one, default=1000)
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    task = load_task(options.task)
    plain = dataclasses.replace(task.looks, textured=(0.0, 0.0))
    rows = {
        'with textures': measure(task, options.pictures),
        'without textures': measure(dataclasses.replace(task, looks=plain), options.pictures),
    }
    for name, row in rows.items():
        print(name, *(f'{key} {value}' for key, value in row.items()), sep='  ')
    value = rows['with textures']['picture_median_ms']
    print(json.dumps({'name': 'render', 'value': value, 'unit': 'ms', 'rows': rows}))
    return 0
