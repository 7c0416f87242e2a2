# SPDX-License-Identifier: Apache-2.0
"""The deterministic policy a = tanh(u), its bottleneck, and the noise that it explores with."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from robot_rl import ranges
from robot_rl.models.mlp import MLP, FloatLayers, forward_numpy
from robot_rl.ranges import Range
from robot_rl.types import FloatArray


@dataclass(frozen=True)
class Exploration:
    """How a deterministic policy explores.

    The defaults are those of Pinto et al. 2017, section V-H: a fifth of the actions uniform, the
    rest with a deviation of 5 % of the range, which is 2. Nair 2022, section 4.5.2, takes a
    tenth, and uniform noise within +-10 % of the largest action.

    Attributes:
        random_share: probability of a uniformly random action.
        noise: law of what is added to the other actions.
        noise_scale: its standard deviation if Gaussian, its bound if uniform; actions are in
            [-1, 1].
    """

    random_share: float = 0.2
    noise: Literal['gaussian', 'uniform'] = 'gaussian'
    noise_scale: float = 0.1

    def __post_init__(self) -> None:
        """Refuses values outside their ranges."""
        ranges.check(self, {'random_share': Range(0, 1), 'noise_scale': Range(0, 2)})

    def apply(self, action: FloatArray, rng: np.random.Generator) -> FloatArray:
        """The action [A] that is taken in place of the policy's own, in [-1, 1]."""
        if rng.random() < self.random_share:
            return rng.uniform(-1, 1, action.shape)
        if self.noise == 'gaussian':
            noise = rng.standard_normal(action.shape)
        else:
            noise = rng.uniform(-1, 1, action.shape)
        return np.clip(action + self.noise_scale * noise, -1, 1)

    def play(
        self, parts: list[FloatLayers], x: NDArray[np.float32], rng: np.random.Generator | None
    ) -> FloatArray:
        """The action [A] of a `DeterministicActor` for one input [I], with noise from `rng`.

        Args:
            parts: from the actor's `to_numpy`.
            x: shape [I].
            rng: source of the noise; None for the policy's own action.
        """
        action = act(parts, x)
        return action if rng is None else self.apply(action, rng)


class DeterministicActor(nn.Module):
    """From the input to the action before squashing, through a bottleneck where asked for.

    The bottleneck is a narrow linear layer before the last hidden one. It is trained to predict
    named entries of the state, and all that the action depends on passes through it (Pinto et
    al. 2017, section IV-B). An encoder of pictures stands in front (`sight.py`).
    """

    def __init__(
        self,
        sizes: tuple[int, ...],
        action_size: int,
        init_scale: float,
        generator: torch.Generator,
        bottleneck: int = 0,
    ) -> None:
        """Draws the weights.

        Args:
            sizes: width of the input and of each hidden layer.
            action_size: A.
            init_scale: factor on the initial weights of the last layer, whose bias is zero; near
                zero the actions start at zero.
            generator: source of the initial weights.
            bottleneck: width K of the bottleneck; 0 for none.
        """
        super().__init__()
        wide = [(*sizes, action_size)]
        if bottleneck:
            wide = [(*sizes[:-1], bottleneck), (bottleneck, sizes[-1], action_size)]
        self.parts = nn.ModuleList(MLP(widths, generator) for widths in wide)
        with torch.no_grad():
            self.last.weights[-1].mul_(init_scale)
            self.last.biases[-1].zero_()

    @property
    def last(self) -> MLP:
        """The layers behind the bottleneck; without one, all."""
        last = self.parts[-1]
        assert isinstance(last, MLP)
        return last

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Actions before squashing [B, A], and the bottleneck [B, K], or the input without one."""
        for part in self.parts[:-1]:
            x = part(x)
        return self.last(x), x

    def act(self, x: Tensor) -> Tensor:
        """Actions [B, A] in (-1, 1) for inputs [B, I]."""
        return torch.tanh(self(x)[0])

    def to_numpy(self) -> list[FloatLayers]:
        """Weights for `act`; on the CPU they share memory."""
        return [part.to_numpy() for part in self.parts if isinstance(part, MLP)]


def act(parts: list[FloatLayers], x: NDArray[np.float32]) -> FloatArray:
    """The action [A] of a `DeterministicActor` for one input [I], without torch."""
    for layers in parts:
        x = forward_numpy(layers, x)
    return np.tanh(x.astype(np.float64))
