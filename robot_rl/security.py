# SPDX-License-Identifier: Apache-2.0
"""Who may say what on the wire: the graph's access policy, as SROS 2 takes it.

The policy is made for a task and a robot, as their topics depend on both. Whoever has none of its
enclaves can neither command the arm nor read its cameras.
"""

import argparse
from collections.abc import Iterable
from dataclasses import dataclass, field
from xml.etree import ElementTree as Xml

from robot_rl.control.robot import RobotConfig
from robot_rl.task import TaskConfig, load_task, robot_of

PREFIX = '/robot_rl'
VERSION = '0.2.0'

#: What every node says and answers besides.
COMMON_TOPICS = {'publish': ('rosout', 'parameter_events'), 'subscribe': ('clock',)}
COMMON_SERVICES = (
    *('describe_parameters', 'get_parameter_types', 'get_parameters', 'list_parameters'),
    *('set_parameters', 'set_parameters_atomically', 'get_type_description'),
)

#: What the safety node answers as a lifecycle node.
LIFECYCLE_SERVICES = tuple(
    f'safety_node/{name}'
    for name in (
        *('change_state', 'get_state', 'get_available_states'),
        *('get_available_transitions', 'get_transition_graph'),
    )
)

#: Nodes that the launch files let share one process.
SHARED = ('episode_node', 'policy_node', 'controller_node', 'reward_node', 'replay_node')


@dataclass(frozen=True)
class Rights:
    """What one node may do, relative names of topics and services.

    Attributes:
        publish: topics.
        subscribe: topics.
        reply: services.
        request: services.
    """

    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()
    reply: tuple[str, ...] = ()
    request: tuple[str, ...] = ()


@dataclass
class Graph:
    """The rights of every node of the graph that drives a robot.

    Attributes:
        task: what it does.
        robot: the arm.
        rights: by node.
    """

    task: TaskConfig
    robot: RobotConfig
    rights: dict[str, Rights] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Gathers the topics of the task and of the robot."""
        pictures = tuple(self.task.pictures)
        scene = ('scene_state',) if self.task.scene_sizes else ()
        contact = ('electrical_contact',) if self.task.reward.needs_contact else ()
        self.rights = {
            'episode_node': Rights(
                ('observation',),
                ('joint_states', 'wrench', 'reward', 'operator/event', *pictures, *scene),
                request=('control/reset',),
            ),
            'policy_node': Rights(('policy/action',), ('observation', 'policy/weights', 'reward')),
            'controller_node': Rights(
                ('control/action', 'control/command'),
                ('joint_states', 'observation', 'policy/action', 'teleop/action'),
                ('control/reset',),
            ),
            'reward_node': Rights(('reward',), ('observation', 'operator/event', *contact)),
            'replay_node': Rights(
                ('replay',),
                ('control/action', 'observation', 'replay/ack', 'reward', 'safety/status'),
            ),
            'safety_node': Rights(
                ('command', 'diagnostics', 'safety/status', 'safety_node/transition_event'),
                ('control/command', 'joint_states', 'stop', 'wrench'),
                ('safety/arm', 'safety/reset_stop', *LIFECYCLE_SERVICES),
            ),
            'driver_node': self._driver(),
            'learner_node': Rights(
                ('policy/weights', 'replay/ack'), ('replay',), ('save_checkpoint',)
            ),
            'teleop_node': Rights(('operator/event', 'stop', 'teleop/action'), ('joy',)),
        }
        if self.task.cameras:
            self.rights['camera_node'] = self._cameras()

    def _driver(self) -> Rights:
        driver = self.robot.driver
        topics: tuple[str, ...] = () if driver is None else (driver.command_topic,)
        services = ('driver/arm', 'driver/disarm', 'driver/reset_stop')
        goals: tuple[str, ...] = ()
        if self.robot.gripping and driver is not None and driver.gripper is not None:
            fingers = driver.gripper
            if fingers.kind in ('gripper_command', 'kinova'):
                goals = (f'{fingers.command_topic}/_action/send_goal',)
            else:
                topics += (fingers.command_topic,)
        states = () if driver is None else (driver.state_topic,)
        said = ('diagnostics', 'joint_states', *topics)
        return Rights(said, ('command', 'stop', *states), services, goals)

    def _cameras(self) -> Rights:
        pictures = self.task.pictures
        fractions = (f'{camera.name}/valid_fraction' for camera in self.task.cameras)
        raw = tuple(f'{picture}/image_raw' for picture in pictures)
        return Rights((*pictures, *fractions, 'diagnostics'), raw)

    def policy(self, namespace: str = '/') -> str:
        """SROS 2's policy file, version 0.2.0: an enclave for each process.

        Args:
            namespace: of all nodes.
        """
        root = Xml.Element('policy', version=VERSION)
        enclaves = Xml.SubElement(root, 'enclaves')
        processes = {'container': [n for n in self.rights if n in SHARED or n == 'camera_node']}
        for process, nodes in (processes | {node: [node] for node in self.rights}).items():
            enclave = Xml.SubElement(enclaves, 'enclave', path=f'{PREFIX}/{process}')
            profiles = Xml.SubElement(enclave, 'profiles')
            for node in nodes:
                profile = Xml.SubElement(profiles, 'profile', ns=namespace, node=node)
                self._fill(profile, self.rights[node])
        Xml.indent(root)
        return Xml.tostring(root, encoding='unicode')

    def _fill(self, profile: Xml.Element, rights: Rights) -> None:
        for verb in ('publish', 'subscribe'):
            names = (*getattr(rights, verb), *COMMON_TOPICS[verb])
            _allow(profile, ('topics', 'topic'), verb, names)
        own = (f'~/{name}' for name in COMMON_SERVICES)
        _allow(profile, ('services', 'service'), 'reply', (*rights.reply, *own))
        if rights.request:
            _allow(profile, ('services', 'service'), 'request', rights.request)


def _allow(profile: Xml.Element, tags: tuple[str, str], verb: str, names: Iterable[str]) -> None:
    block = Xml.SubElement(profile, tags[0], {verb: 'ALLOW'})
    for name in names:
        Xml.SubElement(block, tags[1]).text = name


def main(argv: list[str]) -> int:
    """The command: prints the policy."""
    parser = argparse.ArgumentParser(prog='robot-rl security', description=__doc__.split('\n')[0])
    parser.add_argument('--task', default='usb_insertion', help='name in config/tasks, or a file')
    parser.add_argument('--robot', default='', help="default: the task's own")
    parser.add_argument('--namespace', default='/', help='of all nodes')
    options = parser.parse_args(argv)
    task = load_task(options.task, options.robot)
    print(Graph(task, robot_of(task)).policy(options.namespace))
    return 0
