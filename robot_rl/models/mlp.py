# SPDX-License-Identifier: Apache-2.0
"""Fully connected networks: a single one, and an ensemble evaluated in one call a layer."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

FloatLayers = list[tuple[NDArray[np.float32], NDArray[np.float32]]]


class MLP(nn.Module):
    """Linear layers with ReLU between them."""

    def __init__(self, sizes: Sequence[int], generator: torch.Generator) -> None:
        """Draws the weights.

        Args:
            sizes: width of the input, of each hidden layer, and of the output.
            generator: source of the initial weights.
        """
        super().__init__()
        pairs = list(itertools.pairwise(sizes))
        self.weights = nn.ParameterList(_uniform((i, o), i, generator) for i, o in pairs)
        self.biases = nn.ParameterList(_uniform((o,), i, generator) for i, o in pairs)

    def forward(self, x: Tensor) -> Tensor:
        """Output [B, O] for the input [B, I]."""
        last = len(self.weights) - 1
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.addmm(bias, x, weight)
            if i < last:
                x = torch.relu_(x)
        return x

    def to_numpy(self) -> FloatLayers:
        """Weights [I, O] and biases [O] for `forward_numpy`; on the CPU they share memory."""
        return [
            (weight.detach().cpu().numpy(), bias.detach().cpu().numpy())
            for weight, bias in zip(self.weights, self.biases, strict=True)
        ]


def forward_numpy(layers: FloatLayers, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """What `MLP.forward` gives for one input [I], at a fifth of the cost."""
    for weight, bias in layers[:-1]:
        x = np.maximum(x @ weight + bias, 0)
    weight, bias = layers[-1]
    return x @ weight + bias


class EnsembleMLP(nn.Module):
    """N equal networks with a scalar output, one batched product a layer for all of them.

    Layer norm without gain and offset precedes each ReLU where asked for; the following layer
    can express both. It bounds what an ensemble extrapolates to (Ball et al. 2023, section 4.2).

    Attributes:
        layer_norm: whether hidden layers are normalised.
    """

    def __init__(
        self, sizes: Sequence[int], members: int, layer_norm: bool, generator: torch.Generator
    ) -> None:
        """Draws the weights of all members independently.

        Args:
            sizes: width of the input and of each hidden layer.
            members: N.
            layer_norm: whether hidden layers are normalised.
            generator: source of the initial weights.
        """
        super().__init__()
        pairs = list(zip(sizes, (*sizes[1:], 1), strict=True))
        self.weights = nn.ParameterList(_uniform((members, i, o), i, generator) for i, o in pairs)
        self.biases = nn.ParameterList(_uniform((members, 1, o), i, generator) for i, o in pairs)
        self.layer_norm = layer_norm

    def forward(self, x: Tensor, members: slice | Tensor | None = None) -> Tensor:
        """Outputs [N, B] for the shared input [B, I], of the chosen members only where given."""
        layers = [(w, b) for w, b in zip(self.weights, self.biases, strict=True)]
        if members is not None:
            layers = [(w[members], b[members]) for w, b in layers]
        x = x.expand(len(layers[0][0]), -1, -1)
        last = len(layers) - 1
        for i, (weight, bias) in enumerate(layers):
            x = torch.baddbmm(bias, x, weight)
            if i < last:
                x = functional.layer_norm(x, x.shape[-1:]) if self.layer_norm else x
                x = torch.relu_(x)
        return x.squeeze(-1)

    def rate(self, x: Tensor, action: Tensor, members: slice | Tensor | None = None) -> Tensor:
        """Values [N, B] of actions [B, A] in states [B, S]."""
        values: Tensor = self(torch.cat([x, action], 1), members)
        return values


def _uniform(shape: tuple[int, ...], inputs: int, generator: torch.Generator) -> nn.Parameter:
    """Uniform in +-1 / sqrt(inputs), the usual start of a linear layer."""
    bound = 1 / math.sqrt(inputs)
    return nn.Parameter((torch.rand(shape, generator=generator) * 2 - 1) * bound)
