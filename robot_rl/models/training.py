# SPDX-License-Identifier: Apache-2.0
"""Gradient steps with few and large kernels."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer


def configure_torch(threads: int) -> None:
    """Settings of the whole process: threads, and no slow arithmetic on denormal numbers.

    Args:
        threads: cores that a learner may fill; the rest is left to control.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)


def adam(parameters: Iterable[Tensor], learning_rate: float) -> Adam:
    """Adam that updates all tensors in one kernel."""
    return Adam(list(parameters), lr=learning_rate, fused=True)


def descend(loss: Tensor, optimizer: Optimizer) -> None:
    """One gradient step on exactly the optimizer's parameters.

    Asking for their gradients only spares the products of weights that are merely passed
    through, such as a critic's below an actor's loss.
    """
    parameters: list[Tensor] = optimizer.param_groups[0]['params']
    gradients = torch.autograd.grad(loss, parameters)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()


@torch.no_grad()
def polyak(target: nn.Module, source: nn.Module, share: float) -> None:
    """Moves the target's parameters by this share of the way to the source's."""
    torch._foreach_lerp_(list(target.parameters()), list(source.parameters()), share)


def resolve_device(name: str) -> torch.device:
    """The device of that name; `auto` is CUDA where there is one."""
    if name == 'auto':
        name = 'cuda' if torch.cuda.is_available() else 'cpu'
    return torch.device(name)
