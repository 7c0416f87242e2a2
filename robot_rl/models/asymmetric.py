# SPDX-License-Identifier: Apache-2.0
"""What actor and critic read, each its own entries (Pinto et al. 2017, section IV-A)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from robot_rl.errors import InputError
from robot_rl.models.deterministic import DeterministicActor
from robot_rl.models.encoder import EncoderConfig
from robot_rl.models.mlp import EnsembleMLP
from robot_rl.models.normalizer import NormalizedInput
from robot_rl.models.sight import Seen, Sighted
from robot_rl.types import DataSpec, Entries


class ActorCriticInput:
    """What actor and critic read; the same entries are joined and scaled only once.

    Attributes:
        actor: input of the actor.
        critic: input of the critic, the very same object where it reads the same entries.
        names: entries of both.
        parts: their statistics, as `state.save` takes them.
        shared: whether the critic's loss trains the one encoder that both use.
    """

    def __init__(
        self,
        spec: DataSpec,
        actor_entries: tuple[str, ...],
        critic_entries: tuple[str, ...],
        normalize: bool,
        encoder: EncoderConfig | None = None,
    ) -> None:
        """Resolves the entries; see `NormalizedInput`.

        Raises:
            InputError: an encoder without pictures, or one that the critic shall train and that
                it does not use as the actor does.
        """
        make = (normalize, encoder)
        self.actor = NormalizedInput(spec, actor_entries, 'actor_entries', *make)
        critic = NormalizedInput(spec, critic_entries, 'critic_entries', *make)
        self.critic = self.actor if critic.names == self.actor.names else critic
        self.names = tuple(dict.fromkeys(self.actor.names + self.critic.names))
        both = {'actor': self.actor, 'critic': self.critic}
        self.parts: dict[str, nn.Module | np.random.Generator] = {
            f'{k}_{n}': p for k, used in both.items() for n, p in used.parts.items()
        }
        self._rng: np.random.Generator | None = None
        self.shared = encoder is not None and encoder.gradients == 'critic'
        if encoder is None:
            return
        if not (self.actor.views or self.critic.views):
            raise InputError(f'encoder: no picture among the entries {list(self.names)}')
        if self.shared and self.actor is not self.critic:
            raise InputError('encoder: gradients: critic needs actor and critic to read the same')
        if encoder.shift:
            self._rng = self.parts['shift_rng'] = np.random.default_rng(0)

    def observe(self, entries: Entries) -> None:
        """Takes many observations into the statistics."""
        self.actor.observe(entries)
        if self.critic is not self.actor:
            self.critic.observe(entries)

    def batch(self, entries: Entries, device: torch.device) -> tuple[Tensor | Seen, Tensor | Seen]:
        """Inputs of actor and critic for many observations that are learned from."""
        seen = self.actor.tensors(entries, device, self._rng)
        if self.critic is self.actor:
            return seen, seen
        return seen, self.critic.tensors(entries, device, self._rng)

    def networks(
        self,
        make_actor: Callable[[int], nn.Module],
        make_critic: Callable[[int], nn.Module],
        generator: torch.Generator,
    ) -> tuple[Any, Any]:
        """Actor and critic for these inputs, each from the width of what its layers read."""
        if not self.shared:
            actor = self.actor.behind_eye(make_actor, generator)
            return actor, self.critic.behind_eye(make_critic, generator)
        eye = self.critic.make_eye(generator)
        return (
            Sighted(eye, make_actor(eye.size), borrowed=True),
            Sighted(eye, make_critic(eye.size)),
        )

    def deterministic(
        self, config: Any, actions: int, generator: torch.Generator, bottleneck: int = 0
    ) -> tuple[Any, Any]:
        """A `DeterministicActor` and an `EnsembleMLP` as a configuration says.

        Args:
            config: has `hidden`, `init_scale`, `critics` and `layer_norm`.
            actions: A.
            generator: source of the initial weights.
            bottleneck: width of the actor's; 0 for none.
        """
        hidden, start = config.hidden, config.init_scale
        members = config.critics, config.layer_norm
        return self.networks(
            lambda n: DeterministicActor((n, *hidden), actions, start, generator, bottleneck),
            lambda n: EnsembleMLP((n + actions, *hidden), *members, generator),
            generator,
        )
