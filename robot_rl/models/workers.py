# SPDX-License-Identifier: Apache-2.0
"""Data-parallel workers: every process holds the same networks, and gradients are summed.

Without a process group of torch.distributed there is one worker, and nothing is sent.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed

from robot_rl.models.training import Adam
from robot_rl.types import FloatArray


def workers() -> int:
    """Number of processes that learn together."""
    together = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size() if together else 1


def total(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Sum of each tensor over all workers, in one message."""
    if workers() == 1:
        return list(tensors)
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    distributed.all_reduce(flat)
    parts = torch.split(flat, [tensor.numel() for tensor in tensors])
    return [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]


def summed_up(*arrays: FloatArray) -> list[FloatArray]:
    """The same for arrays of doubles."""
    return [tensor.numpy() for tensor in total([torch.from_numpy(array) for array in arrays])]


def mean_and_std(values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of values [B] over all workers."""
    count = values.new_full((), len(values))
    summed, counted = total([values.sum(), count])
    mean = summed / counted
    squares, counted = total([(values - mean).square().sum(), count])
    return mean, (squares / counted).sqrt()


def mean(values: Tensor) -> Tensor:
    """This worker's part of the mean of values [B] over all workers; the parts add up to it."""
    (count,) = total([values.new_full((), len(values))])
    return values.sum() / count


def average(steps: Sequence[dict[str, Tensor]]) -> dict[str, float]:
    """Mean over steps of what was measured in each, from all workers' parts."""
    names = list(steps[0])
    means = [torch.stack([step[name] for step in steps]).mean() for name in names]
    return {n: value.item() for n, value in zip(names, total(means), strict=True)}


def minibatches(
    lengths: NDArray[np.int64], size: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Units in random order, in as many parts on every worker.

    Args:
        lengths: rows of each unit, a single row or an episode.
        size: rows of a part, all workers together.
        rng: source of the order.

    Returns:
        Numbers of the units in each part.
    """
    rows, units = torch.tensor(int(lengths.sum())), torch.tensor(len(lengths))
    (rows,) = total([rows])
    if workers() > 1:
        distributed.all_reduce(units, distributed.ReduceOp.MIN)
    parts = max(1, min(math.ceil(int(rows) / size), int(units)))
    return np.array_split(rng.permutation(len(lengths)), parts)


class SharedAdam(Adam):
    """Adam on the sum of all workers' gradients."""

    def step(self, gradients: Sequence[Tensor]) -> None:
        """One step; the gradients are this worker's part."""
        super().step(total(gradients))
