# SPDX-License-Identifier: Apache-2.0
"""What processes that were killed leave behind in shared memory.

Fast DDS keeps messages in segments, `fastdds_<16 digits>`, of up to 17 MB a process. Beside each
lies a file that ends in `_el`, on which the process holds a lock (`flock`) for as long as it
lives. Where nobody holds it, the process is dead, and nobody else ever removes its segment.
"""

import fcntl
import os
import re
import time
from contextlib import suppress
from pathlib import Path

FOLDER = Path('/dev/shm')
LOCK = re.compile(r'fastdds_[0-9a-f]{16}_el')

#: A lock this young may belong to a process that has made the file and takes the lock next.
SETTLED_SECONDS = 5.0


def sweep(folder: Path = FOLDER) -> int:
    """Removes the segments of dead processes, also of other graphs; how many those were."""
    try:
        files = list(folder.iterdir())
    except OSError:
        return 0
    return sum(_remove(file) for file in files if LOCK.fullmatch(file.name))


def _remove(lock: Path) -> bool:
    """Removes a segment and its lock unless somebody holds it; whether it was this call."""
    with suppress(OSError):  # held, swept by another process, or of another user
        file = os.open(lock, os.O_RDONLY)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - os.fstat(file).st_mtime < SETTLED_SECONDS:
                return False
            lock.with_name(lock.name.removesuffix('_el')).unlink(missing_ok=True)
            lock.unlink()
            return True
        finally:
            os.close(file)
    return False


def in_use() -> bool:
    """Whether this process has segments of its own."""
    files = Path('/proc/self/fd').iterdir()
    return any(LOCK.fullmatch(file.resolve().name) for file in files)
