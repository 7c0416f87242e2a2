# SPDX-License-Identifier: Apache-2.0
"""The learning curve of one run as a picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from robot_rl.errors import InputError
from robot_rl.report.files import whole_file
from robot_rl.types import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DOTS, _LINE, _BASE = '#9aa7b5', '#0b5fa5', '#c0392b'


@dataclass(frozen=True)
class Curve:
    """What is drawn, one element an episode.

    Attributes:
        robot_minutes: robot time at the episode's end, min, shape [N], not falling.
        success: whether the episode was solved, 0 or 1, shape [N].
        returns: sum of its rewards, shape [N].
        base_success_rate: of the base controller alone, 0 to 1; None where not measured.
        title: of the picture.
    """

    robot_minutes: FloatArray
    success: FloatArray
    returns: FloatArray
    base_success_rate: float | None = None
    title: str = ''

    def __post_init__(self) -> None:
        """Refuses series that do not belong together."""
        shapes = {np.shape(s) for s in (self.robot_minutes, self.success, self.returns)}
        if len(shapes) > 1 or len(next(iter(shapes))) != 1:
            raise InputError(f'curve: expected three series of one length, got {shapes}')


def moving_average(values: FloatArray, window: int) -> FloatArray:
    """Mean of the latest `window` values at each point, of fewer at the start; shape [N]."""
    sums = np.concatenate([[0.0], np.cumsum(np.asarray(values, np.float64))])
    ends = np.arange(1, len(sums))
    starts = np.maximum(ends - window, 0)
    return np.asarray((sums[ends] - sums[starts]) / (ends - starts))


def draw_curve(path: str | Path, curve: Curve, window: int = 20) -> None:
    """Draws success rate and return against robot-minutes to a PNG.

    Args:
        path: of the PNG.
        curve: the episodes.
        window: episodes that are averaged.

    Raises:
        InputError: matplotlib is missing, or the file can't be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise InputError('curve: matplotlib is missing: pip install matplotlib') from error
    figure = Figure(figsize=(8, 6), dpi=120, layout='constrained')
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True)
    _draw_success(upper, curve, window)
    _draw_returns(lower, curve, window)
    figure.suptitle(curve.title)
    with whole_file(path) as temporary:
        figure.savefig(temporary, format='png')


def _draw_success(axes: 'Axes', curve: Curve, window: int) -> None:
    rate = 100 * moving_average(curve.success, window)
    axes.plot(curve.robot_minutes, 100 * np.asarray(curve.success), '.', color=_DOTS, ms=3)
    axes.plot(curve.robot_minutes, rate, color=_LINE, lw=2, label=f'mean of {window} episodes')
    if curve.base_success_rate is not None:
        percent = 100 * curve.base_success_rate
        label = f'base controller alone, {percent:.0f} %'
        axes.axhline(percent, color=_BASE, ls='--', label=label)
    axes.set(ylabel='success, %', ylim=(-4, 104))
    axes.grid(alpha=0.3)
    _legend(axes)


def _draw_returns(axes: 'Axes', curve: Curve, window: int) -> None:
    axes.plot(curve.robot_minutes, curve.returns, '.', color=_DOTS, ms=3, label='episode')
    mean = moving_average(curve.returns, window)
    axes.plot(curve.robot_minutes, mean, color=_LINE, lw=2, label=f'mean of {window} episodes')
    axes.set(ylabel='return', xlabel='robot time, minutes')
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    _legend(axes)


def _legend(axes: 'Axes') -> None:
    """Above the panel, where it hides no line."""
    axes.legend(loc='lower right', bbox_to_anchor=(1, 1), ncols=2, frameon=False, borderpad=0)
