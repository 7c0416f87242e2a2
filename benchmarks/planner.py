# SPDX-License-Identifier: Apache-2.0
"""Plans between random free postures of every arm: how many, how fast, and whether all are free.

Each way is looked at again in steps of 1 mm, without the planner's margin. The last line is one
JSON object.
"""

import argparse
import itertools
import json
import math
import time
from typing import Any

import numpy as np

from robot_rl.control.kinematics import Kinematics
from robot_rl.control.robot import RobotConfig, load_robot
from robot_rl.errors import InputError
from robot_rl.planning.collision import CollisionChecker
from robot_rl.planning.config import PlannerConfig
from robot_rl.planning.planner import Planner
from robot_rl.types import FloatArray

ARMS = ('fetch', 'jaco', 'jaco_j2n6s300', 'sawyer')
LOOK_M = 1e-3
TOUCH_M = 1e-6


def postures(robot: RobotConfig, checker: CollisionChecker, count: int) -> list[FloatArray]:
    """Free postures, drawn from all that the joints allow."""
    rng = np.random.default_rng(0)
    lower, upper = np.clip(Kinematics(robot).position_limits, -math.pi, math.pi).T
    drawn = (rng.uniform(lower, upper) for _ in itertools.count())
    return list(itertools.islice(filter(checker.free, drawn), count))


def touches(checker: CollisionChecker, way: list[FloatArray]) -> bool:
    """Whether anything touches along a way, looked at every millimetre."""
    for start, end in itertools.pairwise(way):
        parts = max(1, math.ceil(checker.travel(start, end) / LOOK_M))
        if not all(checker.free(start + (end - start) * k / parts) for k in range(parts + 1)):
            return True
    return False


def measure(name: str, pairs: int, look: int) -> dict[str, Any]:
    """One row: plans of one arm."""
    robot = load_robot(name)
    planner = Planner(robot, PlannerConfig())
    bare = CollisionChecker(robot, margin_m=TOUCH_M)
    ends = postures(robot, planner.checker, 2 * pairs)
    seconds, solved, touching = [], 0, 0
    for number, (start, goal) in enumerate(zip(ends[::2], ends[1::2], strict=True)):
        began = time.perf_counter()
        try:
            way = planner.path(start, goal, seed=number)
        except InputError:
            way = []
        seconds.append(time.perf_counter() - began)
        solved += bool(way)
        if way and number < look:
            touching += touches(bare, way)
    median = float(np.median(seconds)) * 1e3
    row = {'robot': name, 'pairs': pairs, 'solved': solved / pairs, 'median_ms': round(median, 1)}
    return row | {'p95_ms': round(float(np.quantile(seconds, 0.95)) * 1e3), 'touching': touching}


def main(argv: list[str]) -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(prog='robot-rl bench planner', description=__doc__)
    parser.add_argument('--pairs', type=int, default=200)
    parser.add_argument('--look', type=int, default=200, help='ways that are looked at again')
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    rows = []
    for name in ARMS:
        rows.append(measure(name, options.pairs, options.look))
        print('  '.join(f'{key} {value}' for key, value in rows[-1].items()), flush=True)
    worst = max(row['median_ms'] for row in rows)
    result = {'name': 'planner', 'value': worst, 'unit': 'ms, median of the slowest arm'}
    print(json.dumps(result | {'rows': rows}))
    return 0
