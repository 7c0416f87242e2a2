# SPDX-License-Identifier: Apache-2.0
"""A person's hand on the running graph, and a joystick that is pulled out and plugged in."""

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from graph import LIGHT_NODES, Listener, process
from robot_rl_msgs import msg as rr
from sensor_msgs.msg import Joy

from robot_rl import resources
from robot_rl.nodes import records

ENABLE, SUCCESS, FAILURE = 4, 0, 1  # as in config/teleop/gamepad.yaml
STICKS = [0.0, 1.0, 0.0, 0.0, 0.525]  # full forward, half up beyond the deadzone of 0.05
MOVED = [1.0, 0.0, 0.5]


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


class Joystick:
    """Sends Joy at 20 Hz while the listener dispatches."""

    def __init__(self, listener: Listener) -> None:
        self.down: tuple[int, ...] = ()
        self.axes = STICKS
        self._publisher = listener.node.create_publisher(Joy, 'joy', 1)
        listener.node.create_timer(0.05, self._send)

    def _send(self) -> None:
        self._publisher.publish(
            Joy(axes=self.axes, buttons=[int(i in self.down) for i in range(9)])
        )


def idle_task(folder: Path) -> Path:
    """The task without a base controller, so that nothing is inserted by itself."""
    task = yaml.safe_load(resources.find('config/tasks', 'usb_insertion').read_text())
    path = folder / 'idle.yaml'
    path.write_text(yaml.safe_dump(task | {'base': {'kind': 'none'}}))
    return path


def test_a_takeover_is_recorded_beside_the_policy_and_buttons_end_episodes(
    listener: Listener, tmp_path: Path
) -> None:
    settings = {'task': idle_task(tmp_path), 'sync': 'realtime', 'learning': False, 'seed': 2}
    steps = listener.collect(rr.Step, 'replay')
    rewards = listener.collect(rr.Reward, 'reward')
    joystick = Joystick(listener)
    with process('container', nodes=LIGHT_NODES, **settings), process('teleop_node', **settings):
        assert listener.until(lambda: len(steps) > 2, 40), 'no steps'
        assert {step.source for step in steps} == {'policy'}
        assert pressed_after_a_release(listener, joystick, steps), 'no takeover'
        steps.clear()
        listener.until(lambda: len(steps) >= 5, 5)
        for message in steps:
            check_takeover(message)
        joystick.down = ()
        assert listener.until(lambda: steps[-1].source == 'policy', 5), 'still taken over'
        np.testing.assert_array_equal(steps[-1].requested, steps[-1].policy)
        for button, success in ((SUCCESS, True), (FAILURE, False)):
            check_judgement(listener, joystick, (button, success), steps, rewards)


def pressed_after_a_release(listener, joystick, steps) -> bool:
    """Presses the enable button until it is answered; a node that starts wants a release first."""
    for _ in range(30):
        joystick.down = ()
        listener.until(lambda: False, 0.2)
        joystick.down = (ENABLE,)
        if listener.until(lambda: steps[-1].source == 'human', 1):
            return True
    return False


def check_takeover(message: rr.Step) -> None:
    step = records.from_step(message)
    np.testing.assert_allclose(step.requested, MOVED, atol=1e-6)
    assert step.source == 'human'
    assert step.version == 0
    assert np.isfinite(step.policy).all()
    assert np.abs(step.policy - MOVED).max() > 1e-3


def check_judgement(listener, joystick, judgement, steps, rewards) -> None:
    button, success = judgement
    episode = steps[-1].observation.episode
    rewards.clear()
    steps.clear()
    joystick.down = (button,)
    assert listener.until(lambda: any(s.last for s in steps), 5), 'the episode goes on'
    joystick.down = ()
    (reward,) = [r for r in rewards if r.source == 'operator']
    assert (reward.terminated, reward.success, reward.value) == (True, success, float(success))
    (last,) = [s for s in steps if s.last]
    assert (last.observation.episode, last.terminated, last.success) == (episode, True, success)
    assert listener.until(lambda: steps[-1].observation.episode == episode + 1, 5), 'no next one'


def event(kind: int, number: int, value: int) -> bytes:
    return struct.pack('=IhBB', 0, value, kind, number)


#: What the kernel tells when the device is opened: five axes at rest, nine buttons up.
REST = b''.join(event(0x82, i, 0) for i in range(5)) + b''.join(
    event(0x81, i, 0) for i in range(9)
)
PUSH = event(1, ENABLE, 1) + event(2, 1, -32767)


def plug_in(path: Path) -> int:
    """A pipe in the device's place; its writing end."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    return os.open(path, os.O_RDWR)


@pytest.mark.fault(34)
def test_a_joystick_pulled_out_ends_the_takeover_and_comes_back_by_itself(
    listener: Listener, tmp_path: Path
) -> None:
    device, actions = tmp_path / 'js0', listener.collect(rr.Action, 'teleop/action')
    writer = plug_in(device)
    with process('teleop_node', device=device):
        assert listener.until(lambda: listener.node.count_publishers('teleop/action') == 1)
        for _ in range(2):
            assert takes_over(listener, writer, actions), 'no takeover'
            os.close(writer)
            device.unlink()
            listener.until(lambda: False, 0.3)
            actions.clear()
            listener.until(lambda: False, 0.5)
            assert not actions
            writer = plug_in(device)
    os.close(writer)


def takes_over(listener: Listener, writer: int, actions: list[rr.Action]) -> bool:
    """Whether a release and a press of the enable button, repeated, are answered with actions."""
    actions.clear()
    for _ in range(30):
        os.write(writer, REST)
        listener.until(lambda: False, 0.12)
        os.write(writer, PUSH)
        if listener.until(lambda: bool(actions), 0.12):
            np.testing.assert_array_equal(actions[-1].values, [1.0, 0.0, 0.0])
            return True
    return False


def test_a_joystick_that_is_not_there_at_the_start_is_named(tmp_path: Path) -> None:
    with process('teleop_node', device=tmp_path / 'js7') as running:
        assert running.wait(30) == 2
