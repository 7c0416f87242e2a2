# SPDX-License-Identifier: Apache-2.0
"""Asks for the starts of episodes, and asks again where whoever was asked is gone."""

import time
from collections.abc import Callable

from rclpy.task import Future
from robot_rl_msgs.srv import Reset

from robot_rl.episodes.reset_watch import ResetWatch
from robot_rl.nodes.common import GraphNode
from robot_rl.nodes.readiness import senders

LOOK_SECONDS = 0.1
ANSWER_SECONDS = 5.0  # longer than a reset may take


class ResetClient:
    """One reset at a time: only the answer to the last request counts."""

    def __init__(self, node: GraphNode, answered: Callable[[Reset.Response], None]) -> None:
        """Opens the service of the scene, or of the motion to the start.

        Args:
            node: whose task and parameters hold.
            answered: called with each answer, or with one that says that none came.
        """
        self._node, self._answered = node, answered
        service = 'reset' if node.parameters.reset == 'scene' else 'control/reset'
        self._client = node.create_client(Reset, service)
        self._watch = ResetWatch(node.task.start.timeout_s + ANSWER_SECONDS)
        self._request = Reset.Request()
        self._waiting: Future | None = None
        if not node.parameters.lockstep:
            node.create_timer(LOOK_SECONDS, self._look)

    def ready(self) -> bool:
        """Whether somebody serves."""
        return bool(self._client.service_is_ready())

    def ask(self, request: Reset.Request) -> None:
        """Asks, and forgets what was asked before."""
        self._request = request
        self._watch.ask(time.monotonic(), senders(self._node, 'control/action'))
        self._waiting = self._client.call_async(request)
        self._waiting.add_done_callback(self._on_answer)

    def _on_answer(self, future: Future) -> None:
        if future is self._waiting:
            self._end()
            self._answered(future.result())

    def _end(self) -> None:
        self._watch.forget()
        self._waiting = None

    def _look(self) -> None:
        if self._waiting is None:
            return
        found = self._watch.look(time.monotonic(), senders(self._node, 'control/action'))
        if found == 'replaced':
            self.ask(self._request)
        elif found == 'late':
            self._end()
            self._answered(Reset.Response(success=False, message='no answer'))
