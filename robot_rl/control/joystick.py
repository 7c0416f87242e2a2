# SPDX-License-Identifier: Apache-2.0
"""A joystick without ROS's `joy` node: the kernel's `/dev/input/jsN` byte protocol.

Each event is 8 bytes: time in ms (u32), value (i16), kind (u8: 1 button, 2 axis, with bit 7 set
while the kernel tells the initial state), number (u8). Only changes are told, so whoever needs a
steady stream repeats the state. Source: Linux, Documentation/input/joydev/joystick-api.rst.
"""

import errno
import os
import struct

from robot_rl.errors import InputError

EVENT = struct.Struct('=IhBB')
BUTTON, AXIS, INITIAL = 0x01, 0x02, 0x80
FULL_SCALE = 32767
READ_BYTES = 4096


class JoystickParser:
    """Keeps the state of axes and buttons from the device's bytes, however they are cut.

    Attributes:
        axes: in [-1, 1] with up and left positive, as in `sensor_msgs/Joy` from ROS's own node.
        buttons: 1 while held.
    """

    def __init__(self) -> None:
        self.axes: list[float] = []
        self.buttons: list[int] = []
        self._rest = b''

    def feed(self, data: bytes) -> None:
        """Takes in bytes; events of unknown kind are passed over."""
        data = self._rest + data
        whole = len(data) - len(data) % EVENT.size
        self._rest = data[whole:]
        for _, value, kind, number in EVENT.iter_unpack(data[:whole]):
            if kind & ~INITIAL == BUTTON:
                self.buttons += [0] * (number + 1 - len(self.buttons))
                self.buttons[number] = int(value != 0)
            elif kind & ~INITIAL == AXIS:
                self.axes += [0.0] * (number + 1 - len(self.axes))
                self.axes[number] = max(-1.0, min(1.0, -value / FULL_SCALE))


class JoystickDevice:
    """An opened device, read without waiting."""

    def __init__(self, path: str) -> None:
        """Opens the device, such as '/dev/input/js0'.

        Raises:
            InputError: it can't be opened; names the path.
        """
        self.state = JoystickParser()
        self._path = path
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise InputError(f'{path}: {error.strerror}') from error

    def read(self) -> bool:
        """Takes in what has arrived; False once the joystick is unplugged."""
        while True:
            try:
                data = os.read(self._descriptor, READ_BYTES)
            except BlockingIOError:
                return True
            except OSError as error:
                if error.errno in (errno.ENODEV, errno.EIO):
                    return False
                raise InputError(f'{self._path}: {error.strerror}') from error
            if not data:
                return False
            self.state.feed(data)

    def close(self) -> None:
        """Closes the device."""
        os.close(self._descriptor)
