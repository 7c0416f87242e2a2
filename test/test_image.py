# SPDX-License-Identifier: Apache-2.0
"""Crop, resize, gray, and the bytes of image messages."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from robot_rl.errors import InputError
from robot_rl.perception.image import crop, decode, encode, resize, to_gray

SIZES = st.integers(1, 12)


def picture(rows: int, columns: int, channels: int = 3) -> np.ndarray:
    rng = np.random.default_rng(rows * 100 + columns)
    return rng.integers(0, 256, (rows, columns, channels), dtype=np.uint8)


def test_crop_is_x_y_width_height():
    image = picture(20, 30)
    np.testing.assert_array_equal(crop(image, (5, 2, 10, 7)), image[2:9, 5:15])
    np.testing.assert_array_equal(crop(image, (0, 0, 30, 20)), image)


@pytest.mark.parametrize(
    'rectangle', [(0, 0, 31, 20), (0, 1, 30, 20), (-1, 0, 5, 5), (0, 0, 0, 5), (29, 19, 2, 1)]
)
def test_crop_outside_is_refused_with_the_numbers(rectangle):
    with pytest.raises(InputError, match='30 x 20 pixels'):
        crop(picture(20, 30), rectangle)


@given(SIZES, SIZES, st.sampled_from([0, 1, 2, 3, 4]), SIZES, SIZES, st.booleans())
def test_resize_keeps_channels_and_type(rows, columns, channels, to_rows, to_columns, nearest):
    shape = (rows, columns, channels) if channels else (rows, columns)
    image = np.zeros(shape, np.uint8)
    resized = resize(image, (to_rows, to_columns), nearest)
    assert resized.shape == (to_rows, to_columns, *shape[2:])
    assert resized.dtype == np.uint8
    assert not np.shares_memory(resized, image)


def test_shrinking_takes_the_mean_of_the_area():
    image = picture(64, 96)
    blocks = image.reshape(32, 2, 32, 3, 3).mean(axis=(1, 3))
    assert np.abs(resize(image, (32, 32)) - blocks).max() <= 0.51


def test_nearest_makes_no_value_up_and_keeps_nan():
    depth = np.random.default_rng(0).random((48, 64), dtype=np.float32)
    depth[10:20, 10:20] = np.nan
    small = resize(depth, (12, 16), nearest=True)
    assert set(small[~np.isnan(small)]) <= set(depth[~np.isnan(depth)])
    assert np.isnan(small[3:5, 3:5]).all()
    assert np.isnan(small).mean() < 0.1


def test_gray_weighs_the_colours():
    pure = np.eye(3, dtype=np.uint8)[None] * 255
    assert to_gray(pure)[0, :, 0].tolist() == pytest.approx([76.2, 149.7, 29.1], abs=1)
    one = picture(4, 5, 1)
    assert to_gray(one) is one
    assert to_gray(picture(4, 5)).shape == (4, 5, 1)


IMAGES = st.one_of(
    hnp.arrays(np.uint8, st.tuples(SIZES, SIZES, st.sampled_from([1, 3]))),
    hnp.arrays(np.uint16, st.tuples(SIZES, SIZES)),
    hnp.arrays(np.float32, st.tuples(SIZES, SIZES)),
)


@given(IMAGES, st.integers(0, 5))
def test_bytes_survive_the_round_trip_with_row_padding(image, padding):
    encoding, step, data = encode(image)
    height, width = image.shape[:2]
    rows = [data[i * step : (i + 1) * step] + b'\xff' * padding for i in range(height)]
    again = decode(b''.join(rows), encoding, height, width, step + padding)
    assert again.dtype == image.dtype
    assert again.shape == image.shape
    assert again.tobytes() == image.tobytes()


def test_order_of_colours_and_of_bytes():
    image = picture(3, 4)
    assert (decode(image[..., ::-1].tobytes(), 'bgr8', 3, 4, 12) == image).all()
    alpha = np.concatenate([image, np.zeros((3, 4, 1), np.uint8)], axis=2)
    assert (decode(alpha.tobytes(), 'rgba8', 3, 4, 16) == image).all()
    assert (decode(alpha[..., [2, 1, 0, 3]].tobytes(), 'bgra8', 3, 4, 16) == image).all()
    depth = np.arange(12, dtype=np.uint16).reshape(3, 4) * 300
    swapped = decode(depth.astype('>u2').tobytes(), '16UC1', 3, 4, 8, big_endian=True)
    assert (swapped == depth).all()
    assert swapped.dtype == np.uint16


@pytest.mark.parametrize(
    ('size', 'encoding', 'step', 'message'),
    [
        (36, 'yuv422', 12, 'unknown encoding'),
        (35, 'rgb8', 12, '35 bytes'),
        (24, 'rgb8', 8, 'step 8'),
        (0, 'rgb8', 12, '0 bytes'),
    ],
)
def test_contradicting_bytes_are_refused(size, encoding, step, message):
    with pytest.raises(InputError, match=message):
        decode(bytes(size), encoding, 3, 4, step)


def test_arrays_without_an_encoding_are_refused():
    with pytest.raises(InputError, match='no encoding'):
        encode(np.zeros((3, 4), np.int32))
