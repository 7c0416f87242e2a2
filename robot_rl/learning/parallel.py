# SPDX-License-Identifier: Apache-2.0
"""Runs work in several processes whose on-policy agents learn together.

Each process has its own environments and a copy of the same agent, drawn from the same seed.
Gradients are summed over all of them (`models/workers.py`), so that the copies stay equal. Every
process must therefore make the same number of updates.
"""

import multiprocessing
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import torch
from torch import distributed

from robot_rl.errors import InputError

T = TypeVar('T')

#: A worker that hears nothing from the others for so long gives up.
TIMEOUT = timedelta(minutes=5)


def run_workers(work: Callable[[int], T], count: int) -> list[T]:
    """Calls `work(rank)` in `count` processes that learn together; what each gives.

    Args:
        work: a function of a module, so that it can be sent to another process.
        count: number of processes; with 1, it is called here.

    Raises:
        InputError: fewer than one worker.
    """
    if not count >= 1:
        raise InputError(f'workers: expected at least 1, got {count}')
    if count == 1:
        return [work(0)]
    spawn = multiprocessing.get_context('spawn')
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(count, spawn) as pool:
        meeting = Path(folder, 'meeting').as_uri()
        started = [pool.submit(_join, work, rank, count, meeting) for rank in range(count)]
        return [each.result() for each in started]


def _join(work: Callable[[int], T], rank: int, count: int, meeting: str) -> T:
    """One worker: joins the others, works, leaves."""
    os.environ.setdefault('GLOO_SOCKET_IFNAME', 'lo')
    torch.set_num_threads(1)
    distributed.init_process_group(
        'gloo', init_method=meeting, rank=rank, world_size=count, timeout=TIMEOUT
    )
    try:
        return work(rank)
    finally:
        distributed.destroy_process_group()
