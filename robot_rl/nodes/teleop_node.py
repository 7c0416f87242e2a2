# SPDX-License-Identifier: Apache-2.0
"""A person's hand on the robot: takeover while the enable button is held, and judgements.

    | topic | type | unit |
    |---|---|---|
    | in  `joy` | sensor_msgs/Joy | deflections in [-1, 1], buttons |
    | out `teleop/action` | robot_rl_msgs/Action | in [-1, 1]; only while a takeover lasts |
    | out `operator/event` | robot_rl_msgs/OperatorEvent | a judgement, pause or resume |
    | out `stop` | std_msgs/Bool | while the stop button is held |

With the parameter `device` the node reads a joystick itself, such as /dev/input/js0, and
needs no joy node; one that is unplugged is looked for once a second. What sticks and buttons
mean is in `control/teleop.py`.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from robot_rl_msgs import msg as rr
from sensor_msgs.msg import Joy
from std_msgs.msg import Bool

from robot_rl import config, resources
from robot_rl.control.joystick import JoystickDevice
from robot_rl.control.teleop import Teleop, TeleopConfig
from robot_rl.errors import InputError
from robot_rl.nodes import conversions as convert, records
from robot_rl.nodes.common import EVENT_QOS, GraphNode, sensor_qos
from robot_rl.nodes.running import run
from robot_rl.types import Action

RATE_HZ = 20.0
REOPEN_SECONDS = 1.0
EVENTS = {
    'success': rr.OperatorEvent.SUCCESS,
    'failure': rr.OperatorEvent.FAILURE,
    'discard': rr.OperatorEvent.DISCARD,
    'pause': rr.OperatorEvent.PAUSE,
    'resume': rr.OperatorEvent.RESUME,
}


class TeleopNode(GraphNode):
    """Moves messages; the teleop core decides."""

    def __init__(self, **kwargs: Any) -> None:
        """Declares parameters, builds the core, opens the topics."""
        super().__init__('teleop_node', **kwargs)
        joystick = self.declare_parameter('joystick', 'gamepad').value
        path = resources.find('config/teleop', joystick)
        settings = config.load(TeleopConfig, path)
        if len(settings.axes) != self.task.action.size:
            raise InputError(
                f'{path}: axes: task {self.task.name!r} has {self.task.action.size} action axes, '
                f'got {len(settings.axes)}'
            )
        self._teleop = Teleop(settings)
        self._path = self.declare_parameter('device', '').value
        self._device = JoystickDevice(self._path) if self._path else None
        self._actions = self.create_publisher(rr.Action, 'teleop/action', EVENT_QOS)
        self._events = self.create_publisher(rr.OperatorEvent, 'operator/event', EVENT_QOS)
        self._stops = self.create_publisher(Bool, 'stop', EVENT_QOS)
        if self._path:
            self.create_timer(REOPEN_SECONDS, self._reopen)
        else:
            self.create_subscription(Joy, 'joy', self._on_joy, sensor_qos(False))
        self.create_timer(1.0 / RATE_HZ, self._repeat)

    def _on_joy(self, message: Joy) -> None:
        self._take(message.axes, message.buttons)

    def _take(self, axes: Sequence[float], buttons: Sequence[int]) -> None:
        events = self._teleop.update(axes, buttons, time.monotonic_ns())
        if self._teleop.problem:
            self.complain(InputError(self._teleop.problem))
        stamp_ns = self.get_clock().now().nanoseconds
        for event in events:
            if event == 'stop':
                self._stops.publish(Bool(data=True))
            else:
                header = convert.header(stamp_ns)
                self._events.publish(rr.OperatorEvent(header=header, event=EVENTS[event]))

    def _repeat(self) -> None:
        """Reads the device, which tells changes alone, and sends the takeover while it lasts."""
        if self._device is not None:
            self._read(self._device)
        values = self._teleop.action(time.monotonic_ns())
        if values is not None:
            stamp_ns = self.get_clock().now().nanoseconds
            self._actions.publish(records.to_action(Action(stamp_ns, values, 'human')))

    def _read(self, device: JoystickDevice) -> None:
        try:
            plugged = device.read()
        except InputError as error:
            self.complain(error)
            plugged = False
        if not plugged:
            self._unplug(device)
        elif device.state.axes:  # else nothing has been told yet
            self._take(device.state.axes, device.state.buttons)

    def _unplug(self, device: JoystickDevice) -> None:
        device.close()
        self._device = None
        self._teleop.disconnect()
        self.get_logger().warning(f'{self._path}: unplugged', throttle_duration_sec=10.0)

    def _reopen(self) -> None:
        """Looks for a joystick that was unplugged."""
        if self._device is None:
            with suppress(InputError):
                self._device = JoystickDevice(self._path)

    def shutdown(self) -> None:
        """Closes the device."""
        if self._device is not None:
            self._device.close()


def main() -> None:
    """Runs the node alone."""
    run(TeleopNode)
