# SPDX-License-Identifier: Apache-2.0
"""Plausible ranges of configured numbers, so that a wrong unit is refused by name."""

import argparse
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Range:
    """An interval that a number must lie in.

    Attributes:
        low: smallest number; not itself allowed where `above` is set.
        high: largest allowed number.
        unit: for the message.
        above: whether the interval is open at `low`.
    """

    low: float
    high: float
    unit: str = ''
    above: bool = False

    def __contains__(self, value: float) -> bool:
        """Whether the number lies inside; NaN does not."""
        return self.low < value <= self.high if self.above else self.low <= value <= self.high

    def __str__(self) -> str:
        """The interval as it stands in messages, such as '(0, 3] m'."""
        opening = '(' if self.above else '['
        return f'{opening}{self.low:g}, {self.high:g}] {self.unit}'.rstrip()


def check(config: Any, ranges: dict[str, Range]) -> None:
    """Checks fields of a dataclass; each element of a tuple, and nothing where a field is None.

    Raises:
        ValueError: names the field, the number and the allowed range.
    """
    for name, allowed in ranges.items():
        value = getattr(config, name)
        for number in value if isinstance(value, tuple) else (value,):
            if number is not None and number not in allowed:
                shown = f'{number:g} {allowed.unit}'.rstrip()
                raise ValueError(f'{name}: expected a number in {allowed}, got {shown}')


def at_least_one(text: str) -> int:
    """A whole number from 1 on, as an argument of a command.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f'expected 1 or more, got {text!r}')
    return int(text)


def non_negative(text: str) -> int:
    """A whole number from 0 on, such as a seed, as an argument of a command.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f'expected 0 or more, got {text!r}')
    return int(text)
