# SPDX-License-Identifier: Apache-2.0
"""Parts of a Q-function that is quadratic in the action, as networks and as linear models."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from robot_rl.models.mlp import MLP, FloatLayers

#: Of the layer norm, as torch has it.
_EPSILON = 1e-5


class LayerNormMLP(MLP):
    """Linear layers with layer norm, without gain and offset, and ReLU between them."""

    def forward(self, x: Tensor) -> Tensor:
        """Output [B, O] for the input [B, I]."""
        *hidden, last = zip(self.weights, self.biases, strict=True)
        for weight, bias in hidden:
            x = torch.addmm(bias, x, weight)
            x = torch.relu_(functional.layer_norm(x, x.shape[-1:], eps=_EPSILON))
        return torch.addmm(last[1], x, last[0])


def forward_numpy(layers: FloatLayers, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """What `LayerNormMLP.forward` gives for one input [I]."""
    for weight, bias in layers[:-1]:
        x = x @ weight + bias
        x = x - x.mean()
        x = np.maximum(x / np.sqrt(np.square(x).mean() + _EPSILON), 0)
    weight, bias = layers[-1]
    return x @ weight + bias


class QuadraticForm(nn.Module):
    """x^T B x + x^T b + c."""

    def __init__(self, size: int) -> None:
        """Starts at zero.

        Args:
            size: I.
        """
        super().__init__()
        self.matrix = nn.Parameter(torch.zeros(size, size))
        self.vector = nn.Parameter(torch.zeros(size))
        self.scalar = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """Values [B, 1] for inputs [B, I]."""
        return ((x @ self.matrix + self.vector) * x).sum(1, keepdim=True) + self.scalar


class Constant(nn.Module):
    """The same learned numbers for every input."""

    def __init__(self, size: int) -> None:
        """Starts at zero.

        Args:
            size: O.
        """
        super().__init__()
        self.numbers = nn.Parameter(torch.zeros(1, size))

    def forward(self, x: Tensor) -> Tensor:
        """The numbers, [1, O], which stand for every row of x."""
        return self.numbers


def triangle_size(size: int) -> int:
    """How many entries a lower triangular matrix [size, size] has."""
    return size * (size + 1) // 2


def lower_triangular(entries: Tensor, size: int) -> Tensor:
    """Matrices L [B, A, A] whose product L L^T is positive definite.

    The diagonal is made positive by softplus, which, unlike exp, can't overflow.

    Args:
        entries: row by row, shape [B, A (A + 1) / 2].
        size: A.
    """
    rows, columns = torch.tril_indices(size, size, device=entries.device)
    entries = torch.where(rows == columns, functional.softplus(entries), entries)
    matrix = entries.new_zeros(len(entries), size, size)
    matrix[:, rows, columns] = entries
    return matrix
