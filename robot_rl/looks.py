# SPDX-License-Identifier: Apache-2.0
"""How far the looks of a simulated task vary from episode to episode."""

from dataclasses import dataclass, fields
from typing import Literal

from robot_rl.ranges import Range

Span = tuple[float, float]
Count = tuple[int, int]
Pattern = Literal['flat', 'gradient', 'checker', 'noise']

ALLOWED = {
    'textured': Range(0, 1),
    'color': Range(0, 1),
    'background': Range(0, 1),
    'lights': Range(0, 4),
    'light_position': Range(0, 2, 'm'),
    'light_angle': Range(0, 90, 'degrees'),
    'brightness': Range(0, 3),
    'ambient': Range(0, 3),
    'specular': Range(0, 1),
    'shadow': Range(0, 1),
    'camera_position': Range(-0.5, 0.5, 'm'),
    'camera_angle': Range(-45, 45, 'degrees'),
    'focal': Range(0.5, 2),
    'distractors': Range(0, 10),
    'distractor_size': Range(0.001, 0.2, 'm'),
    'depth_noise': Range(0, 0.1, 'm'),
    'latency': Range(0, 1, 's'),
    'dropped': Range(0, 0.9),
}


@dataclass(frozen=True)
class LooksConfig:
    """Least and greatest of what is drawn, uniformly, at the start of each episode.

    What is absent stays as it is. A policy that saw many looks takes reality for one more
    (Pinto et al. 2017, section IV-C; Zhu et al. 2018, section IV-B).

    Attributes:
        patterns: of the pool of textures.
        pool: textures that are made beforehand, once; each surface draws among them.
        pool_seed: of these; another seed makes textures that no other pool has.
        textured: share of the surfaces that wear a texture.
        color: share by which a surface's colour moves towards a random one, drawn anew for each.
        background: the same for floor and walls; walls stand around the scene where it is not 0.
        lights: how many of four further lights are on.
        light_position: m, by which every light is moved, each its own way.
        light_angle: degrees, by which every light is turned, each its own way.
        brightness: factor of every light.
        ambient: factor of the light that comes from all sides.
        specular: how much surfaces and lights shine; drawn anew for each surface.
        shadow: probability that lights throw shadows, drawn for the episode.
        camera_position: m, by which each of the task's cameras is moved along each of its axes.
        camera_angle: degrees, by which it is turned about each of its axes.
        focal: factor of its focal length.
        distractors: how many objects lie around that the task knows nothing of.
        distractor_size: m, half sizes of these.
        distractor_area: m, half sides of the rectangle around the middle of the task in which
            they lie.
        depth_noise: m, half width of the uniform error of each pixel of depth.
        latency: s, by which pictures come late, in whole action periods.
        dropped: share of the frames that get lost; the one before is seen again.
    """

    patterns: tuple[Pattern, ...] = ('flat', 'gradient', 'checker', 'noise')
    pool: int = 32
    pool_seed: int = 20171018
    textured: Span = (0.0, 0.0)
    color: Span = (0.0, 0.0)
    background: Span = (0.0, 0.0)
    lights: Count = (0, 0)
    light_position: Span = (0.0, 0.0)
    light_angle: Span = (0.0, 0.0)
    brightness: Span = (1.0, 1.0)
    ambient: Span = (1.0, 1.0)
    specular: Span | None = None
    shadow: Span = (0.0, 0.0)
    camera_position: Span = (0.0, 0.0)
    camera_angle: Span = (0.0, 0.0)
    focal: Span = (1.0, 1.0)
    distractors: Count = (0, 0)
    distractor_size: Span = (0.015, 0.04)
    distractor_area: Span = (0.25, 0.35)
    depth_noise: Span = (0.0, 0.0)
    latency: Span = (0.0, 0.0)
    dropped: Span = (0.0, 0.0)

    def __post_init__(self) -> None:
        """Refuses numbers out of range, NaN among them, and ranges the wrong way round."""
        for name, allowed in ALLOWED.items():
            span = getattr(self, name)
            if span is None:
                continue
            low, high = span
            if not (low in allowed and high in allowed and low <= high):
                raise ValueError(f'{name}: expected low <= high in {allowed}, got {[low, high]}')
        if not all(0 < side <= 5 for side in self.distractor_area):
            raise ValueError(f'distractor_area: expected up to 5 m, got {self.distractor_area}')
        if not 1 <= self.pool <= 256:
            raise ValueError(f'pool: expected 1 to 256 textures, got {self.pool}')
        if not self.pool_seed >= 0:
            raise ValueError(f'pool_seed: expected 0 or more, got {self.pool_seed}')
        if not self.patterns:
            raise ValueError('patterns: expected at least one')

    @property
    def varies(self) -> bool:
        """Whether anything differs from the task as it stands."""
        settings = ('patterns', 'pool', 'pool_seed', 'distractor_size', 'distractor_area')
        return any(
            getattr(self, f.name) != f.default for f in fields(self) if f.name not in settings
        )
