# SPDX-License-Identifier: Apache-2.0
"""How long updates take while a checkpoint is being written, against updates alone."""

import tempfile
import time
from pathlib import Path

import numpy as np

from robot_rl.learning.build import make_learner
from robot_rl.learning.checkpoint import CheckpointWriter
from robot_rl.learning.learner import Learner
from robot_rl.models.training import configure_process
from robot_rl.task import data_spec, load_task, robot_of
from robot_rl.types import Entries, Observation, Step

UPDATES = 400


def filled(stored: int) -> Learner:
    """The learner of the USB insertion with so many steps of noise, warmed up."""
    task = load_task('usb_insertion')
    robot = robot_of(task)
    spec, rng = data_spec(task, robot), np.random.default_rng(0)
    learner = make_learner(task, robot, 0, 'bench')
    for i in range(stored):
        entries: Entries = {
            name: rng.standard_normal(entry.shape).astype(entry.dtype)
            for name, entry in spec.entries.items()
        }
        action = rng.uniform(-1, 1, spec.action_size)
        seen = Observation(i, 'bench', 0, i, entries, sequence=i)
        ends = {'success': False, 'terminated': False, 'truncated': False}
        learner.add(Step(i, seen, action, action, action, 'policy', 0, 0.0, **ends))
    for _ in range(50):
        learner.update()
    return learner


def timed(learner: Learner) -> float:
    """Milliseconds of one update."""
    started = time.perf_counter()
    learner.update()
    return (time.perf_counter() - started) * 1e3


def measure(stored: int) -> dict[str, float]:
    """Percentiles of the update time in ms, alone and beside saves, taken in turns.

    `copy_ms` is what a save keeps the learner from its next update.
    """
    configure_process(1, 'highest')
    learner = filled(stored)
    alone: list[float] = []
    beside: list[float] = []
    copies: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        writer = CheckpointWriter(Path(folder))
        while len(beside) < UPDATES:
            writer.wait()
            alone += [timed(learner) for _ in range(20)]
            started = time.perf_counter()
            checkpoint = learner.checkpoint()
            copies.append((time.perf_counter() - started) * 1e3)
            writer.start(checkpoint)
            while writer.busy:
                beside.append(timed(learner))
    p99_alone, p99_beside = np.percentile(alone, 99), np.percentile(beside, 99)
    values = {
        'stored': stored,
        'update_p50_ms': np.median(alone),
        'update_p99_ms': p99_alone,
        'saving_p50_ms': np.median(beside),
        'saving_p99_ms': p99_beside,
        'ratio': p99_beside / p99_alone,
        'copy_ms': np.median(copies),
    }
    return {name: round(float(value), 3) for name, value in values.items()}
