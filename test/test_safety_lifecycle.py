# SPDX-License-Identifier: Apache-2.0
"""The safety node's states: unconfigured, inactive and active, apart from stops and arming."""

import signal
from collections.abc import Iterator

import numpy as np
import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from safety_stage import DOWN, Node, Surroundings
from std_msgs.msg import Bool

from robot_rl.resources import share_dir

CHANGES = {
    'configure': Transition.TRANSITION_CONFIGURE,
    'activate': Transition.TRANSITION_ACTIVATE,
    'deactivate': Transition.TRANSITION_DEACTIVATE,
    'cleanup': Transition.TRANSITION_CLEANUP,
}


class Managed(Surroundings):
    """The robot and the controller, and a person who changes states."""

    def state(self) -> str:
        """As `ros2 lifecycle get` tells it."""
        answer = self.listener.call(GetState, 'safety_node/get_state', GetState.Request())
        return str(answer.current_state.label)

    def change(self, name: str) -> bool:
        """As `ros2 lifecycle set` does it; only transitions that start here succeed."""
        request = ChangeState.Request(transition=Transition(id=CHANGES[name]))
        return bool(self.listener.call(ChangeState, 'safety_node/change_state', request).success)

    def commands_in(self, seconds: float) -> list[np.ndarray]:
        """Velocities of the commands that come in a while."""
        self.commands.clear()
        self.listener.until(lambda: False, seconds)
        return [np.array(message.points[0].velocities) for _, message in self.commands]


@pytest.fixture(scope='module')
def robot() -> Iterator[Managed]:
    with pytest.MonkeyPatch.context() as patch:
        profile = share_dir() / 'config' / 'fastdds_profile.xml'
        patch.setenv('FASTDDS_DEFAULT_PROFILES_FILE', str(profile))
        made = Managed()
        yield made
        made.listener.close()


@pytest.fixture(scope='module', autouse=True)
def node(robot: Managed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    made = Node(tmp_path_factory.mktemp('run'), autostart=False)
    yield made
    made.close()


@pytest.fixture
def active(robot: Managed) -> Managed:
    """It passes on what the controller sends, from whatever state it is in."""
    for name in ('configure', 'activate'):
        robot.change(name)
    robot.call('reset_stop')
    robot.call('arm')
    robot.wait_for('')
    return robot


def test_without_autostart_it_says_nothing_until_it_is_configured_and_activated(
    robot: Managed,
) -> None:
    assert robot.state() == 'unconfigured'
    assert robot.commands_in(0.5) == []
    assert not robot.change('activate')
    assert robot.change('configure')
    robot.wait_for('inactive')
    assert robot.state() == 'inactive'
    held = robot.commands_in(0.5)
    assert held
    assert not np.any(held)
    assert robot.change('activate')
    robot.wait_for('')
    np.testing.assert_array_equal(robot.last(), DOWN)
    assert robot.state() == 'active'


def test_inactive_holds_also_without_a_controller_and_active_again_goes_on(
    active: Managed,
) -> None:
    assert active.change('deactivate')
    active.wait_for('inactive')
    active.velocity = None
    held = active.commands_in(1.0)
    assert len(held) > 5
    assert not np.any(held)
    active.velocity = DOWN
    assert active.change('activate')
    active.wait_for('')
    np.testing.assert_array_equal(active.last(), DOWN)


def test_a_stop_is_kept_through_all_states(active: Managed, node: Node) -> None:
    active.change('deactivate')
    active.stop.publish(Bool(data=True))
    active.listener.until(node.stop_file.exists, 10)
    assert node.stop_file.exists()
    for name in ('cleanup', 'configure', 'activate'):
        assert active.change(name)
    active.wait_for('stop requested on the topic `stop`')
    assert not active.last().any()
    assert active.call('reset_stop').success
    active.wait_for('disarmed')
    assert active.call('arm').success
    active.wait_for('')


def test_after_a_cleanup_motion_must_be_armed(active: Managed) -> None:
    assert not active.change('cleanup')  # first it is deactivated
    for name in ('deactivate', 'cleanup'):
        assert active.change(name)
    active.listener.until(lambda: False, 0.2)
    assert active.commands_in(0.5) == []
    for name in ('configure', 'activate'):
        assert active.change(name)
    active.wait_for('disarmed')
    assert active.call('arm').success
    active.wait_for('')


def test_by_itself_it_comes_up_active(active: Managed, node: Node) -> None:
    node.end(signal.SIGINT)
    node.start()
    active.wait_for('', 60)
    assert active.state() == 'active'
