# SPDX-License-Identifier: Apache-2.0
"""The line that a person watches while a robot learns."""

from collections.abc import Callable, Mapping
from typing import Any

Values = Mapping[str, Any]


def progress_line(values: Values, width: int = 0) -> str:
    """One line of text; a value that is missing or None leaves its part out.

    Args:
        values: any of `step`, `steps` (actions done and wanted), `episode`, `success_rate`
            (0 to 1), `rate_episodes` (behind it, 20 by default), `episode_return`,
            `steps_per_s`, `updates_per_s`, `policy_version`, `policy_age_s`,
            `interventions` (control periods changed by safety), `note` (such as a pause).
        width: columns to fit into, by leaving out the least important parts; 0 for any.
    """
    parts = [(rank, text) for rank, part in _PARTS if (text := part(values))]
    while width and len(parts) > 1 and len(_join(parts)) > width:
        parts.remove(max(parts, key=lambda part: part[0]))
    line = _join(parts)
    return line[:width] if width else line


def bar(share: float, cells: int = 20) -> str:
    """A bar of `cells` characters, filled from the left by a share of 0 to 1."""
    full = round(min(max(share, 0.0), 1.0) * cells)
    return '[' + '#' * full + '.' * (cells - full) + ']'


def duration(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any: 2:05 or 1:02:05."""
    minutes, rest = divmod(round(max(seconds, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}:{minutes:02}:{rest:02}' if hours else f'{minutes}:{rest:02}'


def _join(parts: list[tuple[int, str]]) -> str:
    return '  '.join(text for _, text in parts)


def _text(key: str, form: Callable[[Any], str]) -> Callable[[Values], str]:
    def part(values: Values) -> str:
        value = values.get(key)
        return '' if value is None else form(value)

    return part


def _bar(values: Values) -> str:
    step, steps = values.get('step'), values.get('steps')
    return '' if step is None or not steps else f'{bar(step / steps)} {step / steps:4.0%}'


def _steps(values: Values) -> str:
    step, steps = values.get('step'), values.get('steps')
    if step is None:
        return ''
    return f'step {step:{len(str(steps))}}/{steps}' if steps else f'step {step}'


def _success(values: Values) -> str:
    rate = values.get('success_rate')
    return '' if rate is None else f'success {rate:4.0%} of {values.get("rate_episodes", 20)}'


def _policy(values: Values) -> str:
    version, age = values.get('policy_version'), values.get('policy_age_s')
    if version is None:
        return ''
    if version < 0:
        return 'no policy yet'
    return f'policy v{version}' + ('' if age is None else f' {age:.1f} s old')


def _remaining(values: Values) -> str:
    step, steps, speed = (values.get(key) for key in ('step', 'steps', 'steps_per_s'))
    if step is None or not steps or speed is None or not speed > 0:
        return ''
    return f'{duration((steps - step) / speed)} left'


#: How readily each part is left out on a narrow screen (high first), and its text.
_PARTS: tuple[tuple[int, Callable[[Values], str]], ...] = (
    (4, _bar),
    (1, _steps),
    (5, _text('episode', lambda n: f'episode {n}')),
    (0, _success),
    (6, _text('episode_return', lambda value: f'return {value:.2f}')),
    (7, _text('steps_per_s', lambda value: f'{value:.0f} steps/s')),
    (8, _text('updates_per_s', lambda value: f'{value:.0f} updates/s')),
    (10, _policy),
    (9, _text('interventions', lambda n: f'safety {n}')),
    (3, _remaining),
    (2, _text('note', str)),
)
