# SPDX-License-Identifier: Apache-2.0
"""Keeps what a person did while a policy was running, apart from what the policy did."""

from robot_rl.replay.buffer import ReplayBuffer
from robot_rl.types import Step


class Interventions:
    """Lets into a buffer the transitions whose action a person chose, and no others."""

    def __init__(self, buffer: ReplayBuffer) -> None:
        """Fills `buffer`, which nothing else shall fill."""
        self.buffer = buffer

    def add(self, step: Step) -> bool:
        """Takes every step of the stream in order; whether that made a transition.

        A state in which the policy acted is kept where a person's action led to it. Nothing
        follows it, so that the policy's own action is never drawn.
        """
        collector = step.observation.collector
        human = step.source == 'human'
        if not (human or self.buffer.is_open(collector)):
            return False
        made = self.buffer.add(step)
        if not human:
            self.buffer.close(collector)
        return made
