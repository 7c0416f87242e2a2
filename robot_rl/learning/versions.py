# SPDX-License-Identifier: Apache-2.0
"""Which policy acts in which episode."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as it came from the learner.

    Attributes:
        run: identity of the training run.
        version: number of updates behind it.
        episode: last episode that it has learned from, -1 before any.
        state: arrays by name.
    """

    run: str
    version: int
    episode: int
    state: dict[str, NDArray[np.generic]] = field(repr=False)


class PolicyVersions:
    """Keeps received policies and chooses one for each episode.

    With a `lag`, episode e is played by the policy that has learned from every episode up to
    e - 1 - lag and from none after it: learner and collector then work side by side, and a
    run still follows from its seed alone. Policies come in order, so when one after the wanted
    one is here without it, that one was lost on the way and the next is played. Without a lag,
    the newest is played.
    """

    def __init__(self, lag: int | None) -> None:
        """Starts with none.

        Args:
            lag: episodes that the policy may be behind; None for the newest.
        """
        self._lag = lag
        self._kept: list[Policy] = []

    def offer(self, policy: Policy) -> str:
        """Keeps a policy; says why not when it is older than one of the same run."""
        newest = self._kept[-1] if self._kept else None
        if newest is not None and newest.run == policy.run and newest.version > policy.version:
            return f'version {policy.version} is older than {newest.version} of run {policy.run}'
        self._kept.append(policy)
        return ''

    def choose(self, episode: int) -> Policy | None:
        """The policy to play `episode` with; None while it is not here yet."""
        if not self._kept:
            return None
        if self._lag is None:
            del self._kept[:-1]
            return self._kept[-1]
        wanted = max(episode - 1 - self._lag, self._kept[0].episode)
        past = [p for p in self._kept if p.episode <= wanted]
        newer = [p for p in self._kept if p.episode > wanted]
        self._kept = past[-1:] + newer
        if past[-1].episode == wanted:
            return past[-1]
        return newer[0] if newer else None
