# SPDX-License-Identifier: Apache-2.0
"""Networks that read pictures: what they see, the eye in front, and the layers behind it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from robot_rl.errors import InputError
from robot_rl.models.encoder import Encoder, EncoderConfig, as_floats
from robot_rl.types import DataSpec, Entries

#: Observations whose pictures `see_all` looks at together.
_PART = 256


@dataclass(frozen=True, slots=True)
class Seen:
    """Many observations on a device.

    Attributes:
        vector: what is no picture, float32 [B, I].
        views: pictures, uint8 or float32 [B, H, W, C] each.
    """

    vector: Tensor
    views: tuple[Tensor, ...]

    def __len__(self) -> int:
        """How many observations."""
        return len(self.vector)

    def __getitem__(self, rows: Tensor | slice) -> 'Seen':
        """Some of the observations."""
        return Seen(self.vector[rows], tuple(view[rows] for view in self.views))


class Views:
    """The pictures among the entries of a network, stacked as the configuration says.

    Attributes:
        names: their entries.
        shape: rows, columns and channels of every view.
        count: how many views there are.
    """

    def __init__(
        self, spec: DataSpec, names: tuple[str, ...], config: EncoderConfig, where: str
    ) -> None:
        """Resolves the views; entries that `views` does not name are views of their own.

        Raises:
            InputError: names the picture that is missing, or whose size differs.
        """
        for group in config.views:
            if unknown := [name for name in group if name not in spec.entries]:
                raise InputError(
                    f'encoder: view {list(group)}: expected entries of the task, got {unknown}'
                )
        stacked = [group for group in config.views if set(group) & set(names)]
        for group in stacked:
            for name in group:
                if name not in names:
                    raise InputError(f'{where}: view {list(group)}: {name!r} is no picture of it')
        joined = {name for group in stacked for name in group}
        self._groups = (*stacked, *((name,) for name in names if name not in joined))
        self.names, self.count = names, len(self._groups)
        shapes = {group: _shape(spec, group, where) for group in self._groups}
        self.shape = next(iter(shapes.values()))
        for group, shape in shapes.items():
            if shape != self.shape:
                raise InputError(
                    f'{where}: {"+".join(group)}: expected a picture of {list(self.shape)} as '
                    f'{"+".join(self._groups[0])}, got {list(shape)}'
                )

    def stack(self, entries: Entries) -> tuple[NDArray[np.generic], ...]:
        """Pictures [B, H, W, C] of many observations, by view."""
        return tuple(_joined([entries[name] for name in group]) for group in self._groups)


def _shape(spec: DataSpec, group: tuple[str, ...], where: str) -> tuple[int, int, int]:
    shapes = [spec.entries[name].shape for name in group]
    if len({shape[:2] for shape in shapes}) > 1:
        raise InputError(f'{where}: view {list(group)}: expected one size, got {shapes}')
    rows, columns = shapes[0][:2]
    return rows, columns, sum(shape[2] for shape in shapes)


def _scaled(picture: NDArray[Any]) -> NDArray[np.float32]:
    """As the encoder does it to uint8, beside depth in metres."""
    return (picture / np.float32(255) - np.float32(0.5)).astype(np.float32)


def _joined(parts: list[NDArray[np.generic]]) -> NDArray[np.generic]:
    if len(parts) == 1:
        return parts[0]
    mixed = len({part.dtype for part in parts}) > 1
    if mixed:
        parts = [_scaled(p) if p.dtype == np.uint8 else p for p in parts]
    channels = [part[..., channel] for part in parts for channel in range(part.shape[-1])]
    # So few channels are put together 5 times as fast as by `concatenate`.
    return np.stack(channels, axis=-1, dtype=np.float32 if mixed else None)


class Eye(nn.Module):
    """One encoder for all views, and the vector beside their features.

    Attributes:
        size: width of what comes out.
    """

    def __init__(
        self, config: EncoderConfig, views: Views, vector: int, generator: torch.Generator
    ) -> None:
        """Draws the weights; `vector` is the width of what is no picture."""
        super().__init__()
        self.encoder = Encoder(config, views.shape, generator)
        self.size = views.count * self.encoder.size + vector

    def forward(self, seen: Seen) -> Tensor:
        """Features of the views one after the other, then the vector, [B, size]."""
        pictures = torch.cat([as_floats(view) for view in seen.views])
        features = self.encoder(pictures).chunk(len(seen.views))
        return torch.cat([*features, seen.vector], dim=1)


class Sighted(nn.Module):
    """A network behind an eye; it computes what the network does, from what was seen.

    Features that were computed before may be given in place of what was seen.

    Attributes:
        eye: makes the features.
        network: reads them.
        borrowed: whether another network's loss alone trains the eye.
    """

    def __init__(self, eye: Eye, network: nn.Module, borrowed: bool = False) -> None:
        """Puts both together; a borrowed eye is trained by another network alone."""
        super().__init__()
        self.eye, self.network = eye, network
        self.borrowed = borrowed

    def see(self, x: Seen | Tensor) -> Tensor:
        """Input [B, I] of the network behind."""
        if isinstance(x, Tensor):
            return x
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.borrowed):
            found: Tensor = self.eye(x)
        return found

    def own_parameters(self) -> list[nn.Parameter]:
        """What this network's loss may move."""
        return list((self.network if self.borrowed else self).parameters())

    def forward(self, x: Seen | Tensor, *rest: Any) -> Any:
        """What the network gives."""
        return self.network(self.see(x), *rest)

    def act(self, x: Seen | Tensor) -> Any:
        """The network's own `act`."""
        return self._own.act(self.see(x))

    def sample(self, x: Seen | Tensor, generator: torch.Generator) -> Any:
        """The network's own `sample`."""
        return self._own.sample(self.see(x), generator)

    def log_prob(self, x: Seen | Tensor, action: Tensor) -> Any:
        """The network's own `log_prob`."""
        return self._own.log_prob(self.see(x), action)

    def rate(self, x: Seen | Tensor, action: Tensor, members: Any = None) -> Any:
        """The network's own `rate`."""
        return self._own.rate(self.see(x), action, members)

    @property
    def _own(self) -> Any:
        return self.network


def see(network: nn.Module, x: Seen | Tensor) -> Tensor:
    """What the layers of a network read: features of pictures, or the vector as it is."""
    if isinstance(network, Sighted):
        return network.see(x)
    assert isinstance(x, Tensor)
    return x


@torch.no_grad()
def see_all(network: nn.Module, x: Seen | Tensor) -> Tensor:
    """The same for any number of observations, part by part, without gradient."""
    if isinstance(x, Tensor):
        return x
    parts = range(0, len(x), _PART)
    return torch.cat([see(network, x[start : start + _PART]) for start in parts])


def behind(network: nn.Module) -> Any:
    """The network behind an eye, or the one without an eye itself."""
    return network.network if isinstance(network, Sighted) else network


def shifted(
    pictures: NDArray[np.generic], by: NDArray[np.int64], most: int
) -> NDArray[np.generic]:
    """Pictures moved by whole pixels; the edge is repeated (Yarats et al. 2021, section 3.1).

    Args:
        pictures: shape [B, H, W, C].
        by: rows and columns, 0 to 2 `most`, shape [B, 2]; `most` leaves a picture in place.
        most: pixels.
    """
    rows, columns = pictures.shape[1:3]
    edge = (most, most)
    wide = np.pad(pictures, ((0, 0), edge, edge, (0, 0)), mode='edge')
    moved = np.empty_like(pictures)
    for i, (row, column) in enumerate(by.tolist()):
        moved[i] = wide[i, row : row + rows, column : column + columns]
    return moved
