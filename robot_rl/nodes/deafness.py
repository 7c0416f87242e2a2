# SPDX-License-Identifier: Apache-2.0
"""Ends a process whose DDS stands still, so that it is missed as one that was killed is.

The timers of a participant run in a thread of its own, which our profiles wake each second at the
least, to announce the participant. Where it does not, Fast DDS is in the deadlock that
docs/launch.md tells of: nothing arrives any more, and nobody else would notice.
"""

import os
import sys
import threading
import time
from pathlib import Path

from robot_rl.resources import share_dir
from robot_rl.ros_environment import PROFILE

LOOK_SECONDS = 1.0
LOOKS = 10  # one after the other without a sign of life; a process that was stopped has none
DEAF = 3  # exit status
_TASKS = Path('/proc/self/task')
_NAME = 'dds.ev.'  # of these threads


def watch_for_deafness() -> None:
    """Looks after the participants of now, in the background; with profiles of ours alone."""
    if Path(os.environ.get(PROFILE, '')).parent != share_dir() / 'config':
        return
    timers = [task for task in _TASKS.iterdir() if _read(task / 'comm').startswith(_NAME)]
    if timers:
        threading.Thread(target=_watch, args=(timers,), name='deafness', daemon=True).start()


def _watch(timers: list[Path]) -> None:
    seen: dict[Path, list[str]] = {timer: [] for timer in timers}
    idle = dict.fromkeys(timers, 0)
    while max(idle.values()) < LOOKS:
        time.sleep(LOOK_SECONDS)
        for timer in timers:
            switches = _read(timer / 'status').splitlines()[-2:]
            idle[timer] = idle[timer] + 1 if switches and switches == seen[timer] else 0
            seen[timer] = switches
    print(
        f'error: Fast DDS has stood still for {LOOKS * LOOK_SECONDS:g} s, nothing arrives any '
        'more; the process ends as if it were killed, see docs/launch.md',
        file=sys.stderr,
        flush=True,
    )
    os._exit(DEAF)


def _read(file: Path) -> str:
    """What it says of a thread; nothing once that has ended."""
    try:
        return file.read_text()
    except OSError:
        return ''
