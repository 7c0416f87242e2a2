# SPDX-License-Identifier: Apache-2.0
"""Encoders of pictures: convolutions, then what makes features of the last map.

    | kind | convolutions | output | meant for |
    |---|---|---|---|
    | `pinto` | 4 of 2x2, stride 2, equal filters (Pinto et al. 2017, V-H) | `flat` | 48 to 100 |
    | `nature` | 8x8 / 4, 4x4 / 2, 3x3 / 1 (Mnih et al. 2015) | `linear` | 84 |
    | `small` | 3 of 3x3, stride 2 | `linear` | 32, gray |
    | `residual` | 3 of 3x3, stride 2, a residual block after each | `spatial_softmax` | any |

The paper names filters and kernels, not strides; with 2 each pixel is looked at once. Pictures
stay uint8 [B, H, W, C] up to the device that the encoder is on.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from robot_rl import ranges
from robot_rl.errors import InputError
from robot_rl.models.heads import HEADS, Output, rectified
from robot_rl.ranges import Range

Kind = Literal['pinto', 'nature', 'small', 'residual']

#: Kernel, stride and filters (as a multiple of the configured ones) of each convolution.
_LAYERS: dict[Kind, tuple[tuple[int, int, float], ...]] = {
    'pinto': ((2, 2, 1), (2, 2, 1), (2, 2, 1), (2, 2, 1)),
    'nature': ((8, 4, 1), (4, 2, 2), (3, 1, 2)),
    'small': ((3, 2, 1), (3, 2, 2), (3, 2, 2)),
    'residual': ((3, 2, 1), (3, 2, 2), (3, 2, 2)),
}
_FILTERS: dict[Kind, int] = {'pinto': 64, 'nature': 32, 'small': 16, 'residual': 16}
_OUTPUTS: dict[Kind, Output] = {
    'pinto': 'flat',
    'nature': 'linear',
    'small': 'linear',
    'residual': 'spatial_softmax',
}


@dataclass(frozen=True)
class EncoderConfig:
    """How pictures become features; what is absent follows from the kind.

    Attributes:
        kind: of the convolutions.
        filters: of the first convolution.
        output: `flat` takes the last map as it is, `linear` puts a layer with ReLU behind it,
            `embedding` one with layer norm and tanh (Yarats et al. 2021), `spatial_softmax` the
            mean place of each filter's activity (Finn et al. 2016, section V-A).
        features: width of `linear` and `embedding`, for each view.
        shift: pixels by which pictures are shifted at random when they are learned from; all
            views of a row by the same (Yarats et al. 2021, section 3.1).
        center: whether the mean picture of what is learned from is taken off every picture, so
            that what remains of a camera that stands still is what moves.
        layers: how many of the kind's convolutions, the first ones; all where absent. Fewer leave
            a larger map, which tells better where things are.
        gradients: `own`: actor and critics each train an encoder of their own by their own loss;
            `critic`: the critics' loss trains one that both use.
        views: entries that make one picture each, their channels joined, such as colour and
            depth; every entry is a picture of its own where absent. All views go through the
            same weights, goal pictures among them.
    """

    kind: Kind = 'pinto'
    filters: int | None = None
    output: Output | None = None
    features: int | None = None
    shift: int = 0
    center: bool = False
    layers: int | None = None
    gradients: Literal['own', 'critic'] = 'own'
    views: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        """Refuses values outside their ranges."""
        allowed = {'filters': Range(1, 1024), 'layers': Range(1, len(_LAYERS[self.kind]))}
        allowed |= {'features': Range(1, 8192), 'shift': Range(0, 32)}
        ranges.check(self, allowed)
        if self.features and self.made not in ('linear', 'embedding'):
            raise ValueError(f'features: output {self.made} has a width of its own')

    @property
    def made(self) -> Output:
        """The output, that of the kind where none is configured."""
        return self.output or _OUTPUTS[self.kind]


class Convolution(nn.Module):
    """A convolution, its bias zero at first."""

    def __init__(
        self, inputs: int, filters: int, kernel: tuple[int, int], generator: torch.Generator
    ) -> None:
        """Draws the weights; `kernel` is the width of the kernel, and the stride."""
        super().__init__()
        width, self._stride = kernel
        self._padding = width // 2 if width == 3 and self._stride != 1 else 0
        fan = inputs * width * width
        self.weight = rectified((filters, inputs, width, width), fan, generator)
        self.bias = nn.Parameter(torch.zeros(filters))

    def forward(self, x: Tensor) -> Tensor:
        """The map [B, F, H', W'] of a picture [B, C, H, W]."""
        return functional.conv2d(x, self.weight, self.bias, self._stride, self._padding)


class Residual(nn.Module):
    """x + f(x), f two convolutions of 3x3 (He et al. 2016)."""

    def __init__(self, filters: int, generator: torch.Generator) -> None:
        """Draws the weights."""
        super().__init__()
        shape, fan = (filters, filters, 3, 3), 9 * filters
        self.weights = nn.ParameterList(rectified(shape, fan, generator) for _ in range(2))
        self.biases = nn.ParameterList(torch.zeros(filters) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """The map [B, F, H, W], rectified."""
        h = torch.relu(functional.conv2d(x, self.weights[0], self.biases[0], padding=1))
        h = functional.conv2d(h, self.weights[1], self.biases[1], padding=1)
        return torch.relu(x + h)


class Encoder(nn.Module):
    """Features of one picture.

    Attributes:
        size: how many.
    """

    def __init__(
        self, config: EncoderConfig, shape: tuple[int, int, int], generator: torch.Generator
    ) -> None:
        """Draws the weights.

        Args:
            config: which encoder.
            shape: rows, columns and channels of a picture.
            generator: source of the initial weights.

        Raises:
            InputError: the picture is too small for the convolutions.
        """
        super().__init__()
        inputs, first = shape[2], config.filters or _FILTERS[config.kind]
        layers: list[nn.Module] = []
        for kernel, stride, factor in _LAYERS[config.kind][: config.layers]:
            filters = round(first * factor)
            layers.append(Convolution(inputs, filters, (kernel, stride), generator))
            layers.append(nn.ReLU(inplace=True))
            if config.kind == 'residual':
                layers.append(Residual(filters, generator))
            inputs = filters
        self.layers = nn.Sequential(*layers)
        self.head = HEADS[config.made](self._map(shape), config.features, generator)
        self.size: int = self.head.size

    def _map(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """Filters, rows and columns of the last map."""
        try:
            with torch.no_grad():
                out = self.layers(torch.zeros(1, shape[2], *shape[:2]))
        except RuntimeError as error:
            raise InputError(f'encoder: pictures of {list(shape)} are too small for it') from error
        filters, rows, columns = out.shape[1:]
        return filters, rows, columns

    def forward(self, pictures: Tensor) -> Tensor:
        """Features [B, size] of uint8 or float32 pictures [B, H, W, C]."""
        x = as_floats(pictures).permute(0, 3, 1, 2)  # a view that convolutions are fast with
        found: Tensor = self.head(self.layers(x))
        return found


def as_floats(pictures: Tensor) -> Tensor:
    """Bytes scaled to [-0.5, 0.5]; float32 as it is."""
    if pictures.dtype != torch.uint8:
        return pictures
    return pictures.float().mul_(1 / 255).sub_(0.5)
