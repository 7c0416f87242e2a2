# SPDX-License-Identifier: Apache-2.0
"""Processes that die, hang or intrude, with real signals, measured at the motors.

The graph runs on the fake arm with `driver_node`, each guard and each link of the chain in a
process of its own. A reaction time goes from the signal to the first of the zeros that stay, as
they arrive on the driver's command topic; deceleration is in it. To what the design promises the
bounds add `ALLOWANCE_S` for the waits of a loaded machine.
"""

import signal
import time
from collections.abc import Iterator

import numpy as np
import pytest
from arm_stage import ALLOWANCE_S, DRIVER, ROBOT, report
from fault_graph import Graph, Nodes
from rcl_interfaces.msg import Log
from rclpy.node import Node
from robot_rl_msgs.msg import OperatorEvent
from std_msgs.msg import Bool
from trajectory_msgs.msg import JointTrajectory

from robot_rl.nodes import conversions as convert
from robot_rl.task import load_task
from robot_rl.types import JointCommand

pytestmark = pytest.mark.graph

RATES = load_task('usb_insertion').rates

#: Silence of the last command's source, one period of the driver, and the slowing down.
HOLD_S = DRIVER.watchdog_s + 1 / DRIVER.rate_hz
#: An action is valid for its period, and commands end one control period before that.
ACTION_S = 1 / RATES.action_hz - 1 / RATES.control_hz

NODES: Nodes = {
    'rest': ('container', {'nodes': ('episode_node', 'reward_node', 'replay_node')}),
    'policy': ('policy_node', {}),
    'controller': ('controller_node', {}),
    'safety': ('safety_node', {}),
    'driver': ('driver_node', {}),
}


@pytest.fixture(scope='module')
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    # A reset gives up early.
    start = 'start: {timeout_s: 4.0}\n'
    made = Graph(tmp_path_factory.mktemp('run'), NODES, start, learning=False)
    yield made
    made.close()


@pytest.fixture
def graph(running: Graph) -> Graph:
    running.bring_up()
    return running


@pytest.mark.fault(10)
def test_row_10_controller_killed(graph: Graph) -> None:
    killed = graph.strike('controller', signal.SIGKILL)
    held = graph.check('10 controller killed', killed, HOLD_S)
    graph.restart('controller')
    graph.until(lambda: graph.statuses[-1].reason == 'disarmed', 10, 'the other controller')
    graph.watch(0.5)
    assert not any(v.any() for _, v in graph.after(held))
    graph.call('safety/arm')
    graph.until(graph.moving, 5, 'motion')


@pytest.mark.fault(11)
@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGSTOP])
def test_row_11_policy_killed_or_hung(graph: Graph, number: signal.Signals) -> None:
    since = graph.strike('policy', number)
    held = graph.check(f'11 policy {number.name}', since, ACTION_S + HOLD_S)
    if number == signal.SIGSTOP:
        graph.send('policy', signal.SIGCONT)
        graph.until(graph.moving, 5, 'motion')
        assert not graph.late(held)


@pytest.mark.fault(13)
@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGSTOP])
def test_row_13_safety_killed_or_hung(graph: Graph, number: signal.Signals) -> None:
    since = graph.strike('safety', number)
    graph.check(f'13 safety {number.name}', since, HOLD_S)
    if number == signal.SIGSTOP:
        graph.send('safety', signal.SIGCONT)


@pytest.mark.fault(18)
@pytest.mark.fault(19)
@pytest.mark.parametrize('name', ['controller', 'safety'])
def test_rows_18_and_19_paused_for_two_seconds(graph: Graph, name: str) -> None:
    paused = graph.strike(name, signal.SIGSTOP)
    held = graph.check(f'18 {name} paused', paused, HOLD_S)
    graph.watch(paused + 2.0 - time.monotonic())
    resumed = graph.send(name, signal.SIGCONT)
    graph.watch(0.5)
    assert not any(v.any() for t, v in graph.after(held) if t < resumed)
    if name == 'safety':  # silent for more than a second: the driver must be armed
        assert not any(v.any() for _, v in graph.after(held))
        graph.arm()
    graph.until(graph.moving, 5, 'motion')
    assert not graph.late(resumed)
    assert any(tuple(v) in {tuple(s.executed) for s in graph.statuses} for _, v in graph.sent[-9:])


@pytest.mark.fault(31)
def test_row_31_another_publisher_of_commands(graph: Graph) -> None:
    node = graph.listener.node
    publisher = node.create_publisher(JointTrajectory, 'command', 1)
    graph.until(lambda: publisher.get_subscription_count() > 0, 5, 'a reader of command')
    fast = np.full(7, 0.7)
    intruded = time.monotonic()
    command = JointCommand(time.monotonic_ns(), 'velocity', fast)
    publisher.publish(convert.to_command(command, ROBOT.joints))
    held = graph.check('31 another publisher', intruded, 0.5)
    assert not any((np.abs(v) > 0.5).any() for _, v in graph.after(intruded))
    assert node.get_name() in graph.call('driver/reset_stop').message
    node.destroy_publisher(publisher)
    graph.watch(0.5)
    assert not any(v.any() for _, v in graph.after(held))


