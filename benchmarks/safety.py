# SPDX-License-Identifier: Apache-2.0
"""The safety filter: microseconds a call, and arbitrary inputs that must never get through.

Times are of commands that pass and of commands that are cut, without and with the look-ahead,
the arm moving all the while; of the processor, since other processes may share it. The last line
is one JSON object; exit status 1 if an input led to a command that is not allowed.

`--graph SECONDS` measures something else: in the safety node of a training in real time whose
control runs at 100 Hz, from a command and its state there to the safe command published.
"""

import argparse
import dataclasses
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import latency, safety_cases
from benchmarks.safety_cases import PERIOD_NS, PERIOD_S
from benchmarks.safety_draws import ARMS, LIMITS, LOOK, Arm
from robot_rl.config import read_yaml
from robot_rl.ranges import at_least_one, non_negative
from robot_rl.resources import find
from robot_rl.safety.filter import SafetyFilter
from robot_rl.types import JointCommand, JointState, Wrench

#: Speeds of the joints, shares of their limits, at which commands pass and are cut.
KINDS = {'passes': 0.02, 'cut': 2.0}
WARM_UP = 50
GRAPH_HZ = 100.0


def measure(arm: Arm, kind: str, looks: bool, calls: int) -> dict[str, Any]:
    """One row: how long calls take while an arm wanders about its home."""
    rng, size = np.random.default_rng(0), len(arm.home)
    times_ns: list[int] = []
    tool = arm.kinematics.evaluate(arm.home).position_xyz
    changes: dict[str, Any] = {'sphere_center': tuple(tool.tolist())}
    changes |= {'look_ahead': LOOK} if looks else {}
    limits = dataclasses.replace(LIMITS, **changes)
    arm_filter = SafetyFilter(
        limits, arm.kinematics, PERIOD_S, surroundings=arm.model if looks else None
    )
    speed = KINDS[kind] * arm.kinematics.velocity_limits
    drawn = rng.uniform(-speed, speed, (calls + WARM_UP, size))
    position, rest, still, acted = arm.home.copy(), np.zeros(size), np.zeros(3), 0
    for number, noise in enumerate(drawn):
        now_ns = (number + 1) * PERIOD_NS
        wanted = noise + 0.1 * (arm.home - position)
        command = JointCommand(now_ns, 'velocity', wanted)
        sensors = JointState(now_ns, position, rest), Wrench(now_ns, still, still)
        began = time.thread_time_ns()
        result = arm_filter.filter(command, *sensors, now_ns)
        times_ns.append(time.thread_time_ns() - began)
        acted += bool(result.reason)
        position = position + result.command.value * PERIOD_S
    micro = np.array(times_ns[WARM_UP:]) * 1e-3
    median, p99 = (round(float(np.quantile(micro, q)), 1) for q in (0.5, 0.99))
    row = {'commands': kind, 'look_ahead': looks, 'median_us': median, 'p99_us': p99}
    return row | {'acted': round(acted / len(times_ns), 3)}


def in_graph(seconds: float, processes: str) -> dict[str, float]:
    """Times in the node, ms, while the learner trains."""
    data = read_yaml(find('config/tasks', latency.TASK))
    data['rates']['control_hz'] = GRAPH_HZ
    with tempfile.TemporaryDirectory() as folder:
        task = Path(folder, 'fast.yaml')
        task.write_text(json.dumps(data))  # which is YAML, too
        return latency.measure(seconds, processes, str(task), 'safety_latency.json')


def main(argv: list[str]) -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(prog='robot-rl bench safety', description=__doc__)
    parser.add_argument('--calls', type=at_least_one, default=2000, help='timed, for each row')
    parser.add_argument('--cases', type=at_least_one, default=20_000, help='arbitrary inputs')
    parser.add_argument('--seed', type=non_negative, default=0, help='of the arbitrary inputs')
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    parser.add_argument('--graph', type=float, metavar='SECONDS', help='start-up included')
    parser.add_argument('--processes', choices=('composed', 'separate'), default='separate')
    options = parser.parse_args(argv)
    if options.graph:
        found = in_graph(options.graph, options.processes)
        result = {'name': 'safety', 'value': found['safety_p99_ms'], 'unit': 'ms in the node, p99'}
        print(json.dumps(result | found))
        return 0
    rows = []
    for name in ARMS:
        arm = Arm(name)
        for looks in (False, True):
            for kind in KINDS:
                rows.append({'robot': name} | measure(arm, kind, looks, options.calls))
                print('  '.join(f'{key} {value}' for key, value in rows[-1].items()), flush=True)
    tally = safety_cases.run(options.cases, options.seed)
    print(f'{tally.cases} arbitrary inputs, {tally.moving} moved the arm')
    print('  '.join(f'{name or "passed"} {n}' for name, n in tally.reasons.most_common()))
    for violation in tally.violations:
        print(f'not allowed: {violation}')
    plain, ahead = (_median(rows, looks) for looks in (False, True))
    result = {'name': 'safety', 'value': plain, 'unit': 'us a call that passes, slowest arm'}
    counted = {'cases': tally.cases, 'moving': tally.moving, 'violations': len(tally.violations)}
    print(json.dumps(result | {'look_ahead_us': ahead} | counted | {'rows': rows}))
    return int(bool(tally.violations))


def _median(rows: list[dict[str, Any]], looks: bool) -> float:
    """Of the slowest arm, commands that pass."""
    passing = (r for r in rows if r['look_ahead'] == looks and r['commands'] == 'passes')
    return max(float(row['median_us']) for row in passing)
