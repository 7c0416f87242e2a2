# SPDX-License-Identifier: Apache-2.0
"""A training with a driver, for hours, in which a random process is killed every minute.

`train_real.launch.py` runs with the simulated arm behind the driver, every node in a process of
its own, in real time; a small agent learns. Once in every minute, at a random moment, one process
gets SIGKILL, or SIGSTOP and 2 s later SIGCONT. The launcher starts it again; the end of the
driver ends the graph, and then it is launched again in the same folder. Where the arm has
stopped, this bench does what a person would: the doctor, reset_stop, arm, at last RESUME.

Judged: no process ends that was not killed, and the arm moves again within three minutes; no
command at the driver's output outside the limits of joints, tool speed and sphere; memory of each
node grows by less than 5 %, see `books.py`; no process and no shared memory is left; the last
checkpoint counts every step. One line a minute; the last line is one JSON object, and the status
is 0 when all rows held.
"""

import argparse
import json
import os
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.integrity import audit
from benchmarks.soak_graph import Graph, send
from robot_rl.errors import InputError
from robot_rl.learning.checkpoint import load_latest
from robot_rl.ranges import non_negative

#: The simulated arm stands for hardware, and is not killed. The driver, whose end is that of the
#: graph, is killed more rarely than the others, so that these live long enough to be weighed.
VICTIMS = {
    f'{name}_node': 1.0
    for name in ('episode', 'policy', 'controller', 'safety', 'reward', 'replay', 'learner')
} | {'driver_node': 0.4}
STOPPED_SHARE = 0.25
STOPPED_SECONDS = 2.0
STUCK_SECONDS = 10.0
MOST_GROWTH = 0.05
#: Before that, memory says nothing.
LONG_MINUTES = 60.0


