# SPDX-License-Identifier: Apache-2.0
"""Encoders of pictures: shapes, gradients and shifts."""

import numpy as np
import pytest
import torch

from robot_rl.errors import InputError
from robot_rl.models.encoder import Encoder, EncoderConfig
from robot_rl.models.sight import shifted

SHAPES = ((32, 32, 1), (48, 48, 3), (84, 84, 3), (100, 100, 4))
#: Of `nature` no map is left of 32 rows.
PAIRS = [
    (kind, shape)
    for kind in ('pinto', 'nature', 'small', 'residual')
    for shape in SHAPES
    if (kind, shape[0]) != ('nature', 32)
]


@pytest.mark.parametrize(('kind', 'shape'), PAIRS, ids=lambda p: str(p).split(',')[0].strip('('))
def test_features_have_the_width_they_say_and_every_weight_a_gradient(kind, shape):
    torch.manual_seed(0)
    for output in ('flat', 'linear', 'embedding', 'spatial_softmax'):
        made = Encoder(EncoderConfig(kind, 4, output), shape, torch.Generator().manual_seed(0))
        pictures = torch.randint(0, 256, (2, *shape), dtype=torch.uint8)
        features = made(pictures)
        assert features.shape == (2, made.size)
        assert features.isfinite().all()
        gradients = torch.autograd.grad(features.square().sum(), list(made.parameters()))
        assert all(g.isfinite().all() for g in gradients)
        assert sum(float(g.abs().sum()) > 0 for g in gradients) >= len(gradients) - 1


def test_equal_seeds_give_equal_features_and_others_do_not():
    pictures = torch.randint(0, 256, (2, 48, 48, 3), dtype=torch.uint8)
    one, same, other = (
        Encoder(EncoderConfig(), (48, 48, 3), torch.Generator().manual_seed(seed))(pictures)
        for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_fewer_layers_leave_a_larger_map():
    sizes = [
        Encoder(EncoderConfig('small', 8, 'flat', layers=n), (48, 48, 3), torch.Generator()).size
        for n in (None, 3, 2, 1)
    ]
    assert sizes == [6 * 6 * 16, 6 * 6 * 16, 12 * 12 * 16, 24 * 24 * 8]
    for layers in (0, 4):
        with pytest.raises(ValueError, match='layers'):
            EncoderConfig('small', layers=layers)


def test_pictures_too_small_are_refused_by_name():
    with pytest.raises(InputError, match=r'encoder: pictures of \[8, 8, 3\] are too small'):
        Encoder(EncoderConfig('nature'), (8, 8, 3), torch.Generator())


def test_a_shift_moves_whole_pixels_and_repeats_the_edge():
    picture = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1)
    assert np.array_equal(shifted(picture, np.array([[2, 2]]), 2), picture)
    moved = shifted(picture, np.array([[3, 1]]), 2)[0, ..., 0]
    assert moved.tolist() == [[4, 4, 5, 6], [8, 8, 9, 10], [12, 12, 13, 14], [12, 12, 13, 14]]
