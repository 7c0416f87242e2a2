# SPDX-License-Identifier: Apache-2.0
"""The safety node as a process, between a robot and a controller that the test plays."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from graph import process
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from safety_stage import ARM, DOWN, POSITION, ROBOT, TASK, UP_IN_TOOL, Node, Surroundings
from std_msgs.msg import Bool

STOPPED = 'stop requested on the topic `stop`'


@pytest.fixture(scope='module')
def surroundings() -> Iterator[Surroundings]:
    made = Surroundings()
    yield made
    made.listener.close()


@pytest.fixture(scope='module')
def node(surroundings: Surroundings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    made = Node(tmp_path_factory.mktemp('run'))
    yield made
    made.close()


@pytest.fixture
def robot(surroundings: Surroundings, node: Node) -> Iterator[Surroundings]:
    """The surroundings of a node that passes on what the controller sends."""
    surroundings.wait_for('', 30)
    yield surroundings
    surroundings.velocity, surroundings.force_xyz = DOWN, np.zeros(3)
    surroundings.joints = ROBOT.joints
    surroundings.call('reset_stop')
    surroundings.call('arm')


def test_a_command_that_breaks_no_rule_passes_bit_for_bit(robot: Surroundings) -> None:
    np.testing.assert_array_equal(robot.last(), DOWN)


def test_a_silent_controller_is_answered_with_holds_at_the_control_rate(
    robot: Surroundings,
) -> None:
    robot.velocity, silent = None, time.monotonic()
    robot.wait_for('no_command')
    first = next(t for t, m in robot.commands if t > silent and not any(m.points[0].velocities))
    print(f'controller silent: hold after {(first - silent) * 1e3:.0f} ms')
    assert first - silent < TASK.safety.command_timeout + 0.01 + 0.1
    robot.commands.clear()
    robot.listener.until(lambda: False, 1.0)
    assert 15 <= len(robot.commands) <= 21
    assert not any(any(m.points[0].velocities) for _, m in robot.commands)
    robot.velocity = DOWN
    robot.wait_for('')


def test_a_hard_contact_yields_and_a_harder_one_stops(robot: Surroundings) -> None:
    robot.force_xyz = UP_IN_TOOL * (TASK.safety.force + 5)
    robot.wait_for('contact')
    tool_xyz = ARM.evaluate(POSITION).jacobian[:3] @ robot.last()
    assert tool_xyz[2] == pytest.approx(0.0, abs=1e-9)
    assert robot.statuses[-1].tool_delta.z == pytest.approx(0.02, abs=1e-3)
    robot.velocity = -DOWN
    robot.wait_for('')
    robot.force_xyz = UP_IN_TOOL * (TASK.safety.stop_force + 5)
    robot.wait_for('wrench')
    assert robot.statuses[-1].stopped


@pytest.mark.fault(1)
def test_three_unusable_commands_in_a_row_stop(robot: Surroundings) -> None:
    robot.velocity = np.full(7, np.nan)
    robot.listener.until(lambda: bool(robot.statuses) and robot.statuses[-1].stopped, 5)
    robot.velocity = DOWN
    robot.wait_for('bad_command')
    assert not robot.last().any()


def test_a_command_for_other_joints_is_refused_and_holds(robot: Surroundings) -> None:
    robot.joints = (*ROBOT.joints[:-1], 'head_pan')
    robot.wait_for('no_command')
    assert not robot.last().any()


def test_another_controller_needs_arming(robot: Surroundings) -> None:
    robot.restart_controller()
    robot.wait_for('disarmed')
    assert not robot.last().any()
    assert robot.call('arm').success
    robot.wait_for('')


def test_the_status_holds_the_distance_to_each_limit(robot: Surroundings) -> None:
    robot.force_xyz = 15.0 * UP_IN_TOOL
    robot.wait_for('')
    robot.listener.until(lambda: len(robot.statuses) > 5, 5)
    status = robot.statuses[-1]
    margins = dict(zip(status.limits, status.margins, strict=True))
    assert margins['force'] == pytest.approx(40.0 - 15.0, abs=0.1)
    assert margins['tool_speed'] == pytest.approx(0.25 - 0.02, abs=1e-3)
    assert 0 < margins['sphere'] < 0.1
    assert margins.keys() >= {'joint_position', 'joint_speed', 'singularity', 'torque'}


def test_the_state_is_told_once_a_second(robot: Surroundings) -> None:
    robot.velocity = None
    robot.wait_for('no_command')
    robot.diagnostics.clear()
    robot.listener.until(lambda: len(robot.diagnostics) >= 2, 5)
    status = robot.diagnostics[-1].status[0]
    assert (status.name, status.hardware_id) == ('safety_node', 'sawyer')
    assert status.level == DiagnosticStatus.WARN
    assert status.message == 'acting: no_command: no command'
    counts = {pair.key: int(pair.value) for pair in status.values}
    assert counts['no_command'] > 5


def test_a_requested_stop_survives_a_crash_until_it_is_reset_and_armed(
    robot: Surroundings, node: Node
) -> None:
    robot.stop.publish(Bool(data=True))
    robot.wait_for(STOPPED)
    assert not robot.last().any()
    robot.listener.until(node.stop_file.exists, 2)  # the robot is told first
    node.end(signal.SIGKILL)
    assert node.stop_file.read_text() == f'{STOPPED}\n'
    node.start()
    robot.wait_for(STOPPED, 15)
    assert robot.statuses[-1].stopped
    assert not robot.call('arm').success
    assert robot.call('reset_stop').message == STOPPED
    robot.wait_for('disarmed')
    assert node.stop_file.exists()  # a crash between the two acts is a stop again
    assert robot.call('arm').success
    robot.wait_for('')
    assert not node.stop_file.exists()


@pytest.mark.fault(30)
@pytest.mark.parametrize(('name', 'value'), [('seed', 3), ('task', 'other'), ('sync', 'lockstep')])
def test_parameters_never_change(robot: Surroundings, name: str, value: object) -> None:
    parameter = Parameter(name, value=value).to_parameter_msg()
    request = SetParameters.Request(parameters=[parameter])
    answer = robot.listener.call(SetParameters, 'safety_node/set_parameters', request)
    assert not answer.results[0].successful
    assert 'read-only' in answer.results[0].reason


@pytest.mark.fault(30)
def test_a_parameter_out_of_range_is_refused_at_the_start(tmp_path: Path) -> None:
    with process('safety_node', seed=-1) as running:
        assert running.wait(60) != 0
    with process('safety_node', sync='sometimes') as running:
        assert running.wait(60) != 0
