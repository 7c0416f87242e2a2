# SPDX-License-Identifier: Apache-2.0
"""Real-time scheduling for the nodes that must answer in time, whatever else runs.

Under Linux's default scheduling a node that has a message may wait for milliseconds until a
learner or a compiler on the same core makes room. With `SCHED_FIFO` it runs at once, as the
controllers of ros2_control do.
"""

import os
from pathlib import Path

#: Of the last filter and the driver; as ros2_control's, below the kernel's interrupt threads.
GUARD = 50
#: Of what lies between an observation and its command.
CONTROL = 40

#: What lets a user's processes take it, where they may not.
REMEDY = (
    f'add `@realtime - rtprio {GUARD}` to /etc/security/limits.conf, and the user to the group '
    'realtime; then log in again'
)


def raise_priority(priority: int) -> bool:
    """Schedules all threads of this process, and those that they start, before all others.

    Args:
        priority: of `SCHED_FIFO`, 1 to 99; the higher goes first.

    Returns:
        False where this user may not; then nothing has changed.
    """
    threads = [int(path.name) for path in Path('/proc/self/task').iterdir()]
    return all(_raise(thread, priority) for thread in threads)


def may_be_raised() -> bool:
    """Whether this user may; tried on the calling thread, which is put back."""
    policy, before = os.sched_getscheduler(0), os.sched_getparam(0)
    if not _raise(0, GUARD):
        return False
    os.sched_setscheduler(0, policy, before)
    return True


def _raise(thread: int, priority: int) -> bool:
    try:
        os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(priority))
    except ProcessLookupError:
        return True  # it has ended meanwhile
    except PermissionError:
        return False
    return True
