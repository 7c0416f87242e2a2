# SPDX-License-Identifier: Apache-2.0
"""What makes features of the last map of an encoder's convolutions."""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Output = Literal['flat', 'linear', 'embedding', 'spatial_softmax']


def rectified(shape: tuple[int, ...], inputs: int, generator: torch.Generator) -> nn.Parameter:
    """Uniform in +-sqrt(6 / inputs), which keeps signals their size through layers with ReLU.

    He et al. 2015, eq. 10. With the usual start of a linear layer, a small object is lost on its
    way through four layers, and learning waits for thousands of updates.
    """
    bound = math.sqrt(6 / inputs)
    return nn.Parameter((torch.rand(shape, generator=generator) * 2 - 1) * bound)


class Flat(nn.Module):
    """The last map as it is."""

    def __init__(
        self, shape: tuple[int, int, int], features: int | None, generator: torch.Generator
    ) -> None:
        """Takes the shape of the map."""
        super().__init__()
        self.size = shape[0] * shape[1] * shape[2]

    def forward(self, x: Tensor) -> Tensor:
        """[B, size] of [B, F, H, W]."""
        return x.flatten(1)


class Linear(nn.Module):
    """A linear layer with ReLU behind the last map."""

    _bounded = False

    def __init__(
        self, shape: tuple[int, int, int], features: int | None, generator: torch.Generator
    ) -> None:
        """Draws the weights."""
        super().__init__()
        self.size = features or (50 if self._bounded else 512)
        inputs = shape[0] * shape[1] * shape[2]
        self.weight = rectified((inputs, self.size), inputs, generator)
        self.bias = nn.Parameter(torch.zeros(self.size))

    def forward(self, x: Tensor) -> Tensor:
        """[B, size] of [B, F, H, W]."""
        x = torch.addmm(self.bias, x.flatten(1), self.weight)
        if self._bounded:
            return torch.tanh(functional.layer_norm(x, x.shape[-1:]))
        return torch.relu(x)


class Embedding(Linear):
    """A linear layer with layer norm and tanh behind the last map (Yarats et al. 2021)."""

    _bounded = True


class SpatialSoftmax(nn.Module):
    """Where each filter is active: its expected column and row, both in [-1, 1]."""

    columns: Tensor
    rows: Tensor

    def __init__(
        self, shape: tuple[int, int, int], features: int | None, generator: torch.Generator
    ) -> None:
        """Starts at temperature 1 for every filter."""
        super().__init__()
        filters, rows, columns = shape
        self.size = 2 * filters
        self.sharpness = nn.Parameter(torch.zeros(filters, 1))
        y, x = torch.meshgrid(
            torch.linspace(-1, 1, rows), torch.linspace(-1, 1, columns), indexing='ij'
        )
        self.register_buffer('columns', x.reshape(-1))
        self.register_buffer('rows', y.reshape(-1))

    def forward(self, x: Tensor) -> Tensor:
        """[B, 2 F] of [B, F, H, W]."""
        share = torch.softmax(x.flatten(2) * self.sharpness.exp(), dim=-1)
        return torch.cat([share @ self.columns, share @ self.rows], dim=1)


HEADS: dict[Output, type[Flat] | type[Linear] | type[SpatialSoftmax]] = {
    'flat': Flat,
    'linear': Linear,
    'embedding': Embedding,
    'spatial_softmax': SpatialSoftmax,
}
