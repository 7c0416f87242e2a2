# SPDX-License-Identifier: Apache-2.0
"""Inputs scaled by the running mean and deviation of what was seen (Pinto et al. 2017, V-H)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from robot_rl.models.encoder import EncoderConfig, as_floats
from robot_rl.models.inputs import VectorInput, check_shapes, is_picture, own_entries
from robot_rl.models.mean_picture import MeanPicture
from robot_rl.models.sight import Eye, Seen, Sighted, Views, shifted
from robot_rl.models.workers import summed_up
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
        counted, summed = summed_up(np.array([float(len(values))]), values.sum(0))
        new = float(counted[0])
        self.count += new
        share = new / (before + new)
        new_mean = summed / new
        (new_squares,) = summed_up(np.square(values - new_mean).sum(0))
        gap = new_mean - mean
        squares += new_squares + np.square(gap) * before * share
        mean += gap * share
        deviation = np.sqrt(squares / (before + new))
        np.divide(1, np.maximum(deviation, MIN_DEVIATION), out=self.scale.numpy())

    def scaled(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors [..., I] less the mean, over the deviation, within +-`CLIP`."""
        scaled: FloatArray = (x - self.mean.numpy()) * self.scale.numpy()
        return np.clip(scaled, -CLIP, CLIP, out=scaled).astype(np.float32)

    def unscaled(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """What `scaled` made these vectors [..., I] of, but for what it clipped."""
        return np.asarray(x / self.scale.numpy() + self.mean.numpy(), np.float32)


class NormalizedInput:
    """The entries that one network reads, joined and, where asked for, normalised.

    With an encoder, entries may be pictures; these are not joined, and only centred.

    Attributes:
        names: the entries.
        size: width of the joined vector.
        parts: its statistics as `state.save` takes them; empty where nothing is scaled.
        views: its pictures; None where it has none.
    """

    def __init__(
        self,
        spec: DataSpec,
        names: tuple[str, ...],
        where: str,
        normalize: bool,
        encoder: EncoderConfig | None = None,
    ) -> None:
        """Resolves the names as `VectorInput` does.

        Args:
            spec: what the observations hold.
            names: entries to read; empty for all of the task's own.
            where: key of the configuration, for messages.
            normalize: whether the joined vector is scaled.
            encoder: of the pictures among the entries; without one they are refused.
        """
        self._encoder, self.views = encoder, None
        pictures: tuple[str, ...] = ()
        if encoder is not None:
            names = names or own_entries(spec)
            pictures = tuple(n for n in names if n in spec.entries and is_picture(spec.entries[n]))
        if encoder is not None and pictures:
            self.views = Views(spec, pictures, encoder, where)
        self._shapes = {name: spec.entries[name].shape for name in pictures}
        vectors = tuple(name for name in names if name not in pictures)
        self._input = VectorInput(spec, vectors, where, empty=bool(pictures))
        self.names, self.size = pictures + self._input.names, self._input.size
        self._normalizer = Normalizer(self.size) if normalize and self.size else None
        centred = encoder is not None and encoder.center
        self._mean = MeanPicture(self.views.shape) if self.views and centred else None
        parts = {'normalizer': self._normalizer, 'mean_picture': self._mean}
        self.parts = {name: part for name, part in parts.items() if part is not None}

    def observe(self, entries: Entries) -> None:
        """Takes many observations into the statistics."""
        if self._normalizer:
            self._normalizer.observe(self._input.batch(entries))
        if self._mean and self.views and not self._mean.known:
            self._mean.observe(self.views.stack(entries))

    def batch(self, entries: Entries) -> NDArray[np.float32]:
        """The joined vectors [B, size] of many observations."""
        x = self._input.batch(entries)
        return self._normalizer.scaled(x) if self._normalizer else x

    def unscaled(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """The entries' own values [..., size] of what `batch` gives."""
        return self._normalizer.unscaled(x) if self._normalizer else x

    def tensors(
        self,
        entries: Entries,
        device: torch.device,
        rng: np.random.Generator | None = None,
        floats: bool = True,
    ) -> Tensor | Seen:
        """The input for many observations: a vector [B, size], or one with its pictures.

        Args:
            entries: of the observations.
            device: where the tensors are to be; pictures stay uint8 up to there.
            rng: chooses by how much pictures are shifted; None leaves them in place.
            floats: whether pictures become floats there; else the encoder sees to it, unless
                they are centred.
        """
        vector = torch.from_numpy(self.batch(entries)).to(device)
        if self.views is None or self._encoder is None:
            return vector
        pictures, most = self.views.stack(entries), self._encoder.shift
        if rng is not None and most:
            by = rng.integers(0, 2 * most + 1, (len(vector), 2))
            pictures = tuple(shifted(view, by, most) for view in pictures)
        views = [torch.from_numpy(np.ascontiguousarray(view)).to(device) for view in pictures]
        if self._mean:
            mean = self._mean.mean.to(device)
            return Seen(vector, tuple(as_floats(view) - mean for view in views))
        return Seen(vector, tuple(as_floats(view) if floats else view for view in views))

    def single(self, entries: Entries) -> NDArray[np.float32]:
        """The vector [size] of one observation; a misfit is an `InputError`."""
        x = self._input.single(entries)
        return self._normalizer.scaled(x) if self._normalizer else x

    def seen_by(self, network: nn.Module, entries: Entries) -> NDArray[np.float32]:
        """What the layers of a network read of one observation, shape [I].

        Raises:
            InputError: an entry is missing or has another shape; names it.
        """
        if not isinstance(network, Sighted):
            return self.single(entries)
        check_shapes(entries, self._shapes)
        self._input.single(entries)
        one = {name: entries[name][None] for name in self.names}
        device = next(network.parameters()).device
        with torch.no_grad():
            found: NDArray[np.float32] = network.see(self.tensors(one, device))[0].cpu().numpy()
        return found

    def width(self, network: nn.Module) -> int:
        """How many numbers the layers of a network for this input read."""
        return network.eye.size if isinstance(network, Sighted) else self.size

    def make_eye(self, generator: torch.Generator) -> Eye:
        """An encoder for its pictures, beside its vector."""
        assert self.views is not None
        assert self._encoder is not None
        return Eye(self._encoder, self.views, self.size, generator)

    def behind_eye(self, make: Callable[[int], nn.Module], generator: torch.Generator) -> Any:
        """A network for this input, behind an eye where there are pictures.

        Args:
            make: makes the network from the width of what it reads.
            generator: source of the eye's initial weights.
        """
        if self.views is None:
            return make(self.size)
        eye = self.make_eye(generator)
        return Sighted(eye, make(eye.size))
