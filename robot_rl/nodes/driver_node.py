# SPDX-License-Identifier: Apache-2.0
"""The last hop to a robot's own controllers: obeys safety alone, and holds when it is silent.

    | topic | type | unit |
    |---|---|---|
    | in  `command` | trajectory_msgs/JointTrajectory | rad/s or rad, one point |
    | in  `stop` | std_msgs/Bool | true latches a stop |
    | in  `driver.state_topic` | sensor_msgs/JointState | rad, rad/s, the robot's names |
    | out `joint_states` | sensor_msgs/JointState | rad, rad/s, the arm's joints alone |
    | out `driver.command_topic` | by `driver.kind`, see `vendors.py` | |
    | out `driver.gripper.command_topic` | by `driver.gripper.kind`, where the fingers move | |
    | out `/diagnostics` | diagnostic_msgs/DiagnosticArray | state, reason, refused commands |
    | srv `driver/arm`, `driver/disarm`, `driver/reset_stop` | std_srvs/Trigger | |

`driver.` stands for the block of this name in config/robots. The watchdog, the admission of
commands and the latched stop are in `control/driver.py`. The driver starts disarmed; arming is
a deliberate act, which waits for `robot-rl doctor` where the parameter `preflight` is set.
Commands of anyone but the one safety node are not executed.
"""

import time
from pathlib import Path
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor
from sensor_msgs.msg import JointState as JointStateMsg
from std_msgs.msg import Bool
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from robot_rl.control.driver import Driver, Setpoint
from robot_rl.control.driver_config import DriverConfig
from robot_rl.errors import InputError
from robot_rl.nodes import conversions as convert
from robot_rl.nodes.common import EVENT_QOS, GraphNode, command_qos, sensor_qos
from robot_rl.nodes.diagnostics import Diagnostics
from robot_rl.nodes.running import run
from robot_rl.nodes.vendors import Vendor
from robot_rl.preflight import check_verdict
from robot_rl.priority import GUARD
from robot_rl.types import JointState

SAFETY = 'safety_node'
UNNAMED = '_NODE_NAME_UNKNOWN_'  # by rcl, of an endpoint that came before its node's name
LOOK_SECONDS = 0.1
NAMING_SECONDS = (4.0, 0.5)  # a name that got lost comes after 3 s; no such patience in motion
STOPPING_SECONDS = 1.0
LIVE = ('armed', 'holding')
LEVELS = {'armed': 'ok', 'holding': 'warn', 'disarmed': 'warn', 'stopped': 'error'}


