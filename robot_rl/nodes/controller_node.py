# SPDX-License-Identifier: Apache-2.0
"""Mixes base controller and residual, and turns the sum into joint velocities.

    | topic | type | unit |
    |---|---|---|
    | in  `observation` | robot_rl_msgs/Observation | |
    | in  `policy/action` | robot_rl_msgs/Action | in [-1, 1] |
    | in  `teleop/action` | robot_rl_msgs/Action | in [-1, 1]; wins while it is fresh |
    | in  `joint_states` | sensor_msgs/JointState | rad, rad/s |
    | out `control/action` | robot_rl_msgs/Action | what was requested, by whom |
    | out `control/command` | trajectory_msgs/JointTrajectory | rad/s |
    | srv `control/reset` | robot_rl_msgs/Reset | moves the tool to the start, for real arms |

A command follows every joint state that the present action covers, and every new action.
The law is in `control/controller.py`, the choice between person and policy in
`control/teleop.py`. Without an action there is no command, and safety holds.
"""

import time
from typing import Any

import numpy as np
from rclpy.task import Future
from robot_rl_msgs import msg as rr
from robot_rl_msgs.srv import Reset
from sensor_msgs.msg import JointState as JointStateMsg
from trajectory_msgs.msg import JointTrajectory

from robot_rl.control.controller import Controller
from robot_rl.control.kinematics import Kinematics
from robot_rl.control.teleop import arbitrate
from robot_rl.errors import InputError
from robot_rl.nodes import conversions as convert, moveit, records
from robot_rl.nodes.common import NEWEST_QOS, GraphNode, command_qos, sensor_qos, step_qos
from robot_rl.nodes.running import run
from robot_rl.planning.reset import ResetMotion
from robot_rl.priority import CONTROL
from robot_rl.types import Action, FloatArray, JointCommand, JointState, Observation

LOOK_SECONDS = 0.1


class ControllerNode(GraphNode):
    """Moves messages; the controller computes."""

    priority = CONTROL

    def __init__(self, **kwargs: Any) -> None:
        """Declares parameters, builds the core, opens the topics."""
        super().__init__('controller_node', **kwargs)
        self._order = convert.JointOrder(self.robot.joints)
        self._kinematics = Kinematics(self.robot)
        self._controller = Controller(self.task.controller, self._kinematics, self.robot)
        self._state: JointState | None = None
        self._observation: Observation | None = None
        self._action: Action | None = None
        self._human: FloatArray | None = None
        self._human_ns = 0
        rates = self.task.rates
        self._spacing_ns = rates.control_period_ns * 9 // 10
        self._coverage_ns = rates.action_period_ns - rates.control_period_ns // 2
        self._covered_until_ns = self._commanded_ns = 0
        self._motion = self._make_motion() if self.parameters.reset == 'motion' else None
        self._resetting: Future[bool] | None = None
        self._give_up_at, self._failure = 0.0, ''
        lockstep = self.parameters.lockstep
        self._commands = self.create_publisher(
            JointTrajectory, 'control/command', command_qos(lockstep)
        )
        self._actions = self.create_publisher(rr.Action, 'control/action', step_qos(lockstep))
        self.create_subscription(
            rr.Observation, 'observation', self._on_observation, step_qos(lockstep, 1)
        )
        self.create_subscription(
            JointStateMsg, 'joint_states', self._on_state, sensor_qos(lockstep)
        )
        actions = step_qos(lockstep) if lockstep else NEWEST_QOS
        self.create_subscription(rr.Action, 'policy/action', self._on_action, actions)
        self.create_subscription(rr.Action, 'teleop/action', self._on_human, NEWEST_QOS)

        self.create_service(Reset, 'control/reset', self._on_reset)
        if self._motion is not None:
            self.create_timer(LOOK_SECONDS, self._look_at_reset)

    def _make_motion(self) -> ResetMotion:
        goal = self.task.goal
        place = np.array(goal.position), np.array(goal.rpy)
        around = self.task.obstacles
        finder = moveit.finder(self.robot, self.task.start.planner, around)
        return ResetMotion(self.robot, self._kinematics, self.task.start, *place, around, finder)

    def _on_observation(self, message: rr.Observation) -> None:
        self._observation = records.from_observation(message)
        self._advance()

    def _on_state(self, message: JointStateMsg) -> None:
        try:
            self._state = convert.from_joint_state(message, self._order)
        except InputError as error:
            self.complain(error)
            return
        self.clock_of_robot.update(self._state.stamp_ns)
        self._advance()

    def _on_action(self, message: rr.Action) -> None:
        self._action = records.from_action(message)
        self._advance()

    def _on_human(self, message: rr.Action) -> None:
        self._human, self._human_ns = np.array(message.values), time.monotonic_ns()

    async def _on_reset(self, _: Reset.Request, answer: Reset.Response) -> Reset.Response:
        """Answers once the tool is at the start, or has not come there in time."""
        if self._motion is None:
            answer.message = 'this graph resets its scene; for motions set reset:=motion'
            return answer
        self._motion.restart()
        self._failure = f'the start was not reached in {self.task.start.timeout_s:g} s'
        self._resetting = Future()
        self._give_up_at = time.monotonic() + self.task.start.timeout_s
        answer.success = bool(await self._resetting)
        self._resetting = None
        if answer.success and self._state is not None:
            answer.stamp = convert.to_time(self._state.stamp_ns + 1)
        else:
            answer.message = self._failure
        return answer

    def _advance(self) -> None:
        """Takes up an action whose observation and state are here; commands what is covered."""
        state = self._state
        if state is None:
            return
        self._take_up(state)
        if state.stamp_ns < self._commanded_ns + self._spacing_ns:
            return
        if self._resetting is not None and not self._resetting.done():
            self._go_to_start(state, self._resetting)
        elif state.stamp_ns < self._covered_until_ns:
            self._command(self._controller.command(state, self.clock_of_robot.now_ns()))

    def _go_to_start(self, state: JointState, resetting: 'Future[bool]') -> None:
        assert self._motion is not None
        try:
            command = self._motion.command(state, self._controller.drive)
        except InputError as error:
            self._failure = str(error)
            resetting.set_result(False)
            return
        if command is None:
            resetting.set_result(True)
        else:
            self._command(command)

    def _look_at_reset(self) -> None:
        """Gives a motion up that takes too long, also where joint states have ended."""
        resetting = self._resetting
        if resetting is not None and not resetting.done() and time.monotonic() > self._give_up_at:
            resetting.set_result(False)

    def _command(self, command: JointCommand) -> None:
        self._commanded_ns = command.stamp_ns
        self._commands.publish(convert.to_command(command, self.robot.joints))

    def _human_action(self) -> tuple[FloatArray, float] | None:
        age_s = (time.monotonic_ns() - self._human_ns) * 1e-9
        return None if self._human is None else (self._human, age_s)

    def _take_up(self, state: JointState) -> None:
        action, observation = self._action, self._observation
        if action is None or observation is None or action.stamp_ns != observation.stamp_ns:
            return
        if state.stamp_ns < action.stamp_ns:
            return
        self._action = None
        requested = arbitrate(action, self._human_action())
        try:
            self._controller.set_action(observation, requested, state)
        except InputError as error:
            self.complain(error)
            return
        self._covered_until_ns = action.stamp_ns + self._coverage_ns
        self._actions.publish(records.to_action(requested))


def main() -> None:
    """Runs the node alone."""
    run(ControllerNode)
