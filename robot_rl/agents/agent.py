# SPDX-License-Identifier: Apache-2.0
"""What every agent is, seen from learner and policy. Agents know no environment and no buffer."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from robot_rl.arrays import State
from robot_rl.replay.batch import Batch
from robot_rl.replay.rollout import Rollout
from robot_rl.types import DataSpec, Entries, FloatArray


class Agent(Protocol):
    """One learning algorithm with its networks.

    Attributes:
        Config: frozen dataclass of its hyperparameters.
        entries: observation entries that a batch must hold.
    """

    Config: type[Any]
    entries: tuple[str, ...]

    def __init__(self, config: Any, spec: DataSpec, seed: int) -> None:
        """Draws the networks from the seed; an entry that does not fit is an `InputError`."""

    @property
    def updates(self) -> int:
        """Gradient steps done so far."""

    def act(self, entries: Entries, explore: bool) -> FloatArray:
        """An action [A] in [-1, 1], with exploration noise or without."""

    def reseed(self, seed: int) -> None:
        """Restarts the exploration noise of `act`, so that an episode can be repeated."""

    def update(self, batch: Batch, measure: bool = True) -> dict[str, float]:
        """One gradient step; its metrics where `measure`, else nothing, which is faster."""

    def policy_state(self) -> State:
        """Copies of the arrays that `act` needs: what is sent to the policy node."""

    def load_policy_state(self, state: State) -> None:
        """Acts from now on as the agent did that `policy_state` came from."""

    def state_dict(self) -> State:
        """Copies of everything that the next update depends on."""

    def load_state_dict(self, state: State) -> None:
        """Goes on exactly where `state_dict` was taken; what does not fit is an `InputError`."""


class OnPolicyAgent(Agent, Protocol):
    """An agent that learns from what its own policy just did: `update` takes a `Rollout`.

    One with a memory is to see every observation of an episode once, in order, and `reseed` at
    its beginning.
    """

    def log_prob(self, rollout: Rollout, policy: State) -> NDArray[np.float32]:
        """Log likelihood [B] of a rollout's actions under a policy that `policy_state` gave."""