class DriverNode(GraphNode):
    """Moves messages; the driver core decides."""

    reads_senders = True
    sole_topics = ('joint_states',)
    priority = GUARD

    def __init__(self, **kwargs: Any) -> None:
        """Declares parameters, builds the core, opens the topics."""
        super().__init__('driver_node', **kwargs)
        self._config = self._read_config()
        self._driver = Driver(self._config, self.robot.joints)
        vendor = self._config.vendor_names(self.robot.joints)
        self._state_order = convert.JointOrder(vendor)
        self._command_order = convert.JointOrder(self.robot.joints, strict=True)
        self._misfits = {'joint_states': 'no joint state yet', 'command': ''}
        self._state: JointState | None = None
        self._state_at = 0.0
        self._told = ''
        self._trusted = b''
        self._unsettled: set[bytes] = set()
        self._named_at = time.monotonic()
        self._started_s = time.time()
        description = 'whether `robot-rl doctor` must have passed before the arm may be armed'
        looked_at = ParameterDescriptor(description=description, read_only=True)
        self._looks = self.declare_parameter('preflight', False, looked_at).value
        self._vendor = Vendor(self, self.robot, self._config)
        self._states = self.create_publisher(JointStateMsg, 'joint_states', sensor_qos(False))
        self._diagnostics = Diagnostics(self, self.robot.name)
        self.create_subscription(
            JointStateMsg, self._config.state_topic, self._on_state, sensor_qos(False)
        )
        self.create_subscription(
            JointTrajectory, 'command', self._on_command, command_qos(self.parameters.lockstep)
        )
        self.create_subscription(Bool, 'stop', self._on_stop, EVENT_QOS)
        for name in ('arm', 'disarm', 'reset_stop'):
            self.create_service(Trigger, f'driver/{name}', getattr(self, f'_on_{name}'))
        self.create_timer(1.0 / self._config.rate_hz, self._send)
        self.create_timer(LOOK_SECONDS, self._look_for_safety)
        self.create_timer(Diagnostics.PERIOD_S, self._diagnose)

    def _read_config(self) -> DriverConfig:
        if self.robot.driver is None:
            raise InputError(f'config/robots: robot {self.robot.name!r} has no key `driver`')
        return self.robot.driver

    def _on_state(self, message: JointStateMsg) -> None:
        try:
            self._state = convert.from_joint_state(message, self._state_order)
            self._misfits['joint_states'] = ''
        except InputError as error:
            self._misfits['joint_states'] = str(error)
            self.complain(error)
            return
        self._state_at = time.monotonic()
        self.clock_of_robot.update(self._state.stamp_ns)
        self._states.publish(
            convert.to_joint_state(self._state, self.robot.joints, self.robot.base_frame)
        )

    def _on_command(self, message: JointTrajectory, info: dict[str, Any]) -> None:
        publisher = convert.publisher_id(info)
        if publisher != self._trusted:
            self._look_for_safety()  # so that a stop names the stranger
            if publisher in self._unsettled:
                return
        try:
            command = convert.from_command(message, self._command_order, 'command')
            self._misfits['command'] = ''
        except InputError as error:
            self._misfits['command'] = str(error)
            self.complain(error)
            return
        age_s = (self.clock_of_robot.now_ns() - command.stamp_ns) * 1e-9
        taken = self._driver.accept(command, publisher, age_s, time.monotonic_ns())
        if not taken and self._driver.state in LIVE:
            self.complain(InputError(f'command: {self._driver.refusal}'))

    def _send(self) -> Setpoint | None:
        now_ns, state = time.monotonic_ns(), self._state
        setpoint = self._driver.tick(now_ns, None if state is None else state.position)
        if setpoint is not None and state is not None:
            self._vendor.send(setpoint, state, now_ns)
        self._tell()
        return setpoint

    def _tell(self) -> None:
        """Logs when it must be armed, when it may move, and when it is stopped."""
        state, reason = self._driver.state, self._driver.reason
        told = 'ready to move' if state in LIVE else f'{state}: {reason}'
        if told != self._told:
            self._told = told
            self.get_logger().warning(told)

    def _look_for_safety(self) -> None:
        """Trusts the one safety node; any other publisher latches a stop that names it."""
        publishers = self.get_publishers_info_by_topic('command')
        names = {bytes(p.endpoint_gid[:16]): p.node_name for p in publishers}
        strangers = set(names.values()) - {SAFETY} - self._unnamed(names)
        if strangers:
            found = ', '.join(sorted(strangers))
            reason = f'command: published by {found}; expected {SAFETY} alone'
            self._driver.stop(reason)
            if UNNAMED in self._driver.reason:
                self._driver.reason = reason  # the name came after the stop
        elif list(names.values()) == [SAFETY]:
            (self._trusted,) = names
            self._driver.trust(self._trusted)
        # A restarted safety node waits until its dead predecessor is forgotten.
        heirs = {SAFETY} if self._driver.state != 'armed' else set()
        waiting = heirs | self._unnamed(names)
        self._unsettled = {g for g, n in names.items() if n in waiting} - {self._trusted}

    def _unnamed(self, names: dict[bytes, str]) -> set[str]:
        """The name of whoever has none yet, for as long as that may be due to discovery."""
        if UNNAMED not in names.values():
            self._named_at = time.monotonic()
        seconds = NAMING_SECONDS[self._driver.state == 'armed']
        return {UNNAMED} if time.monotonic() - self._named_at < seconds else set()

    def _on_stop(self, message: Bool) -> None:
        if message.data:
            self._driver.stop('stop requested on the topic `stop`')

    def _on_arm(self, _: Trigger.Request, answer: Trigger.Response) -> Trigger.Response:
        try:
            self._check_preflight()
            self._driver.arm(self._present().position, time.monotonic_ns())
            answer.success = True
        except InputError as error:
            answer.message = str(error)
        return answer

    def _check_preflight(self) -> None:
        """Once armed, it is not asked again."""
        if self._looks:
            folder = Path(self.parameters.run_dir)
            check_verdict(folder, self.task.robot, self.task.name, self._started_s)
            self._looks = False

    def _present(self) -> JointState:
        """The joint state, if it and the commands fit to the arm."""
        for misfit in filter(None, self._misfits.values()):
            raise InputError(f'driver: {misfit}')
        age_s = time.monotonic() - self._state_at
        if self._state is None or age_s > self._config.watchdog_s:
            raise InputError(f'driver: {self._config.state_topic}: silent for {age_s:.3f} s')
        return self._state

    def _on_disarm(self, _: Trigger.Request, answer: Trigger.Response) -> Trigger.Response:
        self._driver.disarm('as requested')
        answer.success = True
        return answer

    def _on_reset_stop(self, _: Trigger.Request, answer: Trigger.Response) -> Trigger.Response:
        answer.message = self._driver.reason
        self._driver.reset_stop()
        answer.success = True
        return answer

    def _diagnose(self) -> None:
        """The driver's state, and how many commands it refused for which cause."""
        state, reason = self._driver.state, self._driver.reason
        message = ': '.join(filter(None, (state, reason)))
        self._diagnostics.send(LEVELS[state], message, dict(self._driver.refused))

    def shutdown(self) -> None:
        """Slows the arm down before the last message; its own controller may repeat that one."""
        self._driver.disarm('the driver ended')
        until = time.monotonic() + STOPPING_SECONDS
        while time.monotonic() < until:
            setpoint = self._send()
            if setpoint is None or not setpoint.velocity.any():
                self._vendor.wait_until_heard()
                return
            time.sleep(1.0 / self._config.rate_hz)


def main() -> None:
    """Runs the node alone."""
    run(DriverNode)
