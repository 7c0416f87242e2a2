# SPDX-License-Identifier: Apache-2.0
"""The mean picture, which is taken off all others."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from robot_rl.models.workers import summed_up
from robot_rl.types import FloatArray

#: So many pictures make the mean; further ones leave it as it is.
PICTURES = 20_000


class MeanPicture(nn.Module):
    """The mean of the first pictures that are learned from, taken off every picture.

    What remains of a camera that stands still is what moves. With a bright background instead,
    some initial weights leave most features at the same value for any picture.
    """

    count: Tensor
    mean: Tensor

    def __init__(self, shape: tuple[int, int, int]) -> None:
        """Starts at zero; `shape` is rows, columns and channels of a picture."""
        super().__init__()
        self.register_buffer('count', torch.zeros((), dtype=torch.float64))
        self.register_buffer('mean', torch.zeros(shape))

    @property
    def known(self) -> bool:
        """Whether enough pictures were taken into it."""
        return bool(self.count >= PICTURES)

    def observe(self, views: Iterable[NDArray[np.generic]]) -> None:
        """Takes pictures [B, H, W, C] of all views, those of all workers, into the mean."""
        own = [_as_doubles(view) for view in views]
        shown = np.array([float(sum(map(len, own)))])
        counted, summed = summed_up(shown, np.sum([view.sum(0) for view in own], axis=0))
        self.count += float(counted[0])
        self.mean += (torch.from_numpy(summed) - counted[0] * self.mean).float() / self.count


def _as_doubles(pictures: NDArray[np.generic]) -> FloatArray:
    """Bytes as the encoder scales them."""
    values = pictures.astype(np.float64)
    return values / 255 - 0.5 if pictures.dtype == np.uint8 else values
