# SPDX-License-Identifier: Apache-2.0
"""What a graph's processes take: memory over time, shared memory, and what is left of them."""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from robot_rl.shared_memory import FOLDER

#: From a start until a process has imported what it needs and has seen some messages.
SETTLED_SECONDS = 60.0
#: Life that is long enough to look for growth within it.
LONG_SECONDS = 600.0
#: Where the fields of a process say when it started.
BORN = 19
#: In names of shared memory: ports of Fast DDS are few, and used again; LTTng, which rclpy's
#: tracing is linked with, has two pages for each user of the machine.
KEEP = ('_port', 'lttng-ust-wait')


@dataclass
class Life:
    """One process.

    Attributes:
        role: its node, or `launcher`.
        born_s: since the books were opened.
        seen_s: times of `kilobytes`.
        kilobytes: resident memory; of it, what is shared with others.
    """

    role: str
    born_s: float
    seen_s: list[float] = field(default_factory=list)
    kilobytes: list[tuple[int, int]] = field(default_factory=list)


@dataclass
class Books:
    """Of all processes below a launcher, over all its starts.

    Attributes:
        lives: by process number and time of start, since numbers come again.
        files: names of those in shared memory that they had open.
        shared: bytes that these have.
        peak_shared: the most that they had at one time.
    """

    lives: dict[tuple[int, str], Life] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    shared: int = 0
    peak_shared: int = 0
    _opened_s: float = field(default_factory=time.monotonic)

    @property
    def now_s(self) -> float:
        """Since the books were opened."""
        return time.monotonic() - self._opened_s

    def note(self, launcher: int) -> None:
        """Looks at every process of a graph."""
        for pid in [launcher, *children(launcher)]:
            with suppress(OSError, KeyError, ValueError):
                kilobytes = _memory(pid)
                key = pid, _fields(pid)[BORN]
                life = self.lives.get(key) or Life(role(pid), self.now_s)
                if not life.role:
                    continue
                self.lives[key] = life
                life.seen_s.append(self.now_s)
                life.kilobytes.append(kilobytes)
                self.files |= shared_files(pid)
        self.shared = sum(map(_size, self.files))
        self.peak_shared = max(self.peak_shared, self.shared)

    def total_kilobytes(self) -> int:
        """Memory of all that live, without counting what they share more than once."""
        last = [v.kilobytes[-1] for p, v in self.lives.items() if v.kilobytes and alive(*p)]
        return sum(resident - shared for resident, shared in last)

    def left_processes(self) -> list[str]:
        """Processes that still run."""
        return [f'{life.role} [{key[0]}]' for key, life in self.lives.items() if alive(*key)]

    def left_files(self) -> list[str]:
        """Shared memory that is still there, but for what others `KEEP` for good."""
        return sorted(
            name
            for name in self.files
            if (FOLDER / name).exists() and not any(part in name for part in KEEP)
        )

    def growth(self) -> dict[str, float | None]:
        """By role, median memory in the last tenth of all time over that in the second, less 1.

        Only processes that are older than `SETTLED_SECONDS` count (in a short run than a tenth
        of it); None where there was none. Of `all`: the sum over all roles.
        """
        tenth = self.now_s / 10
        old = min(SETTLED_SECONDS, tenth)
        early, late = (self._medians(low, low + tenth, old) for low in (tenth, self.now_s - tenth))
        both = early.keys() & late.keys()
        roles = sorted({life.role for life in self.lives.values()})
        found = {r: late[r] / early[r] - 1 if r in both else None for r in roles}
        if both:
            sums = (sum(part[r] for r in both) for part in (late, early))
            found['all'] = next(sums) / next(sums) - 1
        return found

    def growth_within(self) -> dict[str, float]:
        """The largest of each role, within one long life: last tenth over second tenth, less 1."""
        found: dict[str, float] = {}
        for life in self.lives.values():
            if life.seen_s and life.seen_s[-1] - life.born_s >= LONG_SECONDS:
                kilobytes = np.array([resident for resident, _ in life.kilobytes])
                n = max(1, len(kilobytes) // 10)
                grown = float(np.median(kilobytes[-n:]) / np.median(kilobytes[n : 2 * n])) - 1
                found[life.role] = max(grown, found.get(life.role, -1.0))
        return found

    def _medians(self, low_s: float, high_s: float, old_s: float) -> dict[str, float]:
        found: dict[str, list[int]] = {}
        for life in self.lives.values():
            for seen_s, (resident, _) in zip(life.seen_s, life.kilobytes, strict=True):
                if low_s <= seen_s <= high_s and seen_s - life.born_s >= old_s:
                    found.setdefault(life.role, []).append(resident)
        return {role: float(np.median(values)) for role, values in found.items()}


def children(pid: int) -> list[int]:
    """Processes that it has started, and those that these have, dead ones left out."""
    parents = {int(p.name): _parent(int(p.name)) for p in Path('/proc').glob('[0-9]*')}
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found[1:]


def alive(pid: int, born: str) -> bool:
    """Whether a process runs; a dead one that nobody has asked for does not."""
    with suppress(OSError, IndexError):
        state = _fields(pid)
        return state[0] not in 'ZX' and state[BORN] == born
    return False


def role(pid: int) -> str:
    """The node that a process runs, `launcher`, or '' where that is not known."""
    words = Path(f'/proc/{pid}/cmdline').read_text().split('\0')
    if 'robot_rl.ros_environment' not in words:
        return 'launcher' if 'launch' in words else ''  # or not yet what it is going to be
    return words[words.index('robot_rl.ros_environment') + 1].rpartition('.')[2]


def _fields(pid: int) -> list[str]:
    """State, parent and so on, see proc(5); the name before them may hold blanks."""
    return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()


def _parent(pid: int) -> int:
    with suppress(OSError, IndexError):
        state, parent = _fields(pid)[:2]
        return 0 if state in 'ZX' else int(parent)
    return 0


def _memory(pid: int) -> tuple[int, int]:
    lines = Path(f'/proc/{pid}/status').read_text().splitlines()
    values = dict(line.split(':', 1) for line in lines if ':' in line)
    resident, shared = (int(values[name].split()[0]) for name in ('VmRSS', 'RssShmem'))
    return resident, shared


def shared_files(pid: int) -> set[str]:
    """Names of the files in shared memory that a process has open, or has mapped."""
    found = {path for path in map(_link, Path(f'/proc/{pid}/fd').iterdir()) if path}
    for line in Path(f'/proc/{pid}/maps').read_text().splitlines():
        found |= {Path(word) for word in line.split()[5:6]}
    return {path.name for path in found if path.parent == FOLDER}


def _link(path: Path) -> Path | None:
    with suppress(OSError):
        return path.readlink()
    return None


def _size(name: str) -> int:
    with suppress(OSError):
        return (FOLDER / name).stat().st_blocks * 512
    return 0
