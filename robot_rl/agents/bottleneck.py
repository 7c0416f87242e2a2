# SPDX-License-Identifier: Apache-2.0
"""What an actor's bottleneck is taught (Pinto et al. 2017, section IV-B)."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from robot_rl.models.normalizer import NormalizedInput
from robot_rl.models.sight import behind
from robot_rl.types import DataSpec, Entries


class Bottleneck:
    """Entries of the state that the bottleneck of an actor predicts.

    Attributes:
        size: width of the bottleneck.
        parts: statistics of these entries, as `state.save` takes them.
    """

    def __init__(self, spec: DataSpec, names: tuple[str, ...], normalize: bool) -> None:
        """Resolves the names; `normalize` scales the entries by running statistics."""
        self._input = NormalizedInput(spec, names, 'bottleneck_entries', normalize)
        self._shapes = {name: spec.entries[name].shape for name in names}
        self.size = self._input.size
        self.parts = {f'bottleneck_{name}': part for name, part in self._input.parts.items()}

    def loss(self, entries: Entries, predicted: Tensor) -> Tensor:
        """Mean squared error of a prediction [B, size]; takes the batch into the statistics."""
        self._input.observe(entries)
        wanted = torch.from_numpy(self._input.batch(entries)).to(predicted.device)
        return (predicted - wanted).square().mean()

    def read(self, actor: nn.Module, seen: NormalizedInput, entries: Entries) -> Entries:
        """The state as the bottleneck predicts it, by entry, in the entries' own units.

        Args:
            actor: with this bottleneck.
            seen: what it reads.
            entries: of one observation.
        """
        x = torch.from_numpy(seen.seen_by(actor, entries))[None]
        with torch.no_grad():
            found = self._input.unscaled(behind(actor)(x)[1][0].numpy())
        ends = np.cumsum([math.prod(shape) for shape in self._shapes.values()])
        parts = zip(self._shapes.items(), np.split(found, ends[:-1]), strict=True)
        return {name: part.reshape(shape) for (name, shape), part in parts}
