# SPDX-License-Identifier: Apache-2.0
"""Learning results over seeds: kept as JSON lines while they grow, shown as table and picture."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from robot_rl.errors import InputError


class Result(Protocol):
    """What a run reached, a dataclass whose fields JSON can hold."""

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells the run from others."""


T = TypeVar('T')
R = TypeVar('R', bound=Result)


@dataclass(frozen=True)
class Length:
    """How long and how often.

    Attributes:
        steps: environment steps.
        every: environment steps between two evaluations.
        episodes: of an evaluation.
    """

    steps: int
    every: int
    episodes: int


@dataclass
class Curve:
    """What one seed reached.

    Attributes:
        label: what was trained, a line in the picture.
        seed: of the run.
        steps: environment steps at each evaluation.
        success: success rate there.
        wall_s: seconds that the whole run took.
        checked: success rate of the policy at the end in further episodes, of other start states
            than those above; None if none were played.
        checked_episodes: how many these were.
    """

    label: str
    seed: int
    steps: list[int] = field(default_factory=list)
    success: list[float] = field(default_factory=list)
    wall_s: float = 0.0
    checked: float | None = None
    checked_episodes: int = 0

    @property
    def key(self) -> tuple[str, int]:
        """What tells a run from others."""
        return self.label, self.seed

    def first(self, success: float) -> int | None:
        """Steps at the first evaluation that reached this success; None if none did."""
        return next(
            (n for n, s in zip(self.steps, self.success, strict=True) if s >= success), None
        )


def append(path: Path, result: Any) -> None:
    """Adds a finished run, a dataclass such as `Curve`, to a file of results."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('a') as file:
        file.write(json.dumps(asdict(result)) + '\n')


def read(path: Path, kind: Callable[..., T]) -> list[T]:
    """All runs of a kind, such as `Curve`, that a file holds; none where there is no file."""
    lines = path.read_text().splitlines() if path.is_file() else []
    return [kind(**json.loads(line)) for line in lines]


def complete(
    path: Path,
    kind: Callable[..., R],
    wanted: Iterable[tuple[Any, ...]],
    carry_out: Callable[..., R],
) -> list[R]:
    """Carries out the runs that a file of results lacks; each is a line of it once it has ended.

    Args:
        path: the file.
        kind: of result, such as `Curve`.
        wanted: keys of the runs, in their order.
        carry_out: carries out the run whose key it is given, an argument each part.

    Returns:
        All that the file holds then, runs that are not wanted too.

    Raises:
        InputError: it holds nothing.
    """
    for key in wanted:
        if all(found.key != key for found in read(path, kind)):
            append(path, carry_out(*key))
    found = read(path, kind)
    if not found:
        raise InputError(f'{path}: no result yet, and no run was asked for')
    return found


def table(curves: Sequence[Curve], wanted: float) -> str:
    """A Markdown table, a row a seed.

    Args:
        curves: what was reached.
        wanted: the success rate that the runs are to reach.
    """
    rows = [
        f'| what | seed | steps | final success | best | first at {wanted:.0%} | check | wall, s |'
    ]
    rows.append('|---' * 8 + '|')
    for curve in curves:
        first = curve.first(wanted)
        cells = [curve.label, curve.seed, curve.steps[-1], f'{curve.success[-1]:.0%}']
        checked = '' if curve.checked is None else f'{curve.checked:.1%}'
        cells += [f'{max(curve.success):.0%}', first or 'not reached', checked]
        cells.append(f'{curve.wall_s:.0f}')
        rows.append('| ' + ' | '.join(map(str, cells)) + ' |')
    return '\n'.join(rows)


@contextmanager
def figure(path: Path, panels: int = 1) -> Iterator[list[Any]]:
    """Axes to draw into, at most three in a row; saved as a PNG when the block has ended.

    Args:
        path: of the PNG.
        panels: how many.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    columns = min(3, panels)
    rows = -(-panels // columns)
    drawn = Figure(figsize=(3 + 4 * columns, 3.5 * rows), dpi=110, layout='constrained')
    FigureCanvasAgg(drawn)
    yield list(drawn.subplots(rows, columns, squeeze=False).flat[:panels])
    drawn.savefig(path)


def draw(path: Path, curves: Sequence[Curve], title: str) -> None:
    """Success rate against environment steps, a line a seed, a colour a label."""
    labels = list(dict.fromkeys(c.label for c in curves))
    with figure(path) as (axes,):
        for curve in curves:
            number = labels.index(curve.label)
            fresh = curve is next(c for c in curves if c.label == curve.label)
            axes.plot(
                curve.steps,
                100 * np.array(curve.success),
                color=f'C{number}',
                alpha=0.8,
                label=curve.label if fresh else None,
            )
        axes.set(xlabel='environment steps', ylabel='success, %', ylim=(-2, 103), title=title)
        axes.legend(loc='lower right')