@pytest.mark.fault(32)
def test_row_32_a_second_safety_node_is_refused(graph: Graph) -> None:
    for name in ('second', 'third'):
        graph.start(name, 'safety_node', **graph.settings)
        graph.until(lambda: not graph.alive(name), 30, 'its end')  # noqa: B023
        assert graph.end(name) == 2
    assert graph.moving(0.3)


@pytest.mark.fault(33)
def test_row_33_a_stop_survives_the_safety_node(graph: Graph) -> None:
    publisher = graph.listener.node.create_publisher(Bool, 'stop', 1)
    graph.until(lambda: publisher.get_subscription_count() > 1, 5, 'readers of stop')
    stopped = time.monotonic()
    publisher.publish(Bool(data=True))
    held = graph.check('33 stop requested', stopped, 0.1)
    graph.end('safety', signal.SIGKILL)
    graph.restart('safety')
    graph.statuses.clear()
    graph.until(lambda: bool(graph.statuses) and graph.statuses[-1].stopped, 15, 'still stopped')
    graph.call('driver/reset_stop')
    graph.call('driver/arm')
    graph.call('safety/reset_stop')
    graph.watch(0.5)
    assert not any(v.any() for _, v in graph.after(held))
    graph.call('safety/arm')
    graph.arm()
    graph.listener.node.destroy_publisher(publisher)


@pytest.mark.fault(14)
def test_row_14_driver_killed(graph: Graph) -> None:
    killed = graph.strike('driver', signal.SIGKILL)

    def held() -> bool:
        return bool(graph.statuses) and not np.any(graph.statuses[-1].executed)

    graph.until(held, 5, 'a hold of the safety node')
    seconds = time.monotonic() - killed
    report('14 driver killed', seconds, 0.2 + ALLOWANCE_S)
    assert seconds <= 0.2 + ALLOWANCE_S
    graph.watch(0.5)
    assert held()
    graph.restart('driver')
    graph.sent.clear()
    graph.until(lambda: len(graph.sent) > 0 or graph.says('driver_node', 'armed'), 20, 'driver')
    graph.watch(0.5)
    assert not any(v.any() for _, v in graph.sent), 'it moved before it was armed'


@pytest.mark.fault(41)
def test_row_41_a_reset_that_does_not_arrive_is_tried_twice(graph: Graph) -> None:
    node = graph.listener.node
    events = node.create_publisher(OperatorEvent, 'operator/event', 10)
    log = graph.listener.collect(Log, '/rosout')
    graph.until(lambda: events.get_subscription_count() > 1, 5, 'readers of operator/event')
    graph.send('arm', signal.SIGSTOP)
    events.publish(OperatorEvent(event=OperatorEvent.DISCARD))

    def said(words: str) -> bool:
        return any(words in message.msg for message in log)

    graph.until(lambda: said('the start was not reached in 4 s; next try'), 20, 'the first try')
    graph.observations.clear()
    graph.until(lambda: said('waiting for a person'), 20, 'the second try')
    graph.send('arm', signal.SIGCONT)
    graph.watch(1.5)
    assert not graph.observations, 'no episode may begin'
    graph.call('driver/arm')  # as it may have been without commands for too long
    events.publish(OperatorEvent(event=OperatorEvent.RESUME))
    graph.until(lambda: bool(graph.observations), 20, 'an episode')
    node.destroy_publisher(events)


def test_a_reset_goes_on_with_the_next_controller_where_one_was_killed(graph: Graph) -> None:
    events = graph.listener.node.create_publisher(OperatorEvent, 'operator/event', 10)
    graph.until(lambda: events.get_subscription_count() > 1, 5, 'readers of operator/event')
    graph.send('arm', signal.SIGSTOP)  # the reset can't be over before the kill
    events.publish(OperatorEvent(event=OperatorEvent.DISCARD))
    graph.watch(0.5)
    graph.send('controller', signal.SIGKILL)
    graph.observations.clear()
    graph.send('arm', signal.SIGCONT)
    graph.restart('controller')
    graph.until(lambda: graph.statuses[-1].reason == 'disarmed', 10, 'the other controller')
    graph.arm('safety')
    graph.until(lambda: bool(graph.observations), 30, 'an episode')
    graph.listener.node.destroy_publisher(events)


def test_the_motors_were_watched_by_a_node_of_its_own(graph: Graph) -> None:
    """What the others measure by is what the arm gets: the driver is its only publisher."""
    node: Node = graph.listener.node
    publishers = node.get_publishers_info_by_topic(DRIVER.command_topic)
    assert [p.node_name for p in publishers] == ['driver_node']
