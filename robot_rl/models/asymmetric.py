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

_KEYS = ('actor_entries', 'critic_entries')


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
        keys: tuple[str, str] = _KEYS,
    ) -> None:
        """Resolves the entries; see `NormalizedInput`.

        Args:
            spec: what the observations hold.
            actor_entries: entries to read; empty for all of the task's own.
            critic_entries: the same.
            normalize: whether the joined vectors are scaled.
            encoder: of the pictures among the entries.
            keys: of the configuration that name the entries, for messages.

        Raises:
            InputError: what `is_shared` refuses.
        """
        make = (normalize, encoder)
        self.actor = NormalizedInput(spec, actor_entries, keys[0], *make)
        critic = NormalizedInput(spec, critic_entries, keys[1], *make)
        self.critic = self.actor if critic.names == self.actor.names else critic
        self.names = tuple(dict.fromkeys(self.actor.names + self.critic.names))
        both = {'actor': self.actor, 'critic': self.critic}
        self.parts: dict[str, nn.Module | np.random.Generator] = {
            f'{k}_{n}': p for k, used in both.items() for n, p in used.parts.items()
        }
        self._rng: np.random.Generator | None = None
        self.shared = is_shared(encoder, self.actor, self.critic)
        if encoder is not None and encoder.shift:
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
        config: Any,
        actions: int,
        make_actor: Callable[[int], nn.Module],
        generator: torch.Generator,
    ) -> tuple[Any, Any]:
        """An actor, and the `EnsembleMLP` of critics that a configuration says.

        Args:
            config: has `hidden`, `critics` and `layer_norm`.
            actions: A.
            make_actor: makes the actor from the width of what its layers read.
            generator: source of the initial weights.
        """

        def make_critic(width: int) -> EnsembleMLP:
            sizes = (width + actions, *config.hidden)
            return EnsembleMLP(sizes, config.critics, config.layer_norm, generator)

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
        start = (actions, config.init_scale, generator, bottleneck)
        return self.networks(
            config,
            actions,
            lambda n: DeterministicActor((n, *config.hidden), *start),
            generator,
        )


def is_shared(
    encoder: EncoderConfig | None, actor: NormalizedInput, critic: NormalizedInput
) -> bool:
    """Whether the critic's loss trains the one encoder that both use.

    Raises:
        InputError: an encoder without pictures, or one that the critic shall train and that it
            does not use as the actor does.
    """
    if encoder is None:
        return False
    names = tuple(dict.fromkeys(actor.names + critic.names))
    if not (actor.views or critic.views):
        raise InputError(f'encoder: no picture among the entries {list(names)}')
    if encoder.gradients == 'critic' and actor.names != critic.names:
        raise InputError('encoder: gradients: critic needs actor and critic to read the same')
    return encoder.gradients == 'critic'
