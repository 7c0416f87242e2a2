# SPDX-License-Identifier: Apache-2.0
"""Settings of the rewards, as they stand in a task's YAML."""

import math
from dataclasses import dataclass
from typing import Literal

from robot_rl.rewards.goal import GoalRewardConfig


@dataclass(frozen=True)
class DenseConfig:
    """Weights of the shaped reward (Nair 2022, eq. 26).

    Attributes:
        alpha: of the distance, per m.
        beta: of the bonus near the goal, m; negative for the formula as printed.
        phi: of the pressing force, per N.
        epsilon: distance that bounds the bonus to beta / epsilon, m.
        insertion_distance: at most this far from the goal the plug is inserted, m.
    """

    alpha: float = 100.0
    beta: float = 0.002
    phi: float = 0.1
    epsilon: float = 0.001
    insertion_distance: float = 0.003

    def __post_init__(self) -> None:
        """Refuses weights that are not numbers and distances that are not positive."""
        weights = (self.alpha, self.beta, self.phi)
        if not all(math.isfinite(weight) for weight in weights):
            raise ValueError(f'alpha, beta, phi: expected finite numbers, got {weights}')
        if not 0 < self.epsilon < math.inf:
            raise ValueError(f'epsilon: expected a positive distance, got {self.epsilon}')
        if not 0 <= self.insertion_distance < math.inf:
            raise ValueError(
                f'insertion_distance: expected at least 0 m, got {self.insertion_distance}'
            )


@dataclass(frozen=True)
class GoalImageConfig:
    """Where the goal picture is and what it is compared with.

    Attributes:
        entry: name of the gray image in the observation; of a history, the newest counts.
        file: PNG or .npy of the goal.
        size: rows and columns of both.
        success_difference: greatest mean difference, 0 to 1, that counts as success where
            success is judged by the image.
    """

    entry: str
    file: str
    size: tuple[int, int] = (32, 32)
    success_difference: float = 0.01

    def __post_init__(self) -> None:
        """Refuses empty sizes and thresholds outside of what a difference can be."""
        if not min(self.size) >= 1:
            raise ValueError(f'size: expected rows and columns, got {self.size}')
        if not 0 <= self.success_difference < 1:
            raise ValueError(f'success_difference: expected 0 to 1, got {self.success_difference}')

    def check(self, seen: dict[str, tuple[int, int]]) -> None:
        """Refuses an entry that is no picture, and a size that is not its own.

        Args:
            seen: rows and columns of the colour pictures in the observation, by entry.

        Raises:
            ValueError: names what was expected.
        """
        if self.entry not in seen:
            known = ', '.join(seen) or 'none'
            raise ValueError(
                f'goal_image: entry: no colour picture {self.entry!r}; known: {known}'
            )
        if seen[self.entry] != self.size:
            raise ValueError(
                f'goal_image: size: expected {list(seen[self.entry])} as {self.entry} has, '
                f'got {list(self.size)}'
            )


@dataclass(frozen=True)
class RewardConfig:
    """Which reward a task gives, and when it is solved.

    Attributes:
        kind: a key of the table of rewards.
        success: what says that the task is solved: the electrical contact, the distance from
            tool to believed goal, or the difference from the goal image.
        success_distance: greatest distance that counts as success by distance, m.
        terminate: whether success ends the episode. Absent: yes for `electrical` and
            `goal_image`, whose best value a longer episode can't improve; no for `dense`,
            which goes on paying for a plug that is held in place, so that ending the episode
            would punish success; for `goal` what its settings say.
        dense: weights, for kind `dense` only; the paper's when absent.
        goal_image: the goal picture, for kind `goal_image` only.
        goal: how the distance from tool to believed goal pays, for kind `goal` only, which
            judges success by it; the same settings serve for relabelling.
    """

    kind: Literal['electrical', 'goal_image', 'dense', 'goal']
    success: Literal['contact', 'distance', 'image'] = 'contact'
    success_distance: float = 0.002
    terminate: bool | None = None
    dense: DenseConfig | None = None
    goal_image: GoalImageConfig | None = None
    goal: GoalRewardConfig | None = None

    def __post_init__(self) -> None:
        """Refuses settings of another kind, and a goal image that is not given."""
        if not 0 < self.success_distance < math.inf:
            raise ValueError(
                f'success_distance: expected a positive distance, got {self.success_distance}'
            )
        if self.dense and self.kind != 'dense':
            raise ValueError(f'dense: given, but kind is {self.kind}')
        if (self.goal is not None) != (self.kind == 'goal'):
            raise ValueError(f'goal: given exactly where kind is it, but kind is {self.kind}')
        if self.goal and (self.success, self.success_distance) != ('distance', self.goal.distance):
            raise ValueError(
                f'success: goal is judged by distance at {self.goal.distance} m, '
                f'got {self.success} at {self.success_distance} m'
            )
        if (self.goal_image is not None) != (self.kind == 'goal_image'):
            raise ValueError(
                f'goal_image: given exactly where kind is it, but kind is {self.kind}'
            )
        if self.success == 'image' and self.kind != 'goal_image':
            raise ValueError(f'success: image needs kind goal_image, but kind is {self.kind}')
        if self.kind == 'electrical' and self.success != 'contact':
            raise ValueError(f'success: electrical is judged by contact, got {self.success}')

    @property
    def needs_contact(self) -> bool:
        """Whether the electrical contact says anything."""
        return self.kind == 'electrical' or self.success == 'contact'

    @property
    def terminates(self) -> bool:
        """Whether success ends the episode."""
        if self.terminate is not None:
            return self.terminate
        return self.goal.terminate if self.goal else self.kind != 'dense'
