# SPDX-License-Identifier: Apache-2.0
"""Gradient steps with few and large kernels."""

import copy
import ctypes
import math
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from robot_rl.errors import InputError
from robot_rl.models.sight import Sighted

# Numbers of glibc's <malloc.h>.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3

M = TypeVar('M', bound=nn.Module)
F = TypeVar('F', bound=Callable[..., Any])
Precision = Literal['highest', 'high', 'medium']


def configure_process(threads: int, precision: Precision = 'highest') -> None:
    """Settings of a learner's whole process.

    Threads; no slow arithmetic on denormal numbers, which the moments of silent units decay
    to; and memory that the C library keeps between updates instead of handing it back, which
    saves a tenth of each update where that library is glibc.

    Several threads wait for each other some 70 times an update. They should do so asleep, with
    `OMP_WAIT_POLICY=PASSIVE` in the environment before torch is loaded: where other processes
    want the same cores, threads that spin are slower than a single one by a factor of ten.

    Args:
        threads: cores that the learner may fill; the rest is left to control.
        precision: of matrix products, see `torch.set_float32_matmul_precision`; `medium` rounds
            their factors to bfloat16 on processors that multiply those faster, and changes
            nothing on others.
    """
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(precision)
    torch.set_flush_denormal(True)
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is not None:
        for option in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
            mallopt(option, 1 << 30)


def compiled(function: F, wanted: bool) -> F:
    """The function; where wanted, its first call compiles it (`torch.compile`).

    That takes some 20 seconds; the next process finds the result on disk.

    Args:
        function: of tensors, without side effects.
        wanted: whether it is compiled.

    Raises:
        InputError: this machine has no C++ compiler.
    """
    if not wanted:
        return function
    name = os.environ.get('CXX', 'g++')
    if not shutil.which(name):
        raise InputError(f'compiled: expected a C++ compiler, found no {name}')
    made: Any = torch.compile(function, fullgraph=True, options={'cpp_wrapper': True})
    return made  # type: ignore[no-any-return]


class Adam(nn.Module):
    """Adam (Kingma and Ba 2015, algorithm 1), one kernel for all tensors, torch's defaults.

    Its moments are buffers, so that they are saved and restored like those of any module.
    """

    def __init__(
        self, parameters: Iterable[Tensor], learning_rate: float, max_norm: float = math.inf
    ) -> None:
        """Starts with moments of zero.

        Args:
            parameters: what is moved.
            learning_rate: step size.
            max_norm: of the gradient over all parameters; longer ones are shortened.
        """
        super().__init__()
        self._moved = list(parameters)
        self._learning_rate, self._max_norm = learning_rate, max_norm
        self._means = [torch.zeros_like(p) for p in self._moved]
        self._squares = [torch.zeros_like(p) for p in self._moved]
        self._count = torch.zeros((), device=self._moved[0].device)
        for i, (mean, square) in enumerate(zip(self._means, self._squares, strict=True)):
            self.register_buffer(f'mean{i}', mean)
            self.register_buffer(f'square{i}', square)
        self.register_buffer('count', self._count)

    def descend(self, loss: Tensor) -> None:
        """One step down the gradient of the loss.

        Asking for the gradients of exactly these parameters spares the products of weights
        that are merely passed through, such as a critic's below an actor's loss.
        """
        self.step(torch.autograd.grad(loss, self._moved))

    def step(self, gradients: Sequence[Tensor]) -> None:
        """One step down the given gradients, one for each parameter."""
        with torch.no_grad():
            self._count += 1
            if math.isfinite(self._max_norm):
                norm = torch.stack([g.norm() for g in gradients]).norm()
                factor = (self._max_norm / (norm + 1e-8)).clamp(max=1.0)
                gradients = [g * factor for g in gradients]
            torch._fused_adam_(
                self._moved,
                list(gradients),
                self._means,
                self._squares,
                [],
                [self._count] * len(self._moved),
                lr=self._learning_rate,
                beta1=0.9,
                beta2=0.999,
                weight_decay=0.0,
                eps=1e-8,
                amsgrad=False,
                maximize=False,
            )


def with_copy(network: M, learning_rate: float, device: torch.device) -> tuple[M, M, Adam]:
    """A network moved to a device, its slow copy for the targets, and what moves it."""
    moved = network.to(device)
    return (
        moved,
        copy.deepcopy(moved).requires_grad_(False),
        Adam(trained(moved), learning_rate),
    )


def trained(network: nn.Module) -> list[nn.Parameter]:
    """The parameters that a network's own loss moves."""
    return network.own_parameters() if isinstance(network, Sighted) else [*network.parameters()]


def choose_members(wanted: int | None, members: int, noise: torch.Generator) -> Tensor | None:
    """Numbers of a random subset of an ensemble; None where all are wanted."""
    if wanted in (None, members):
        return None
    return torch.randperm(members, generator=noise, device=noise.device)[:wanted]


@torch.no_grad()
def polyak(target: nn.Module, source: nn.Module, share: float) -> None:
    """Moves the target's parameters by this share of the way to the source's."""
    torch._foreach_lerp_(list(target.parameters()), list(source.parameters()), share)


def resolve_device(name: str) -> torch.device:
    """The device of that name; `auto` is CUDA where there is one."""
    if name == 'auto':
        name = 'cuda' if torch.cuda.is_available() else 'cpu'
    return torch.device(name)
