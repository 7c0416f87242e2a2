# SPDX-License-Identifier: Apache-2.0
"""The simulated robot: exactly the topics of a real one, and `/clock`.

    | topic | type | unit |
    |---|---|---|
    | in  `command` | trajectory_msgs/JointTrajectory | rad/s or rad, one point |
    | out `joint_states` | sensor_msgs/JointState | rad, rad/s |
    | out `wrench` | geometry_msgs/WrenchStamped | N, N m in tool0, raw |
    | out `electrical_contact` | robot_rl_msgs/DigitalInput | |
    | out `scene_state` | robot_rl_msgs/SceneState | objects and goal, where the task needs them |
    | out `CAMERA/color/image_raw` | sensor_msgs/Image | rgb8 |
    | out `CAMERA/depth/image_raw` | sensor_msgs/Image | 16UC1, mm |
    | out `/clock` | rosgraph_msgs/Clock | |
    | srv `reset` | robot_rl_msgs/Reset | the scene's start state of a seed |
    | srv `driver/arm` | std_srvs/Trigger | in real time, after a silence of a second |

In lock step the world moves on by one control period when the command stamped with its
present time arrives, and by nothing else. In real time a timer moves it on, behind the driver
core of a real arm (`sim_bridge/last_hop.py`): without a fresh command for 100 ms the arm slows
down and holds. A reset arms it, as does the first command after the start. Who sends commands is
not checked here. Physics is in `sim_bridge/world.py`.
"""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from robot_rl_msgs.srv import Reset
from rosgraph_msgs.msg import Clock
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from robot_rl.errors import InputError
from robot_rl.nodes import conversions as convert
from robot_rl.nodes.common import GraphNode, command_qos, sensor_qos
from robot_rl.nodes.running import run
from robot_rl.report.files import write_text
from robot_rl.report.latency import LatencyMeter
from robot_rl.types import JointCommand
from sim_bridge.build import make_world
from sim_bridge.last_hop import LastHop
from sim_bridge.sensors import Sensors

STALL_SECONDS = 5.0


class BridgeNode(GraphNode):
    """Moves messages; the world computes."""

    sole_topics = ('joint_states',)

    def __init__(self, **kwargs: Any) -> None:
        """Declares parameters, builds the world, opens the topics."""
        super().__init__('sim_bridge', **kwargs)
        lockstep = self.parameters.lockstep
        self._hop = None if lockstep else LastHop(self.task, self.robot)
        self._world = self._hop.world if self._hop else make_world(self.task, self.robot)
        self._order = convert.JointOrder(self.robot.joints, strict=True)
        self._started = self._armed = False
        self._alive = time.monotonic()
        self._latency = LatencyMeter()
        self._sensors = Sensors(self, self._world, 'joint_states', self.robot.joints)
        self._clocks = self.create_publisher(Clock, '/clock', sensor_qos(lockstep))
        self.create_subscription(
            JointTrajectory, 'command', self._on_command, command_qos(self.parameters.lockstep)
        )
        self.create_service(Reset, 'reset', self._on_reset)
        if self._hop is None:
            self.create_timer(STALL_SECONDS, self._look_for_stall)
        else:
            self.create_service(Trigger, 'driver/arm', self._on_arm)
            self.create_timer(self._hop.period_s, self._tick)
        if self.parameters.reset == 'motion':
            self._put_at_start(Reset.Request(seed=self.parameters.seed))

    def _put_at_start(self, request: Reset.Request) -> None:
        """Puts the scene at the start of a seed, or in a state; from now on there is a robot."""
        state = np.frombuffer(request.state, np.uint8) if request.state else None
        (self._hop or self._world).reset(request.seed, state)
        self.clock_of_robot.update(self._world.stamp_ns)
        self._started = True
        self._sensors.restart(request.episode)
        self._latency.forget()

    def _arm(self) -> None:
        if self._hop is not None:
            self._hop.arm(time.monotonic_ns())
            self._armed = True

    def _on_arm(self, _: Trigger.Request, answer: Trigger.Response) -> Trigger.Response:
        self._arm()
        answer.success = True
        return answer

    def _on_reset(self, request: Reset.Request, answer: Reset.Response) -> Reset.Response:
        try:
            self._put_at_start(request)
        except InputError as error:
            answer.message = str(error)
            return answer
        self._arm()
        answer.success = True
        answer.stamp = convert.to_time(self._world.stamp_ns)
        self._publish()
        return answer

    def _on_command(self, message: JointTrajectory) -> None:
        try:
            command = convert.from_command(message, self._order, 'command')
        except InputError as error:
            self.complain(error)
            return
        self._latency.receive(command.stamp_ns, time.monotonic())
        if self._hop is not None:
            self._hand_over(self._hop, command)
        elif self._started and command.stamp_ns == self._world.stamp_ns:
            self._alive = time.monotonic()
            self._world.apply(command)
            self._world.step()
            self._publish()

    def _hand_over(self, hop: LastHop, command: JointCommand) -> None:
        if self._started and not self._armed:
            self._arm()
        age_s = (self.clock_of_robot.now_ns() - command.stamp_ns) * 1e-9
        refusal = hop.accept(command, age_s, time.monotonic_ns())
        if refusal and self._started:
            self.complain(InputError(f'command: {refusal}'))

    def _tick(self) -> None:
        """One period of the driver; the sensors speak once in a control period."""
        if self._started and self._hop is not None:
            complete = self._hop.tick(time.monotonic_ns())
            self.clock_of_robot.update(self._world.stamp_ns)
            if complete:
                self._publish()

    def _publish(self) -> None:
        """Sends the sensors, joint states last."""
        stamp_ns = self._world.stamp_ns
        if self._clocks.get_subscription_count():
            self._clocks.publish(Clock(clock=convert.to_time(stamp_ns)))
        observed = self._sensors.publish((self._hop or self._world).wrench())
        self._latency.send(stamp_ns, time.monotonic(), observed)
        self._sensors.publish_states(stamp_ns)

    def shutdown(self) -> None:
        """Leaves the latencies from state to command in the run's folder."""
        self._world.close()
        if self.parameters.run_dir and self._started:
            path = Path(self.parameters.run_dir, 'latency.json')
            write_text(path, json.dumps(self._latency.summary()) + '\n')

    def _look_for_stall(self) -> None:
        """Names what the lock step waits for."""
        if self._started and time.monotonic() - self._alive > STALL_SECONDS:
            stamp_s = self._world.stamp_ns * 1e-9
            self.get_logger().warning(f'no command for the state at {stamp_s:.3f} s yet')


def main() -> None:
    """Runs the node alone."""
    run(BridgeNode)


if __name__ == '__main__':
    main()