class Soak:
    """A graph, what is done to it, and what came of it.

    Attributes:
        graph: that is soaked.
        kills: by victim and signal.
        recoveries: seconds from each kill until the arm moved again.
        stops: of the arm, not after a kill; what the nodes said.
        slowest_hold: seconds from a kill of safety to the last command that moves.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        """Starts nothing yet."""
        self.graph = Graph(folder, seed)
        self.kills: Counter[str] = Counter()
        self.recoveries: list[float] = []
        self.stops: list[str] = []
        self.slowest_hold = 0.0
        self._rng = np.random.default_rng(seed)

    def run(self, minutes: float) -> None:
        """All of it."""
        graph = self.graph
        try:
            graph.launch()
            graph.recover()
            began = time.monotonic()
            for minute in range(int(minutes)):
                self._rest(began + 60 * minute + self._rng.uniform(5.0, 40.0))
                self._strike()
                self._rest(began + 60 * (minute + 1))
                self._tell(minute + 1)
        finally:
            graph.end()
            graph.watch.judge()
            graph.look_at_log()
            graph.watch.close()

    def _strike(self) -> None:
        """Kills or pauses a random process, then waits until the arm moves again."""
        graph, running = self.graph, self.graph.processes()
        names = sorted(running.keys() & VICTIMS)
        shares = np.array([VICTIMS[name] for name in names])
        victim = str(self._rng.choice(names, p=shares / shares.sum()))
        number = signal.SIGSTOP if self._rng.random() < STOPPED_SHARE else signal.SIGKILL
        graph.note()
        since = time.monotonic()
        send(running[victim], number)
        if number == signal.SIGKILL:
            graph.killed.add(running[victim])
        graph.wait(lambda: False, STOPPED_SECONDS)
        if victim == 'safety_node':
            self.slowest_hold = max(self.slowest_hold, graph.watch.last_motion(since))
        send(running[victim], signal.SIGCONT)
        if (victim, number) == ('driver_node', signal.SIGKILL):
            graph.wait_for_end()
            graph.launch()
        acts, moves = graph.acts, graph.recover()
        self.kills[f'{victim} {number.name}'] += 1
        self.recoveries.append(time.monotonic() - since)
        told = f'moves after {self.recoveries[-1]:.1f} s' if moves else 'moves no more'
        print(f'{number.name} {victim}: {told}, {graph.acts - acts} acts', flush=True)

    def _rest(self, end: float) -> None:
        """Lets it train; where the arm stops by itself, goes on as a person would."""
        graph = self.graph
        while (left := end - time.monotonic()) > 0:
            if graph.wait(self._stuck, left) and left > 1:
                self.stops.append(json.dumps(graph.watch.said))
                print(f'stopped by itself: {self.stops[-1]}', flush=True)
                graph.recover()
        graph.look_at_log()
        graph.watch.judge()

    def _stuck(self) -> bool:
        since = time.monotonic() - STUCK_SECONDS
        return not any(moves for at, moves in self.graph.watch.recent if at > since)

    def _tell(self, minute: int) -> None:
        graph, watch = self.graph, self.graph.watch
        print(
            f'minute {minute}: {watch.episodes} episodes, {watch.steps} actions, '
            f'{watch.commands} commands, {sum(watch.violations.values())} outside limits, '
            f'{len(graph.faults)} faults, {graph.books.total_kilobytes() / 1e3:.0f} MB, '
            f'shared {graph.books.shared / 1e6:.0f} MB',
            flush=True,
        )

    def result(self, minutes: float) -> dict[str, Any]:
        """The rows, and the numbers behind them."""
        graph, watch, books = self.graph, self.graph.watch, self.graph.books
        growth, within = books.growth(), books.growth_within()
        last, _ = load_latest(graph.folder)
        faults = [*graph.faults, *audit(last)]
        left = {'processes': books.left_processes(), 'shared_memory': books.left_files()}
        grown = [*growth.values(), *within.values()]
        small = all(g is not None and g < MOST_GROWTH for g in grown)
        rows = {
            'no crash of the graph': not faults and bool(self.recoveries),
            'no command outside limits': not watch.violations and watch.moving_commands > 0,
            'memory growth < 5 %': small if minutes >= LONG_MINUTES else None,
            'no leaked process': not left['processes'],
            'no leaked shared memory': not left['shared_memory'],
        }
        numbers = {
            'kills': dict(self.kills),
            'faults': faults,
            'recovery_s': _spread(self.recoveries),
            'acts_of_a_person': graph.acts,
            'stops': self.stops,
            'slowest_hold_of_safety_s': round(self.slowest_hold, 3),
            'commands': watch.commands,
            'moving_commands': watch.moving_commands,
            'violations': dict(watch.violations),
            'worst': watch.worst,
            'episodes': watch.episodes,
            'actions': watch.steps,
            'learned': {k: last.meta[k] for k in ('env_steps', 'updates', 'lost_steps')},
            'growth': growth,
            'growth_within_a_life': within,
            'left': left,
            'shared_files_seen': len(books.files),
            'most_shared_mb': round(books.peak_shared / 1e6),
        }
        return {'rows': rows} | numbers


def _spread(seconds: list[float]) -> dict[str, float]:
    values = np.array(seconds or [0.0])
    found = {'median': np.median(values), 'p90': np.quantile(values, 0.9), 'most': values.max()}
    return {name: round(float(value), 2) for name, value in found.items()}


def main(argv: list[str]) -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(prog='robot-rl bench soak', description=__doc__)
    parser.add_argument('--minutes', type=float, default=120.0)
    parser.add_argument('--seed', type=non_negative, default=0)
    parser.add_argument('--run-dir', type=Path, help='keeps logs and checkpoints here')
    parser.add_argument('--domain', type=int, default=77, help='of ROS, apart from others')
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    if not 1 <= options.minutes <= 10_000:
        raise InputError(f'--minutes: expected 1 to 10000, got {options.minutes}')
    os.environ['ROS_DOMAIN_ID'] = str(options.domain)
    with tempfile.TemporaryDirectory() as name:
        folder = (options.run_dir or Path(name)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        soak = Soak(folder, options.seed)
        soak.run(options.minutes)
        result = soak.result(options.minutes)
    value = sum(soak.kills.values())
    print(json.dumps({'name': 'soak', 'value': value, 'unit': 'kills survived'} | result))
    return 1 if False in result['rows'].values() else 0
