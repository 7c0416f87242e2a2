# SPDX-License-Identifier: Apache-2.0
"""From a joystick to teleoperated actions and an operator's events.

The inputs are the axes and buttons of a `sensor_msgs/Joy`; times are monotonic at reception.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from robot_rl import ranges
from robot_rl.types import Action, FloatArray

OperatorEvent = Literal['success', 'failure', 'discard', 'pause', 'resume', 'stop']

RANGES = {
    'deadzone': ranges.Range(0, 0.5),
    'timeout_s': ranges.Range(0, 0.5, 's', above=True),
    'debounce_s': ranges.Range(0, 0.5, 's'),
    'enable_button': ranges.Range(0, 255),
}


@dataclass(frozen=True)
class AxisConfig:
    """Which stick moves one action axis.

    Attributes:
        index: of the Joy message's axes.
        scale: action at full deflection, in [-1, 1]; negative turns the direction around.
    """

    index: int
    scale: float = 1.0

    def __post_init__(self) -> None:
        """Refuses an index that no joystick has, and a scale beyond an action's range."""
        ranges.check(self, {'index': ranges.Range(0, 255), 'scale': ranges.Range(-1, 1)})


@dataclass(frozen=True)
class TeleopConfig:
    """What the sticks and buttons mean.

    Attributes:
        axes: one entry for each action axis, [A].
        enable_button: index of the button that must be held for any motion.
        buttons: index of the button by event; an event that is not named can't be given.
        deadzone: deflection below which a stick counts as centred.
        timeout_s: a person's action is over when no Joy came for so long.
        debounce_s: a button must have been up for so long before a press counts.
    """

    axes: tuple[AxisConfig, ...]
    enable_button: int
    buttons: dict[str, int] = field(default_factory=dict)
    deadzone: float = 0.05
    timeout_s: float = 0.2
    debounce_s: float = 0.05

    def __post_init__(self) -> None:
        """Refuses unknown events, shared buttons and numbers out of range."""
        ranges.check(self, RANGES)
        if not self.axes:
            raise ValueError('axes: expected at least one')
        for name in self.buttons:
            if name not in get_args(OperatorEvent):
                known = ', '.join(get_args(OperatorEvent))
                raise ValueError(f'buttons: unknown event {name!r}; known: {known}')
        used = [self.enable_button, *self.buttons.values()]
        if len(set(used)) != len(used) or not all(0 <= b <= 255 for b in used):
            raise ValueError(f'buttons: expected different buttons in [0, 255], got {used}')


class Button:
    """Reports the edge of a press, once, however much the contact bounces."""

    def __init__(self, debounce_s: float) -> None:
        self._debounce_ns = round(debounce_s * 1e9)
        self._up_since_ns: int | None = None
        self._down = True  # held since before we looked, until seen up

    def pressed(self, down: bool, now_ns: int) -> bool:
        """Whether this sample is a new press: down now, and up for long enough before."""
        edge = down and not self._down and self._rested(now_ns)
        if not down and self._down:
            self._up_since_ns = now_ns
        self._down = down
        return edge

    def _rested(self, now_ns: int) -> bool:
        return self._up_since_ns is not None and now_ns - self._up_since_ns >= self._debounce_ns


class Teleop:
    """Turns Joy samples into events and, while the enable button is held, into actions.

    Nothing moves before a release of the enable button was seen, at the start and after every
    silence longer than the time-out. A joystick that repeats at 10 Hz or more is never silent.

    Attributes:
        problem: what is wrong with the last Joy; '' when nothing is.
    """

    def __init__(self, config: TeleopConfig) -> None:
        self.problem = ''
        self._config = config
        self._buttons = {
            name: Button(config.debounce_s)
            for name in get_args(OperatorEvent)
            if name in config.buttons and name != 'stop'
        }
        self._timeout_ns = round(config.timeout_s * 1e9)
        self._seen_ns: int | None = None
        self._released = False
        self._values: FloatArray | None = None

    def update(
        self, axes: Sequence[float], buttons: Sequence[int], now_ns: int
    ) -> list[OperatorEvent]:
        """Takes in one Joy; the events that it brings.

        Args:
            axes: deflections in [-1, 1].
            buttons: 1 while held.
            now_ns: monotonic clock at reception.
        """
        if not self._fresh(now_ns):
            self.disconnect()
        self._seen_ns = now_ns
        self.problem = self._find_problem(axes, buttons)
        if self.problem:
            self._values, self._released = None, False
            return self._stop_held(buttons)
        held = bool(buttons[self._config.enable_button])
        self._released = self._released or not held
        self._values = self._shape(axes) if held and self._released else None
        return self._stop_held(buttons) + [
            name
            for name, button in self._buttons.items()
            if button.pressed(bool(buttons[self._config.buttons[name]]), now_ns)
        ]

    def action(self, now_ns: int) -> FloatArray | None:
        """The person's action in [-1, 1], shape [A]; None unless one is being given."""
        return self._values if self._fresh(now_ns) else None

    def disconnect(self) -> None:
        """Ends a takeover at once; the joystick is gone, or was silent."""
        self._seen_ns, self._values, self._released = None, None, False
        for name in self._buttons:
            self._buttons[name] = Button(self._config.debounce_s)

    def _stop_held(self, buttons: Sequence[int]) -> list[OperatorEvent]:
        """A stop is given as long as its button is down, whatever else is wrong."""
        index = self._config.buttons.get('stop', len(buttons))
        return ['stop'] if index < len(buttons) and buttons[index] else []

    def _fresh(self, now_ns: int) -> bool:
        return self._seen_ns is not None and now_ns - self._seen_ns <= self._timeout_ns

    def _find_problem(self, axes: Sequence[float], buttons: Sequence[int]) -> str:
        last_axis = max(axis.index for axis in self._config.axes)
        last_button = max(self._config.enable_button, *self._config.buttons.values(), 0)
        if len(axes) <= last_axis:
            return f'joy: {len(axes)} axes, but the configuration names axis {last_axis}'
        if len(buttons) <= last_button:
            return f'joy: {len(buttons)} buttons, but the configuration names {last_button}'
        if not all(math.isfinite(axes[axis.index]) for axis in self._config.axes):
            return 'joy: an axis is not finite'
        return ''

    def _shape(self, axes: Sequence[float]) -> FloatArray:
        """Deflection beyond the deadzone, stretched to the full range, times the scale."""
        raw = np.array([axes[axis.index] for axis in self._config.axes], dtype=np.float64)
        scale = np.array([axis.scale for axis in self._config.axes])
        beyond = np.maximum(np.abs(raw) - self._config.deadzone, 0.0)
        stretched: FloatArray = np.sign(raw) * beyond / (1.0 - self._config.deadzone)
        return scale * np.clip(stretched, -1.0, 1.0)


def arbitrate(
    policy: Action, human: tuple[FloatArray, float] | None, timeout_s: float = 0.2
) -> Action:
    """Which action is requested: a person's, while it is given and fresh, else the policy's.

    Args:
        policy: the policy's answer to the observation.
        human: a person's values in [-1, 1], shape [A], and their age in s; None without one.
        timeout_s: oldest age at which a person's values count.

    Returns:
        The policy's action itself, or one that answers the same observation with the person's
        values and carries the policy's own values beside them.
    """
    if human is None:
        return policy
    values, age_s = human
    fits = np.shape(values) == np.shape(policy.values) and np.isfinite(values).all()
    if not (fits and 0 <= age_s <= timeout_s):
        return policy
    return dataclasses.replace(
        policy,
        values=np.clip(values, -1.0, 1.0),
        source='human',
        explore=False,
        policy=policy.values,
    )
