# SPDX-License-Identifier: Apache-2.0
"""How a policy without memory acts: by its newest weights, and without torch."""

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import nn

from robot_rl.arrays import State
from robot_rl.models import state
from robot_rl.models.normalizer import NormalizedInput
from robot_rl.models.sight import behind
from robot_rl.types import Entries, FloatArray


class Acting:
    """What `act` needs of a policy, taken from the network again once that has changed.

    Attributes:
        network: the policy.
        rng: source of the exploration noise.
    """

    def __init__(
        self,
        network: nn.Module,
        seen: NormalizedInput,
        seed: int,
        take: Callable[[Any], Any],
        play: Callable[..., FloatArray],
    ) -> None:
        """Acts by the very weights of the network, once they have been `refresh`ed.

        Args:
            network: the policy, behind an eye or not.
            seen: what it reads.
            seed: of the exploration noise.
            take: gives what `play` needs of the layers of the policy.
            play: gives the action [A] from that, an input [I], and the source of noise, which
                is None for the policy's own action.
        """
        self.network, self._input = network, seen
        self._take, self._play = take, play
        self.rng = np.random.default_rng(seed)
        self._taken: Any = None
        self._policy = {'actor': network, **seen.parts}

    def act(self, entries: Entries, explore: bool) -> FloatArray:
        """An action [A]: the policy's own, with noise where `explore`."""
        if self._taken is None:
            self._taken = self._take(behind(self.network))
        x = self._input.seen_by(self.network, entries)
        return self._play(self._taken, x, self.rng if explore else None)

    def state(self) -> State:
        """The policy's weights and how its input is scaled."""
        return state.save(self._policy)

    def load(self, arrays: State) -> None:
        """Acts by what `state` gave."""
        state.load(self._policy, arrays, 'weights')
        self.refresh()

    def reseed(self, seed: int) -> None:
        """Restarts the exploration noise."""
        self.rng.bit_generator.state = np.random.default_rng(seed).bit_generator.state

    def refresh(self) -> None:
        """Takes up the present weights."""
        self._taken = None
