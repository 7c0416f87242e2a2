# SPDX-License-Identifier: Apache-2.0
"""Answers every observation with an action of the policy that plays its episode.

    | topic | type | unit |
    |---|---|---|
    | in  `observation` | robot_rl_msgs/Observation | |
    | in  `reward` | robot_rl_msgs/Reward | in lock step, so that last states stay unanswered |
    | in  `policy/weights` | robot_rl_msgs/PolicyWeights | |
    | out `policy/action` | robot_rl_msgs/Action | in [-1, 1] |

Weights change between episodes, or at any step where the agent's `refresh` says so. Which ones
play is decided in `learning/versions.py`, the action in `agents/`. With `policy:=zero` the action
is zero: the base controller alone.
"""

from typing import Any

from robot_rl_msgs import msg as rr

from robot_rl.errors import InputError
from robot_rl.learning.build import make_follower, make_player
from robot_rl.learning.player import Player
from robot_rl.nodes import conversions as convert, records
from robot_rl.nodes.common import GraphNode, step_qos, weights_qos
from robot_rl.nodes.running import run
from robot_rl.priority import CONTROL
from robot_rl.types import Observation


class PolicyNode(GraphNode):
    """Moves messages; the player chooses the policy and its action."""

    priority = CONTROL

    def __init__(self, **kwargs: Any) -> None:
        """Declares parameters, builds the player, opens the topics."""
        super().__init__('policy_node', **kwargs)
        self._player = self._make_player()
        self._waiting: Observation | None = None
        self._alive_ns = -1
        lockstep = self.parameters.lockstep
        self._publisher = self.create_publisher(rr.Action, 'policy/action', step_qos(lockstep))
        self.create_subscription(
            rr.Observation, 'observation', self._on_observation, step_qos(lockstep, 1)
        )
        self.create_subscription(rr.Reward, 'reward', self._on_reward, step_qos(lockstep))
        self.create_subscription(
            rr.PolicyWeights, 'policy/weights', self._on_weights, weights_qos(lockstep)
        )

    def _make_player(self) -> Player:
        parameters = self.parameters
        if parameters.learning and parameters.policy != 'zero':
            lag = 1 if parameters.lockstep else None
            return make_follower(self.task, self.robot, parameters.seed, lag)
        how, seed = parameters.policy, parameters.seed
        return make_player(self.task, self.robot, how, seed, parameters.checkpoint)

    def _on_weights(self, message: rr.PolicyWeights) -> None:
        try:
            self._player.offer(records.from_weights(message))
        except InputError as error:
            self.complain(error)
        self._answer()

    def _on_observation(self, message: rr.Observation) -> None:
        self._waiting = records.from_observation(message)
        self._answer()

    def _on_reward(self, message: rr.Reward) -> None:
        if not message.terminated:
            self._alive_ns = convert.from_time(message.header.stamp)
            self._answer()

    def _answer(self) -> None:
        """Acts once the observation is known not to be a last one and the weights are here."""
        observation = self._waiting
        if observation is None or observation.truncated:
            return
        if self.parameters.lockstep and self._alive_ns != observation.stamp_ns:
            return
        action = self._player.act(observation)
        if action is not None:
            self._waiting = None
            self._publisher.publish(records.to_action(action))


def main() -> None:
    """Runs the node alone."""
    run(PolicyNode)
