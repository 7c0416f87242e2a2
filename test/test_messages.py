# SPDX-License-Identifier: Apache-2.0
"""The message package as built: a full step travels through the middleware unchanged."""

import time

import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile
from robot_rl_msgs.msg import Observation, Step, Tensor
from robot_rl_msgs.srv import Reset


@pytest.fixture
def node():
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('test_messages', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    node.spin_until = lambda done: spin(executor, done)
    yield node
    node.destroy_node()
    rclpy.shutdown(context=context)


def spin(executor: SingleThreadedExecutor, done) -> None:
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end, 'nothing arrived within 20 s'
        executor.spin_once(timeout_sec=0.1)


@pytest.mark.graph
def test_a_step_with_an_image_arrives_as_it_was_sent(node):
    image = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    tensor = Tensor(name='wrist', dtype='uint8', shape=image.shape, data=image.tobytes())
    observation = Observation(collector='a', episode=2, step=3, entries=[tensor])
    observation.header.stamp.nanosec = 5
    sent = Step(
        collector='a',
        sequence=2**40,
        observation=observation,
        policy=[float('nan')],
        requested=[0.5],
        executed=[-1.0],
        source='human',
        version=-1,
        reward=-0.25,
        truncated=True,
        last=True,
        interventions=7,
    )
    received = []
    qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    node.create_subscription(Step, 'replay', received.append, qos)
    node.create_publisher(Step, 'replay', qos).publish(sent)
    node.spin_until(lambda: received)
    (step,) = received
    (entry,) = step.observation.entries
    assert (np.frombuffer(entry.data, np.uint8).reshape(100, 100, 3) == image).all()
    assert np.isnan(step.policy).all()
    step.policy = sent.policy = []  # NaN equals nothing
    assert step == sent


@pytest.mark.graph
def test_a_reset_is_answered(node):
    def reset(request: Reset.Request, response: Reset.Response) -> Reset.Response:
        response.success, response.message = True, f'{request.seed} {request.episode}'
        return response

    node.create_service(Reset, 'reset', reset)
    client = node.create_client(Reset, 'reset')
    node.spin_until(client.service_is_ready)
    answer = client.call_async(Reset.Request(seed=2**63, episode=1))
    node.spin_until(answer.done)
    assert (answer.result().success, answer.result().message) == (True, f'{2**63} 1')
