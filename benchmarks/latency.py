# SPDX-License-Identifier: Apache-2.0
"""Real time at 20 Hz with the learner training: from a state sent to its command received.

The simulated robot measures: it sends joint states every 50 ms and waits for the command with
their stamp. At action ticks observation, policy, controller, safety lie on the way; at the
ticks between, controller and safety alone. The last line is one JSON object.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from robot_rl.errors import InputError

TASK = 'usb_insertion'
STOP_SECONDS = 20


def measure(
    seconds: float, processes: str, task: str = TASK, report: str = 'latency.json'
) -> dict[str, float]:
    """Latencies of a training in real time that is stopped after `seconds`.

    Args:
        seconds: start-up included.
        processes: composed or separate.
        task: name or file.
        report: file of the run that has them.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [str(Path(sys.prefix, 'bin', 'robot-rl')), 'launch', 'train_sim.launch.py']
        values = {'task': task, 'sync': 'realtime', 'processes': processes, 'run_dir': folder}
        command += [f'{name}:={value}' for name, value in values.items()]
        graph = subprocess.Popen(command)
        try:
            graph.wait(seconds)
            raise InputError(f'the graph ended by itself with status {graph.returncode}')
        except subprocess.TimeoutExpired:
            graph.send_signal(signal.SIGINT)
            graph.wait(STOP_SECONDS)
        path = Path(folder, report)
        if not path.is_file():
            raise InputError(f'{path}: the run left no latencies')
        return dict(json.loads(path.read_text()))


def main(argv: list[str]) -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(prog='robot-rl bench latency', description=__doc__)
    parser.add_argument('--seconds', type=float, default=65.0, help='start-up included')
    parser.add_argument('--processes', choices=('composed', 'separate'), default='composed')
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    measured = measure(options.seconds, options.processes)
    result = {
        'name': 'latency',
        'value': measured['observation_p50_ms'],
        'unit': 'ms',
        'p50_ms': measured['observation_p50_ms'],
        'p99_ms': measured['observation_p99_ms'],
    }
    print(json.dumps(result | measured))
    return 0
