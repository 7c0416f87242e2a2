# SPDX-License-Identifier: Apache-2.0
"""The access policy: its file, and whether it says what the running graph does."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from arm_stage import Stage

from robot_rl.security import COMMON_SERVICES, COMMON_TOPICS, SHARED, Graph
from robot_rl.task import load_task, robot_of

TASK = load_task('usb_insertion')
ALONE = ('safety_node', 'driver_node', 'learner_node', 'teleop_node')


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage()
    made.start_script('arm', 'fake_arm.py')
    for node in (*SHARED, *ALONE):
        settings = {'sync': 'realtime', 'reset': 'motion', 'run_dir': tmp_path}
        made.start(node, node, **settings)
    yield made
    made.close()


def used(stage: Stage, node: str) -> dict[str, set[str]]:
    """Names that a node has on the wire, without those that every node has."""
    ask = stage.listener.node

    def names(of: Callable[[str, str], Any], common: tuple[str, ...]) -> set[str]:
        found = {name.removeprefix('/') for name, _ in of(node, '/')}
        return found - set(common) - {f'{node}/{name}' for name in common}

    try:
        return {
            'publish': names(ask.get_publisher_names_and_types_by_node, COMMON_TOPICS['publish']),
            'subscribe': names(
                ask.get_subscriber_names_and_types_by_node, COMMON_TOPICS['subscribe']
            ),
            'reply': names(ask.get_service_names_and_types_by_node, COMMON_SERVICES),
            'request': names(ask.get_client_names_and_types_by_node, ()),
        }
    except Exception:  # noqa: BLE001 - rclpy's, of a node that is not found yet
        return {}


@pytest.mark.graph
def test_the_running_graph_has_the_rights_that_it_uses_and_no_others(stage: Stage) -> None:
    rights = Graph(TASK, robot_of(TASK)).rights
    for node in (*SHARED, *ALONE):
        wanted = {verb: set(names) for verb, names in vars(rights[node]).items()}
        found = []

        def fits() -> bool:
            found.append(used(stage, node))  # noqa: B023
            return found[-1] == wanted  # noqa: B023

        assert stage.listener.until(fits, 60), f'{node}: {found[-1]}, expected {wanted}'


def test_each_process_has_an_enclave_with_its_nodes() -> None:
    task = load_task('jaco_lift')
    root = Xml.fromstring(Graph(task, robot_of(task)).policy('/cell'))
    enclaves = {e.attrib['path']: e for e in root.iter('enclave')}
    assert {'/robot_rl/container', '/robot_rl/safety_node', '/robot_rl/learner_node'} <= set(
        enclaves
    )
    shared = enclaves['/robot_rl/container'].iter('profile')
    assert {(p.attrib['ns'], p.attrib['node']) for p in shared} == {('/cell', n) for n in SHARED}
    driver = enclaves['/robot_rl/driver_node']
    goals = [s.text for block in driver.iter('services') for s in block]
    assert 'j2s6s300_driver/fingers_action/finger_positions/_action/send_goal' in goals
    publishers = [
        path
        for path, enclave in enclaves.items()
        for block in enclave.iter('topics')
        if 'publish' in block.attrib and 'command' in [topic.text for topic in block]
    ]
    assert publishers == ['/robot_rl/safety_node'], 'nobody else commands'
