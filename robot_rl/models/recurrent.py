# SPDX-License-Identifier: Apache-2.0
"""The policy of on-policy agents: a trunk, a memory where asked for, and a Gaussian head.

    observation -> fully connected trunk -> LSTM -> mean of the action
                                   |
                                   '-> features, which auxiliary tasks read

As in Zhu et al. 2018, figure 2; an encoder of pictures stands in front (`sight.py`). The memory
(Hochreiter and Schmidhuber 1997, with forget gates) starts at zero in each episode. The standard
deviation does not depend on the observation.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from robot_rl.models.mlp import MLP, FloatLayers, forward_numpy

FloatRow = NDArray[np.float32]


class LSTM(nn.Module):
    """One layer of long short-term memory over whole episodes."""

    def __init__(self, inputs: int, cells: int, generator: torch.Generator) -> None:
        """Draws the weights uniformly in +-1 / sqrt(cells); the forget gates start open."""
        super().__init__()
        self.cells = cells
        bound = 1 / math.sqrt(cells)
        shapes = ((4 * cells, inputs), (4 * cells, cells), (4 * cells,))
        drawn = [(torch.rand(s, generator=generator) * 2 - 1) * bound for s in shapes]
        drawn[2][cells : 2 * cells] = 1.0
        self.weights = nn.ParameterList(nn.Parameter(tensor) for tensor in drawn)

    def forward(self, x: Tensor, lengths: list[int]) -> Tensor:
        """Output of every step, each episode from an empty memory.

        Args:
            x: whole episodes one after the other, shape [B, I].
            lengths: steps of each episode; their sum is B.

        Returns:
            Shape [B, C], in the order of x.
        """
        padded = pad_sequence(list(torch.split(x, lengths)))
        empty = x.new_zeros(1, len(lengths), self.cells)
        into, within, bias = self.weights
        weights = [into, within, bias, torch.zeros_like(bias)]
        output, _, _ = torch.lstm(
            padded, (empty, empty), weights, True, 1, 0.0, False, False, False
        )
        steps = torch.arange(len(padded), device=x.device)
        there = steps < torch.tensor(lengths, device=x.device)[:, None]
        return output.transpose(0, 1)[there]


class GaussianPolicy(nn.Module):
    """Mean of the action from what was observed so far; a standard deviation for each axis."""

    def __init__(
        self,
        sizes: tuple[int, ...],
        cells: int,
        action_size: int,
        start: tuple[float, float],
        generator: torch.Generator,
    ) -> None:
        """Draws the weights.

        Args:
            sizes: width of the input and of each layer of the trunk.
            cells: of the memory; 0 for none.
            action_size: A.
            start: factor on the initial weights of the head, which near zero makes the mean
                start at zero; and the initial standard deviation.
            generator: source of the initial weights.
        """
        super().__init__()
        scale, std = start
        self.trunk = MLP(sizes, generator)
        self.memory = LSTM(sizes[-1], cells, generator) if cells else None
        self.head = MLP((cells or sizes[-1], action_size), generator)
        self.log_std = nn.Parameter(torch.full((action_size,), math.log(std)))
        with torch.no_grad():
            self.head.weights[-1].mul_(scale)
            self.head.biases[-1].zero_()

    def forward(self, x: Tensor, lengths: list[int]) -> tuple[Tensor, Tensor]:
        """Means [B, A] and features [B, F] of whole episodes x [B, I] of these lengths."""
        features = torch.relu(self.trunk(x))
        remembered = features if self.memory is None else self.memory(features, lengths)
        return self.head(remembered), features

    def to_numpy(self) -> 'NumpyPolicy':
        """The same policy without torch, for one observation after the other."""
        memory = None
        if self.memory is not None:
            into, within, bias = (w.detach().cpu().numpy() for w in self.memory.weights)
            memory = (np.ascontiguousarray(into.T), np.ascontiguousarray(within.T), bias)
        std = self.log_std.detach().exp().cpu().numpy().astype(np.float64)
        return NumpyPolicy(self.trunk.to_numpy(), memory, self.head.to_numpy(), std)


@dataclass(frozen=True)
class NumpyPolicy:
    """A `GaussianPolicy` for acting.

    Attributes:
        trunk: layers.
        memory: weights [F, 4 C] of the input and [C, 4 C] of the output before, bias [4 C];
            None without a memory.
        head: layers.
        std: standard deviation, shape [A].
    """

    trunk: FloatLayers
    memory: tuple[FloatRow, FloatRow, FloatRow] | None
    head: FloatLayers
    std: NDArray[np.float64]

    def mean(self, x: FloatRow, state: FloatRow) -> NDArray[np.float64]:
        """Mean [A] for the next observation x [I]; moves the memory's state [2, C] on."""
        remembered = np.maximum(forward_numpy(self.trunk, x), 0)
        if self.memory is not None:
            remembered = self._remember(remembered, state)
        mean: NDArray[np.float64] = forward_numpy(self.head, remembered).astype(np.float64)
        return mean

    def _remember(self, x: FloatRow, state: FloatRow) -> FloatRow:
        assert self.memory is not None
        into, within, bias = self.memory
        enter, keep, new, show = np.split(x @ into + state[0] @ within + bias, 4)
        state[1] = _sigmoid(keep) * state[1] + _sigmoid(enter) * np.tanh(new)
        state[0] = _sigmoid(show) * np.tanh(state[1])
        return np.asarray(state[0])


def _sigmoid(x: FloatRow) -> FloatRow:
    """Through tanh, which does not overflow."""
    result: FloatRow = 0.5 * (np.tanh(0.5 * x) + 1)
    return result
