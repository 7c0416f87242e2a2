# SPDX-License-Identifier: Apache-2.0
"""The simulated robot as its vendor's controllers offer it, to rehearse with `driver_node`.

    | topic | type | unit |
    |---|---|---|
    | in  `driver.command_topic` | by `driver.kind`, see `robot_rl/nodes/vendors.py` | |
    | in  `driver.gripper.command_topic` | std_msgs/Float64MultiArray | kind position_array |
    | out `driver.state_topic` | sensor_msgs/JointState | rad, rad/s, the vendor's names |
    | out `wrench`, `electrical_contact`, `scene_state`, pictures | as `bridge_node.py` | |

Nothing of it knows safety, watchdog or arming: those are the graph's, as on the real robot. The
arm starts where an episode starts; from there on only commands move it, in real time. Stamps are
the monotonic clock.
"""

import dataclasses
import time
from typing import Any

from robot_rl.errors import InputError
from robot_rl.nodes.common import GraphNode
from robot_rl.nodes.running import run
from robot_rl.priority import GUARD
from sim_bridge.build import make_world
from sim_bridge.last_hop import divisions
from sim_bridge.sensors import Sensors
from sim_bridge.vendor import Controllers
from sim_bridge.wrist import WrenchMean


class ArmNode(GraphNode):
    """Moves messages; the world computes.

    It stands for another machine, so it does not wait for what runs on this one.
    """

    priority = GUARD

    def __init__(self, **kwargs: Any) -> None:
        """Declares parameters, builds the world, opens the topics."""
        super().__init__('sim_arm', **kwargs)
        if self.parameters.lockstep:
            raise InputError('parameter sync: sim_arm needs realtime')
        self._controllers = Controllers(self)
        driver, hz = self.robot.driver, self.task.rates.control_hz
        assert driver is not None
        count = divisions(round(1000 / hz))
        self._mean, hz = WrenchMean(count), hz * count
        rates = dataclasses.replace(self.task.rates, control_hz=hz)
        self._world = make_world(dataclasses.replace(self.task, rates=rates), self.robot)
        self._world.reset(self.parameters.seed)
        names = driver.vendor_names(self.robot.joints)
        self._sensors = Sensors(self, self._world, driver.state_topic, names)
        self.create_timer(1 / hz, self._tick)

    def _tick(self) -> None:
        command = self._controllers.command(self._world.joint_state())
        if command is not None:
            self._world.apply(command)
        self._world.step()
        stamp_ns = time.monotonic_ns()
        wrench = self._mean.add(self._world.wrench())
        self._sensors.publish(dataclasses.replace(wrench, stamp_ns=stamp_ns))
        self._sensors.publish_states(stamp_ns)

    def shutdown(self) -> None:
        """Frees the renderers."""
        self._world.close()


def main() -> None:
    """Runs the node alone."""
    run(ArmNode)


if __name__ == '__main__':
    main()
