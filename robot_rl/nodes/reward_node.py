# SPDX-License-Identifier: Apache-2.0
"""Rewards every observation: electrical connection, goal image, or shaped distance.

    | topic | type | unit |
    |---|---|---|
    | in  `observation` | robot_rl_msgs/Observation | |
    | in  `electrical_contact` | robot_rl_msgs/DigitalInput | |
    | in  `operator/event` | robot_rl_msgs/OperatorEvent | success and failure end the episode |
    | out `reward` | robot_rl_msgs/Reward | |

The functions are in `rewards/functions.py`. A silent contact gives no reward: the step is
held back and the graph holds; nothing is ever rewarded by default.
"""

from typing import Any

from robot_rl_msgs import msg as rr

from robot_rl.errors import InputError
from robot_rl.nodes import conversions as convert, records
from robot_rl.nodes.common import EVENT_QOS, GraphNode, sensor_qos, step_qos
from robot_rl.nodes.running import run
from robot_rl.rewards.functions import make_reward
from robot_rl.types import Observation, Reward

MAX_AGE_NS = 100_000_000
JUDGEMENTS = {rr.OperatorEvent.SUCCESS: True, rr.OperatorEvent.FAILURE: False}


class RewardNode(GraphNode):
    """Moves messages; the reward function is the task's."""

    def __init__(self, **kwargs: Any) -> None:
        """Declares parameters, builds the reward, opens the topics."""
        super().__init__('reward_node', **kwargs)
        self._reward = make_reward(self.task.reward)
        self._waiting: Observation | None = None
        self._contact: rr.DigitalInput | None = None
        self._judgement: bool | None = None
        lockstep = self.parameters.lockstep
        self._publisher = self.create_publisher(rr.Reward, 'reward', step_qos(lockstep))
        self._max_age_ns = 0 if lockstep else MAX_AGE_NS
        self.create_subscription(
            rr.Observation, 'observation', self._on_observation, step_qos(lockstep, 1)
        )
        self.create_subscription(
            rr.DigitalInput, 'electrical_contact', self._on_contact, sensor_qos(lockstep)
        )
        self.create_subscription(rr.OperatorEvent, 'operator/event', self._on_event, EVENT_QOS)

    def _on_observation(self, message: rr.Observation) -> None:
        if self._waiting is not None:
            self.complain(InputError('electrical_contact: silent; no reward without it'))
        self._waiting = records.from_observation(message)
        self._answer()

    def _on_contact(self, message: rr.DigitalInput) -> None:
        self._contact = message
        self._answer()

    def _on_event(self, message: rr.OperatorEvent) -> None:
        self._judgement = JUDGEMENTS.get(message.event, self._judgement)

    def _answer(self) -> None:
        """Rewards the waiting observation once a contact of its time is here."""
        observation, contact = self._waiting, self._contact
        if observation is None or not self._known(observation):
            return
        self._waiting = None
        reward = self._reward(observation, contact is not None and contact.value)
        self._publisher.publish(records.to_reward(self._judged(reward)))

    def _known(self, observation: Observation) -> bool:
        """Whether a contact of the observation's time is here, or none is needed."""
        contact = self._contact
        if not self.task.reward.needs_contact:
            return True
        if contact is None:
            return False
        return observation.stamp_ns - convert.from_time(contact.header.stamp) <= self._max_age_ns

    def _judged(self, reward: Reward) -> Reward:
        """A person's word ends the episode and goes before the function's."""
        judgement, self._judgement = self._judgement, None
        if judgement is None:
            return reward
        return Reward(reward.stamp_ns, float(judgement), judgement, True, 'operator')


def main() -> None:
    """Runs the node alone."""
    run(RewardNode)
