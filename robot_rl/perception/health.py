# SPDX-License-Identifier: Apache-2.0
"""How a camera does: frames, losses, age, exposure, and a sentence on what is wrong."""

from dataclasses import dataclass
from typing import Literal

from robot_rl.perception.camera import CameraFrame, Refusal

Level = Literal['ok', 'warn', 'error']

MOST_DROPPED = 0.1  # share of the frames


@dataclass
class Health:
    """Counts what a camera does; times are nanoseconds of one monotonic clock.

    Attributes:
        name: of the camera.
        since_ns: when one began to wait for its frames.
        silent_after_s: time without a good frame after which the camera counts as silent, s.
        frames: good ones.
        refused: that the pipeline did not let pass.
        dropped: that the camera lost, or that were overtaken by a newer one.
        lost: how often the camera went away.
        exposure_s: of the newest frame, s; None where the camera does not tell.
        age_s: of the newest good frame when it was passed on, s.
        valid_fraction: of the newest good frame's depth.
        reason: why the newest frame was refused, or why there is none.
    """

    name: str
    since_ns: int
    silent_after_s: float
    frames: int = 0
    refused: int = 0
    dropped: int = 0
    lost: int = 0
    exposure_s: float | None = None
    age_s: float = 0.0
    valid_fraction: float = 1.0
    reason: str = ''
    _refusal: str = ''
    _number: int | None = None
    _there: bool = True
    _good_ns: int | None = None
    _told: tuple[int, int, int, int] | None = None

    def arrive(self, number: int | None, exposure_s: float | None) -> None:
        """A frame came from the camera.

        Args:
            number: the camera's count; a gap is counted as frames dropped.
            exposure_s: of the frame, s.
        """
        if number is not None:
            if self._number is not None and number > self._number:
                self.dropped += number - self._number - 1
            self._number = number
        self.exposure_s, self._there = exposure_s, True

    def lose(self, reason: str) -> None:
        """The camera is away."""
        self.lost += self._there
        self._there, self._number, self.reason = False, None, reason

    def judge(self, result: CameraFrame | Refusal, age_s: float, now_ns: int) -> None:
        """What the pipeline made of a frame, when it is passed on.

        Args:
            result: frame or refusal.
            age_s: time since the picture was taken, s.
            now_ns: present time.
        """
        if isinstance(result, Refusal):
            self.refused, self.reason = self.refused + 1, result.reason
            self._refusal = result.reason
            return
        self.frames, self.reason, self._good_ns = self.frames + 1, '', now_ns
        self.age_s, self.valid_fraction = age_s, result.valid_fraction

    def silence_s(self, now_ns: int) -> float:
        """Time since the last good frame, s."""
        return (now_ns - (self._good_ns or self.since_ns)) * 1e-9

    def silent(self, now_ns: int) -> str:
        """What to say of a camera without good frames; empty for one that has them."""
        seconds = self.silence_s(now_ns)
        if seconds <= self.silent_after_s:
            return ''
        why = self._why(self.reason) or 'nothing came'
        return f'{self.name}: no good frame for {seconds:.1f} s: {why}'

    def _why(self, reason: str) -> str:
        return reason.removeprefix(f'{self.name}: ')

    def report(self, now_ns: int) -> tuple[Level, str, dict[str, object]]:
        """Level, sentence and numbers since the last report, for `/diagnostics`."""
        then_ns, *before = self._told or (self.since_ns, 0, 0, 0)
        counts = self.frames, self.refused, self.dropped
        frames, refused, dropped = (a - b for a, b in zip(counts, before, strict=True))
        self._told = now_ns, *counts
        level: Level = 'ok'
        said = f'{self.name}: ok'
        if silent := self.silent(now_ns):
            level, said = 'error', silent
        elif refused:
            level, said = (
                'warn',
                f'{self.name}: {refused} frames refused: {self._why(self._refusal)}',
            )
        elif dropped > MOST_DROPPED * (frames + dropped):
            level, said = 'warn', f'{self.name}: {dropped} of {frames + dropped} frames dropped'
        seconds = max((now_ns - then_ns) * 1e-9, 1e-3)
        return level, said, self._values(frames / seconds)

    def _values(self, rate_hz: float) -> dict[str, object]:
        exposure = {} if self.exposure_s is None else {'exposure_ms': self.exposure_s * 1e3}
        numbers = {'rate_hz': rate_hz, 'age_ms': self.age_s * 1e3, **exposure}
        numbers['valid_fraction'] = self.valid_fraction
        counts = {key: getattr(self, key) for key in ('frames', 'refused', 'dropped', 'lost')}
        rounded = {key: round(value, 3) for key, value in numbers.items()}
        return {f'{self.name}: {key}': value for key, value in (rounded | counts).items()}
