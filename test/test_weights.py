# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as st_numpy

from robot_rl.errors import InputError
from robot_rl.learning import weights
from robot_rl.types import DataSpec, EntrySpec

STATE = {
    'actor/weights.0': np.arange(6, dtype=np.float32).reshape(3, 2),
    'actor/biases.0': np.zeros(2, np.float32),
}
DATA, SHA256 = weights.pack(STATE)
SPECS = weights.specs(STATE)


def refusal(data=DATA, sha256=SHA256, expected=SPECS):
    with pytest.raises(InputError) as caught:
        weights.unpack(data, sha256, expected)
    return str(caught.value)


@given(
    st.dictionaries(
        st.text('abc/._0', min_size=1, max_size=8),
        st_numpy.arrays(
            st.sampled_from([np.float32, np.float64, np.uint8, np.int64, np.bool_]),
            st_numpy.array_shapes(min_dims=0, max_side=4),
            elements={'allow_nan': False, 'allow_infinity': False},
        ),
        max_size=4,
    )
)
def test_round_trip(state):
    data, sha256 = weights.pack(state)
    back = weights.unpack(data, sha256, weights.specs(state))
    assert back.keys() == state.keys()
    for name, array in state.items():
        np.testing.assert_array_equal(back[name], array)
        assert back[name].dtype == array.dtype
    assert weights.pack(back) == (data, sha256)


@pytest.mark.fault(23)
@settings(max_examples=200)
@given(st.integers(0, len(DATA) * 8 - 1))
def test_any_flipped_bit_is_refused(bit):
    data = bytearray(DATA)
    data[bit // 8] ^= 1 << bit % 8
    assert 'sha256' in refusal(bytes(data))


@given(st.integers(0, len(DATA) - 1))
def test_any_cut_is_refused_even_with_its_own_hash(length):
    import hashlib

    cut = DATA[:length]
    assert 'not safetensors' in refusal(cut, hashlib.sha256(cut).hexdigest())


@pytest.mark.fault(22)
@pytest.mark.parametrize(
    ('changed', 'message'),
    [
        ({'actor/biases.0': np.zeros(3, np.float32)}, 'actor/biases.0: expected float32 (2,)'),
        ({'actor/biases.0': np.zeros(2)}, 'got float64 (2,)'),
        ({'actor/biases.0': np.array([0, np.nan], np.float32)}, 'actor/biases.0: expected finite'),
        ({'actor/biases.0': np.array([0, np.inf], np.float32)}, 'actor/biases.0: expected finite'),
        ({'other': np.zeros(2, np.float32)}, "unexpected ['other']"),
    ],
)
def test_wrong_arrays_are_refused_by_name(changed, message):
    assert message in refusal(*weights.pack(STATE | changed))


@pytest.mark.fault(22)
def test_missing_array_is_refused_by_name():
    part = {'actor/biases.0': STATE['actor/biases.0']}
    assert "missing ['actor/weights.0']" in refusal(*weights.pack(part))


def settings_of(shape=(3,), action_size=2, **more):
    spec = DataSpec({'wrench': EntrySpec(shape)}, action_size)
    return weights.settings_json('sac', spec, **more)


def test_equal_settings_pass():
    text = settings_of(scale=(0.1, 0.2))
    weights.check_settings(text, settings_of(scale=(0.1, 0.2)), 'x')
    assert json.loads(text)['agent'] == 'sac'


@pytest.mark.parametrize(
    ('received', 'message'),
    [
        (settings_of((4,)), 'w: settings.entries.wrench.shape: expected [3], got [4]'),
        (settings_of(action_size=3), 'settings.action_size: expected 2, got 3'),
        (settings_of(scale=0.1), 'settings.scale: unknown here'),
        ('{}', 'settings.action_size: missing'),
        ('nonsense', 'w: settings are not JSON'),
    ],
)
def test_the_differing_setting_is_named(received, message):
    with pytest.raises(InputError) as caught:
        weights.check_settings(settings_of(), received, 'w')
    assert message in str(caught.value)
