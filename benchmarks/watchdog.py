# SPDX-License-Identifier: Apache-2.0
"""SIGKILL of the safety node, again and again: time until the driver holds the arm.

The graph runs on the fake arm of the fault tests, safety and driver in processes of their own.
Each time the safety node is killed just after a command while the arm moves. The time goes from
the signal to the first of the zeros that stay, as they arrive at the motors: silence of 100 ms,
up to one period of the driver, and the slowing down are in it. Then it is started and armed
again. The last line is one JSON object; exit status 1 if a time was above the bound, 110 ms.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

import numpy as np

from robot_rl.errors import InputError
from robot_rl.ranges import at_least_one

TESTS = Path(__file__).resolve().parents[1] / 'test'
BOUND_MS = 110.0
#: A reset gives up early, so that an episode begins soon.
START = 'start: {timeout_s: 4.0}\n'
OTHERS = ('episode_node', 'reward_node', 'replay_node', 'policy_node', 'controller_node')


def measure(kills: int, folder: Path) -> list[float]:
    """Milliseconds to the hold, of each kill."""
    sys.path.insert(0, str(TESTS))
    from fault_graph import Graph, Nodes  # noqa: PLC0415

    nodes: Nodes = {
        'rest': ('container', {'nodes': OTHERS}),
        'safety': ('safety_node', {}),
        'driver': ('driver_node', {}),
    }
    graph = Graph(folder, nodes, START, learning=False)
    times_ms: list[float] = []
    try:
        while len(times_ms) < kills:
            graph.bring_up()
            since = graph.strike('safety', signal.SIGKILL)
            times_ms.append(round(graph.seconds_to_hold(since) * 1e3, 1))
            print(f'kill {len(times_ms)}: hold after {times_ms[-1]} ms', flush=True)
    finally:
        graph.close()
    return times_ms


def main(argv: list[str]) -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(prog='robot-rl bench watchdog', description=__doc__)
    parser.add_argument('--kills', type=at_least_one, default=20)
    parser.add_argument('--domain', type=int, default=88, help='ROS_DOMAIN_ID')
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    if not TESTS.is_dir():
        raise InputError(f'{TESTS}: no such folder; the fake arm is in the source tree alone')
    os.environ['ROS_DOMAIN_ID'] = str(options.domain)
    with tempfile.TemporaryDirectory() as folder:
        times_ms = measure(options.kills, Path(folder))
    held = sum(time_ms <= BOUND_MS for time_ms in times_ms)
    middle, most = float(np.median(times_ms)), max(times_ms)
    print(
        f'{held} of {len(times_ms)} within {BOUND_MS:g} ms; median {middle:.1f}, most {most:.1f}'
    )
    result = {'name': 'watchdog', 'value': most, 'unit': 'ms to the hold, slowest'}
    counted = {'held': held, 'kills': len(times_ms), 'median_ms': middle, 'times_ms': times_ms}
    print(json.dumps(result | counted))
    return int(held < len(times_ms))
