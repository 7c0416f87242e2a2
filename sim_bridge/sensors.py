# SPDX-License-Identifier: Apache-2.0
"""A world's sensors on the topics of a robot's."""

from dataclasses import replace
from pathlib import Path

from geometry_msgs.msg import WrenchStamped
from robot_rl_msgs import msg as rr
from sensor_msgs.msg import Image, JointState

from robot_rl.nodes import conversions as convert, records
from robot_rl.nodes.common import GraphNode, sensor_qos
from robot_rl.types import Wrench
from sim_bridge.build import raw_pictures, scene_streams
from sim_bridge.world import World


class Sensors:
    """Publishes joint states and wrench each time, and what is slower at action ticks alone."""

    def __init__(
        self, node: GraphNode, world: World, state_topic: str, names: tuple[str, ...]
    ) -> None:
        """Opens the topics.

        Args:
            node: whose topics they are.
            world: what is sensed.
            state_topic: of the joint states.
            names: of the joints in them.
        """
        self._world, self._task, self._robot = world, node.task, node.robot
        self._names, self._action_tick_ns, self._episode = names, 0, 0
        run = node.parameters.run_dir
        self._looks_file = Path(run, 'looks.jsonl') if run else None
        qos = sensor_qos(node.parameters.lockstep)
        self._states = node.create_publisher(JointState, state_topic, qos)
        self._wrenches = node.create_publisher(WrenchStamped, 'wrench', qos)
        self._contacts = node.create_publisher(rr.DigitalInput, 'electrical_contact', qos)
        self._scenes = None
        if self._task.scene_sizes:
            self._scenes = node.create_publisher(rr.SceneState, 'scene_state', qos)
        cameras = self._task.cameras if self._task.pictures else ()
        streams = [f'{camera.name}/{kind}' for camera in cameras for kind in camera.kinds]
        self._pictures = {s: node.create_publisher(Image, f'{s}/image_raw', qos) for s in streams}

    def restart(self, episode: int) -> None:
        """Makes the next tick an action tick, the first of an episode."""
        self._action_tick_ns, self._episode = 0, episode

    def publish(self, wrench: Wrench) -> bool:
        """Sends everything but the joint states, at the wrench's time.

        Returns:
            Whether this is an action tick.
        """
        world, stamp_ns = self._world, wrench.stamp_ns
        self._wrenches.publish(convert.to_wrench(wrench, self._robot.tool_frame))
        if stamp_ns < self._action_tick_ns:
            return False
        self._action_tick_ns = stamp_ns + self._task.rates.action_period_ns
        contact = rr.DigitalInput(header=convert.header(stamp_ns), value=world.contact())
        self._contacts.publish(contact)
        if self._pictures:
            for stream, pixels in raw_pictures(world, self._task).items():
                frame = f'{stream.split("/")[0]}_optical_frame'
                self._pictures[stream].publish(convert.to_image(pixels, stamp_ns, frame))
            if self._looks_file:
                world.looks.note(self._looks_file, self._episode)
        if self._scenes is not None:
            told = scene_streams(world, self._task)
            self._scenes.publish(records.to_scene_state(stamp_ns, told))
        return True

    def publish_states(self, stamp_ns: int) -> None:
        """Sends the joint states: with them the tick is complete."""
        state = replace(self._world.joint_state(), stamp_ns=stamp_ns)
        frame = self._robot.base_frame
        self._states.publish(convert.to_joint_state(state, self._names, frame))
