# SPDX-License-Identifier: Apache-2.0
"""The kernel's byte protocol, from bytes and from a pipe that stands in for a device."""

import os
import struct

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from robot_rl.control.joystick import JoystickDevice, JoystickParser
from robot_rl.control.teleop import AxisConfig, Teleop, TeleopConfig
from robot_rl.errors import InputError

MS = 1_000_000
ENABLE, STOP = 4, 8
CONFIG = TeleopConfig(
    axes=(AxisConfig(1), AxisConfig(0), AxisConfig(3)),
    enable_button=ENABLE,
    buttons={'stop': STOP},
)


def event(kind, number, value, time_ms=0):
    return struct.pack('=IhBB', time_ms, value, kind, number)


def test_the_byte_protocol():
    parser = JoystickParser()
    parser.feed(event(0x82, 0, 0) + event(0x82, 2, 0) + event(0x81, 1, 0))
    assert (parser.axes, parser.buttons) == ([0.0, 0.0, 0.0], [0, 0])
    parser.feed(event(2, 0, -32767) + event(2, 2, 16384) + event(1, 1, 1))
    np.testing.assert_allclose(parser.axes, [1.0, 0.0, -0.5], atol=1e-4)
    assert parser.buttons == [0, 1]


@settings(derandomize=True)
@given(st.binary(max_size=200), st.integers(1, 16))
def test_any_bytes_in_any_pieces_give_the_same_state(data, piece):
    whole, cut = JoystickParser(), JoystickParser()
    whole.feed(data)
    for start in range(0, len(data), piece):
        cut.feed(data[start : start + piece])
    assert (cut.axes, cut.buttons) == (whole.axes, whole.buttons)
    assert all(-1.0 <= axis <= 1.0 for axis in cut.axes)


def test_a_device_is_read_until_it_is_unplugged(tmp_path):
    path = tmp_path / 'js0'
    os.mkfifo(path)
    keeper = os.open(path, os.O_RDWR)  # a writer, so that the reader may open first
    device = JoystickDevice(str(path))
    assert device.read()
    os.write(keeper, event(0x81, ENABLE, 0) + event(0x82, 3, 0) + event(0x81, STOP, 0))
    assert device.read()
    teleop = Teleop(CONFIG)
    teleop.update(device.state.axes, device.state.buttons, 0)
    os.write(keeper, event(1, ENABLE, 1) + event(2, 1, -32767)[:5])
    assert device.read()
    os.write(keeper, event(2, 1, -32767)[5:])
    assert device.read()
    teleop.update(device.state.axes, device.state.buttons, 50 * MS)
    np.testing.assert_array_equal(teleop.action(60 * MS), [1.0, 0.0, 0.0])
    os.close(keeper)
    assert not device.read()
    device.close()


def test_a_missing_device_is_named(tmp_path):
    with pytest.raises(InputError, match='js7: No such file'):
        JoystickDevice(str(tmp_path / 'js7'))
