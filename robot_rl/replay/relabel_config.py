# SPDX-License-Identifier: Apache-2.0
"""Which goals relabelling puts in, and whether a task has what that needs."""

from dataclasses import dataclass, field

from robot_rl import ranges
from robot_rl.errors import InputError
from robot_rl.ranges import Range
from robot_rl.rewards.goal import GoalRewardConfig
from robot_rl.types import DataSpec, Entries

#: Which number of a goal is its height, m.
HEIGHT = 2
_STRATEGIES = ('future', 'final', 'episode', 'prior')


@dataclass(frozen=True)
class RelabelConfig:
    """Which goals are put in, how often, and what they pay.

    The usual choice, k = 4 goals of the future, is `future: 0.8`. Half of the goals from the
    prior and half from the future is RIG's (Nair 2022, chapter 2), 0.4 each VAL's (chapter 9),
    `future: 0.7` PTP's (chapter 10).

    Attributes:
        future: share of the batch with a goal of this strategy.
        final: the same.
        episode: the same.
        prior: the same.
        reward: what a transition pays for a goal that is put in.
        moved: whether new goals go to episodes whose last state reached another goal than their
            first: an object that was left alone teaches little, and early episodes are full of
            it (in the spirit of Zhao and Tresp 2018, *Energy-Based Hindsight Experience
            Prioritization*).
        lift: what each metre above its episode's first goal adds to how likely a goal of the
            future is put in: with 100, one 9 cm up is ten times as likely as one on the table,
            and what is held in the air is learned from the few times that it happens (ibid.,
            potential energy). Goals that the first state reaches are left out. 0 treats all
            alike.
        desired: entry that the goal is written to.
        achieved: entry that it comes from, of the same shape.
        also: further entries to write, each with the one that it comes from: a goal picture
            beside the goal's position, or the scaled goal that a network reads.
    """

    future: float = 0.0
    final: float = 0.0
    episode: float = 0.0
    prior: float = 0.0
    reward: GoalRewardConfig = field(default_factory=GoalRewardConfig)
    moved: bool = False
    lift: float = 0.0
    desired: str = 'desired_goal'
    achieved: str = 'achieved_goal'
    also: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuses shares that are none or make no sense together."""
        ranges.check(self, dict.fromkeys(_STRATEGIES, Range(0, 1)) | {'lift': Range(0, 1e6)})
        if not 0 < sum(self.shares) <= 1 + 1e-9:
            names = ', '.join(_STRATEGIES)
            raise ValueError(
                f'relabel: expected shares of {names} with a sum in (0, 1], got {self.shares}'
            )

        if self.lift and (self.moved or self.future < sum(self.shares)):
            raise ValueError('lift: expected goals of the future alone, and no moved')

    @property
    def shares(self) -> tuple[float, ...]:
        """By strategy, in the order of the table."""
        return tuple(getattr(self, name) for name in _STRATEGIES)

    @property
    def pairs(self) -> dict[str, str]:
        """Every entry that is written, and the one that it comes from."""
        return {self.desired: self.achieved} | self.also


def check_relabel(config: RelabelConfig, spec: DataSpec, read: tuple[str, ...]) -> None:
    """Refuses goals that the task lacks, or that the agent would never see.

    Args:
        config: which goals.
        spec: what observations hold.
        read: entries that the agent reads.

    Raises:
        InputError: names the entry.
    """
    for desired, achieved in config.pairs.items():
        for name in (desired, achieved):
            if name not in spec.entries:
                raise InputError(f'relabel: no entry {name!r}; the task has {list(spec.entries)}')
        expect_shape(desired, spec.entries[desired].shape, spec.entries[achieved].shape)
    shape = spec.entries[config.achieved].shape
    expect_vector(config.achieved, shape)
    if config.lift and shape[0] <= HEIGHT:
        raise InputError(
            f'relabel: lift: {config.achieved}: expected a position [3, ...], got {shape}'
        )
    if not set(config.pairs) & set(read):
        raise InputError(
            f'relabel: the agent reads {list(read)}, none of the goals {list(config.pairs)}'
        )


def shape_of(entries: Entries, name: str) -> tuple[int, ...]:
    """Shape of one state of an entry of many, [N, ...]; an `InputError` where it is missing."""
    if name not in entries:
        raise InputError(f'relabel: no entry {name!r}; there are {list(entries)}')
    return entries[name].shape[1:]


def expect_shape(name: str, shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    """Refuses an entry that does not look like the goal that is written to it."""
    if shape != wanted:
        raise InputError(f'relabel: {name}: expected the shape {wanted} of a goal, got {shape}')


def expect_vector(name: str, shape: tuple[int, ...]) -> None:
    """Refuses an achieved goal that has no distance."""
    if len(shape) != 1:
        raise InputError(
            f'relabel: {name}: expected a vector to measure distances of, got {shape}'
        )
