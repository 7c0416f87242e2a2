# SPDX-License-Identifier: Apache-2.0
"""Inputs scaled by the running mean and deviation of what was seen (Pinto et al. 2017, V-H)."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from robot_rl.models import workers
from robot_rl.models.inputs import VectorInput
from robot_rl.types import DataSpec, Entries, FloatArray

#: Scaled values are clipped here, so that a glitch of a sensor stays an ordinary input.
CLIP = 5.0
#: A deviation below this counts as this, so that what hardly moves is not blown up.
MIN_DEVIATION = 0.01
#: Larger values are counted as this; its square still fits many times into a double.
_LARGEST = float(np.finfo(np.float32).max)


class Normalizer(nn.Module):
    """Running mean and standard deviation of vectors, merged batch by batch in doubles.

    Its numbers are buffers, so that they are saved with the agent and travel with the policy.
    They stay on the CPU, where inputs are joined.
    """

    count: Tensor
    mean: Tensor
    squares: Tensor
    scale: Tensor

    def __init__(self, size: int) -> None:
        """Starts at mean 0 and deviation 1; `size` is the width of the vectors."""
        super().__init__()
        start = {'count': np.zeros(()), 'scale': np.ones(size)}
        start |= {'mean': np.zeros(size), 'squares': np.zeros(size)}
        for name, array in start.items():
            self.register_buffer(name, torch.from_numpy(array))

    def observe(self, x: NDArray[np.generic]) -> None:
        """Takes vectors [B, I], those of all workers, into the statistics.

        Chan et al. 1983, eq. 1.5.
        """
        values = np.clip(x.astype(np.float64), -_LARGEST, _LARGEST)
        mean, squares = self.mean.numpy(), self.squares.numpy()
        before = float(self.count)
        counted, summed = _total(np.array([float(len(values))]), values.sum(0))
        new = float(counted[0])
        self.count += new
        share = new / (before + new)
        new_mean = summed / new
        (new_squares,) = _total(np.square(values - new_mean).sum(0))
        gap = new_mean - mean
        squares += new_squares + np.square(gap) * before * share
        mean += gap * share
        deviation = np.sqrt(squares / (before + new))
        np.divide(1, np.maximum(deviation, MIN_DEVIATION), out=self.scale.numpy())

    def scaled(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors [..., I] less the mean, over the deviation, within +-`CLIP`."""
        scaled: FloatArray = (x - self.mean.numpy()) * self.scale.numpy()
        return np.clip(scaled, -CLIP, CLIP, out=scaled).astype(np.float32)


def _total(*parts: FloatArray) -> list[FloatArray]:
    """Sum of each array of doubles over all workers."""
    if workers.workers() == 1:
        return list(parts)
    summed = workers.total([torch.from_numpy(part) for part in parts])
    return [tensor.numpy() for tensor in summed]


class NormalizedInput:
    """The entries that one network reads, joined and, where asked for, normalised.

    Attributes:
        names: the entries.
        size: width of the joined vector.
        parts: its statistics as `state.save` takes them; empty without normalisation.
    """

    def __init__(
        self, spec: DataSpec, names: tuple[str, ...], where: str, normalize: bool
    ) -> None:
        """Resolves the names as `VectorInput` does.

        Args:
            spec: what the observations hold.
            names: entries to read; empty for all of the task's own.
            where: key of the configuration, for messages.
            normalize: whether the joined vector is scaled.
        """
        self._input = VectorInput(spec, names, where)
        self.names, self.size = self._input.names, self._input.size
        self._normalizer = Normalizer(self.size) if normalize else None
        self.parts = {'normalizer': self._normalizer} if self._normalizer else {}

    def observe(self, entries: Entries) -> None:
        """Takes many observations into the statistics."""
        if self._normalizer:
            self._normalizer.observe(self._input.batch(entries))

    def batch(self, entries: Entries) -> NDArray[np.float32]:
        """The input [B, size] for many observations."""
        x = self._input.batch(entries)
        return self._normalizer.scaled(x) if self._normalizer else x

    def single(self, entries: Entries) -> NDArray[np.float32]:
        """The input [size] for one observation; a misfit is an `InputError`."""
        x = self._input.single(entries)
        return self._normalizer.scaled(x) if self._normalizer else x


class ActorCriticInput:
    """What actor and critic read; the same entries are joined and scaled only once.

    Attributes:
        actor: input of the actor.
        critic: input of the critic, the very same object where it reads the same entries.
        names: entries of both.
        parts: their statistics, as `state.save` takes them.
    """

    def __init__(
        self,
        spec: DataSpec,
        actor_entries: tuple[str, ...],
        critic_entries: tuple[str, ...],
        normalize: bool,
    ) -> None:
        """Resolves the entries; see `NormalizedInput`."""
        self.actor = NormalizedInput(spec, actor_entries, 'actor_entries', normalize)
        critic = NormalizedInput(spec, critic_entries, 'critic_entries', normalize)
        self.critic = self.actor if critic.names == self.actor.names else critic
        self.names = tuple(dict.fromkeys(self.actor.names + self.critic.names))
        both = {'actor': self.actor, 'critic': self.critic}
        self.parts = {f'{k}_{n}': p for k, used in both.items() for n, p in used.parts.items()}

    def observe(self, entries: Entries) -> None:
        """Takes many observations into the statistics."""
        self.actor.observe(entries)
        if self.critic is not self.actor:
            self.critic.observe(entries)

    def batch(self, entries: Entries, device: torch.device) -> tuple[Tensor, Tensor]:
        """Inputs [B, I] of actor and critic for many observations."""
        seen = torch.from_numpy(self.actor.batch(entries)).to(device)
        if self.critic is self.actor:
            return seen, seen
        return seen, torch.from_numpy(self.critic.batch(entries)).to(device)
