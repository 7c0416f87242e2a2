# SPDX-License-Identifier: Apache-2.0
"""Joins the streams into one step per observation, and keeps each until it is learned from.

    | topic | type | unit |
    |---|---|---|
    | in  `observation` | robot_rl_msgs/Observation | |
    | in  `control/action` | robot_rl_msgs/Action | what was requested, by whom |
    | in  `safety/status` | robot_rl_msgs/SafetyStatus | what was executed |
    | in  `reward` | robot_rl_msgs/Reward | |
    | in  `replay/ack` | robot_rl_msgs/ReplayAck | |
    | out `replay` | robot_rl_msgs/Step | |

Joining is in `replay/assembler.py`, keeping in `replay/outbox.py`, recording to a bag in
`replay/bag.py`, beside control in `replay/recorder.py`.
"""

from pathlib import Path
from typing import Any

import numpy as np
from rclpy.serialization import serialize_message
from robot_rl_msgs import msg as rr

from robot_rl.errors import InputError
from robot_rl.learning.weights import data_settings
from robot_rl.nodes import conversions as convert, records
from robot_rl.nodes.common import EVENT_QOS, REPLAY_QOS, GraphNode, step_qos
from robot_rl.nodes.running import run
from robot_rl.replay.assembler import StepAssembler
from robot_rl.replay.bag import BagWriter
from robot_rl.replay.definitions import definition
from robot_rl.replay.outbox import Outbox, Outboxes
from robot_rl.replay.recorder import Recorder
from robot_rl.types import Step

OUTBOX_STEPS = 10_000
STEP_TYPE = 'robot_rl_msgs/msg/Step'


class ReplayNode(GraphNode):
    """Moves messages; assembler and outbox keep the books."""

    def __init__(self, **kwargs: Any) -> None:
        """Declares parameters, builds the core, opens the topics."""
        super().__init__('replay_node', **kwargs)
        self._assembler = StepAssembler(self.task.assembler)
        self._outboxes: Outboxes[rr.Step] = Outboxes(OUTBOX_STEPS)
        self._bag = self._open_bag()
        self._publisher = self.create_publisher(rr.Step, 'replay', REPLAY_QOS)
        qos = step_qos(self.parameters.lockstep)
        self.create_subscription(rr.Observation, 'observation', self._on_observation, qos)
        self.create_subscription(rr.Action, 'control/action', self._on_action, qos)
        self.create_subscription(rr.SafetyStatus, 'safety/status', self._on_safety, qos)
        self.create_subscription(rr.Reward, 'reward', self._on_reward, qos)
        self.create_subscription(rr.ReplayAck, 'replay/ack', self._on_ack, EVENT_QOS)

    def _open_bag(self) -> Recorder | None:
        folder = self.parameters.bag
        if not folder:
            return None
        settings = data_settings(self.task, self.robot)
        bag = BagWriter(Path(folder), 'replay', STEP_TYPE, definition(STEP_TYPE), settings)
        return Recorder(bag)

    def _on_observation(self, message: rr.Observation) -> None:
        self._send(self._assembler.add_observation(records.from_observation(message)))

    def _on_action(self, message: rr.Action) -> None:
        self._send(self._assembler.add_action(records.from_action(message)))

    def _on_safety(self, message: rr.SafetyStatus) -> None:
        delta = message.tool_delta
        delta_xyz = np.array([delta.x, delta.y, delta.z])
        stamp_ns = convert.from_time(message.header.stamp)
        self._send(self._assembler.add_safety(stamp_ns, delta_xyz, bool(message.reason)))

    def _on_reward(self, message: rr.Reward) -> None:
        self._send(self._assembler.add_reward(records.from_reward(message)))

    def _send(self, steps: list[Step]) -> None:
        for step in steps:
            outbox = self._outboxes.of(step.observation.collector)
            message = records.to_step(step, outbox.last)
            outbox.put(step.sequence, message)
            self._publisher.publish(message)
            self._record(message, step.observation.stamp_ns)

    def _record(self, message: rr.Step, stamp_ns: int) -> None:
        if self._bag is not None:
            self._bag.write(serialize_message(message), stamp_ns)
            if self._bag.error:
                self.complain(InputError(self._bag.error))

    def shutdown(self) -> None:
        """Finishes the recording."""
        if self._bag is not None:
            self._bag.close()

    def _on_ack(self, message: rr.ReplayAck) -> None:
        for outbox in self._outboxes.named(message.collector):
            outbox.acknowledge(message.stored)
            if message.resend:
                self._send_again(outbox, message.wanted)

    def _send_again(self, outbox: Outbox[rr.Step], wanted: int) -> None:
        steps = outbox.pending(wanted)
        if steps and outbox.dropped:
            steps[0].previous = -1  # those before it are gone: nobody shall wait for them
        for step in steps:
            self._publisher.publish(step)


def main() -> None:
    """Runs the node alone."""
    run(ReplayNode)
