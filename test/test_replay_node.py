# SPDX-License-Identifier: Apache-2.0
"""The replay node as a process: a collector that is killed and starts again."""

import numpy as np
import pytest
from graph import Listener, process
from robot_rl_msgs import msg as rr

from robot_rl.nodes import records
from robot_rl.nodes.common import EVENT_QOS, step_qos
from robot_rl.types import RAW_ENTRIES, Observation, Reward

pytestmark = pytest.mark.graph


def last_of_episode(collector, sequence, stamp_ns):
    """An observation and its reward, which need no action."""
    sizes = {'tool_wrench': 6}
    entries = {name: np.zeros(sizes.get(name, 3)) for name in RAW_ENTRIES}
    seen = Observation(stamp_ns, collector, 0, sequence, entries, True, sequence)
    return records.to_observation(seen), records.to_reward(
        Reward(stamp_ns, 0.0, False, False, 'test')
    )


def test_a_collector_that_starts_again_is_a_stream_of_its_own():
    """Its numbers start at 0 again, while steps of the dead one wait for the learner."""
    listener = Listener()
    steps = listener.collect(rr.Step, 'replay')
    node = listener.node
    observations = node.create_publisher(rr.Observation, 'observation', step_qos(False))
    rewards = node.create_publisher(rr.Reward, 'reward', step_qos(False))
    acks = node.create_publisher(rr.ReplayAck, 'replay/ack', EVENT_QOS)
    with process('replay_node', sync='realtime'):
        ends = (observations, rewards, acks)
        assert listener.until(
            lambda: (
                all(end.get_subscription_count() for end in ends)
                and node.count_publishers('replay') > 0
            )
        )
        for k, (collector, sequence) in enumerate((('a', 7), ('a', 8), ('b', 0), ('b', 1))):
            seen, reward = last_of_episode(collector, sequence, 10**9 * (k + 1))
            observations.publish(seen)
            rewards.publish(reward)
            assert listener.until(lambda count=k + 1: len(steps) == count)
        told = [(step.collector, step.sequence, step.previous) for step in steps]
        assert told == [('a', 7, -1), ('a', 8, 7), ('b', 0, -1), ('b', 1, 0)]
        steps.clear()
        acks.publish(rr.ReplayAck(collector='a', stored=8))
        acks.publish(rr.ReplayAck(resend=True))
        assert listener.until(lambda: len(steps) == 3)
        assert [(s.collector, s.sequence) for s in steps] == [('a', 8), ('b', 0), ('b', 1)]
    listener.close()
